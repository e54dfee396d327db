//! What can be asked, and the kind of reply that answers it: the protocol's rule "which one follows
//! from the request" as types.

use signaling_core::reply::{Answer, Done, Joined, Posted, Published, Reply};
use signaling_core::request::{
    Candidate, Chat, Join, Mute, Offer, Publish, Request, Signal, Unpublish,
};

/// Something that can be asked, and the reply that answers it.
pub trait Ask {
    /// What a granted request returns.
    type Reply;

    /// The `type` of the request.
    const NAME: &'static str;

    /// The request as it is sent.
    fn request(self) -> Request;

    /// The reply of the right kind, or what came instead.
    ///
    /// # Errors
    ///
    /// Returns `reply` when it answers another kind of request.
    fn reply(reply: Reply) -> Result<Self::Reply, Reply>;
}

/// To leave the room; see [`Request::Leave`].
#[derive(Debug, Clone, Copy)]
pub struct Leave;

/// One line per request: the payload, its `type`, how it is sent, and the reply that answers it.
macro_rules! asks {
    ($($payload:ident, $name:literal, $request:expr => $variant:ident($reply:ty);)*) => {$(
        impl Ask for $payload {
            type Reply = $reply;
            const NAME: &'static str = $name;

            fn request(self) -> Request {
                let request: fn(Self) -> Request = $request;
                request(self)
            }

            fn reply(reply: Reply) -> Result<$reply, Reply> {
                match reply {
                    Reply::$variant(reply) => Ok(reply),
                    other => Err(other),
                }
            }
        }
    )*};
}

asks! {
    Join, "join", Request::Join => Joined(Box<Joined>);
    Leave, "leave", |_| Request::Leave => Done(Done);
    Offer, "offer", Request::Offer => Answer(Answer);
    Candidate, "candidate", Request::Candidate => Done(Done);
    Publish, "publish", Request::Publish => Published(Published);
    Unpublish, "unpublish", Request::Unpublish => Done(Done);
    Mute, "mute", Request::Mute => Done(Done);
    Chat, "chat", Request::Chat => Posted(Posted);
    Signal, "signal", Request::Signal => Done(Done);
}
