//! What is said on a connection that carries frames both ways, whatever carries it: a join, a resume or
//! an observe first, then requests in and parcels out, then a closing word.

use std::time::{Duration, Instant};

use bytes::Bytes;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::event::LeaveReason;
use signaling_core::reply::{Done, Outcome, Reply};
use signaling_core::request::{Request, RequestFrame};
use tokio::time::timeout;

use crate::doors::Context;
use crate::frame::{self, BadFrame};
use crate::limits::TokenBucket;
use crate::participation::{Participation, Place, Visit};
use crate::shortcut::Shortcut;
use crate::sweep::Format;
use crate::watch::Watch;

mod observer;
mod participant;

/// A connection without a token is closed after that long.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(5);
/// How often we ask whether the other side is there.
const CHECK_INTERVAL: Duration = Duration::from_secs(15);

/// Close codes that are no error's (RFC 6455 §7.4.1).
pub mod close {
    /// All is said.
    pub const NORMAL: u16 = 1000;
    /// A frame of a kind that is not for here.
    pub const UNSUPPORTED: u16 = 1003;
    /// Text that is not UTF-8.
    pub const INVALID: u16 = 1007;
    /// A frame that is too long.
    pub const SIZE: u16 = 1009;
}

/// What carries frames both ways: a WebSocket, a stream of WebTransport.
pub trait Carrier: Send + 'static {
    /// The door's name among the joins that are counted.
    const DOOR: &'static str;

    /// The next frame. Nothing is lost when the future is dropped.
    fn receive(&mut self) -> impl Future<Output = Result<Frame, Ending>> + Send;

    /// Sends a text of JSON.
    fn send_text(&mut self, json: Bytes) -> impl Future<Output = Result<(), Ending>> + Send;

    /// Sends a data message's envelope.
    fn send_binary(&mut self, envelope: Bytes) -> impl Future<Output = Result<(), Ending>> + Send;

    /// Asks whether the other side is there: every fifteen seconds.
    fn check(&mut self) -> impl Future<Output = Result<(), Ending>> + Send;

    /// The other side is no stranger any more: it is a participant at this place, at another one than
    /// before, or (`None`) an observer.
    fn welcome(&mut self, place: Option<Place>);

    /// The way to the bare socket, and how texts are written there, where there is one.
    fn shortcut(&self) -> Option<(Shortcut, Format)> {
        None
    }

    /// Says the closing word, as far as the other side listens.
    fn end(self, ending: Ending) -> impl Future<Output = ()> + Send;
}

/// What the other side has sent.
#[derive(Debug)]
pub enum Frame {
    /// A request as JSON.
    Text(String),
    /// A data message's envelope.
    Binary(Bytes),
    /// Nothing but a sign of life, which counts as a message nevertheless.
    Alive,
    /// Its page was closed: it does not come back to its place.
    Away,
}

/// The last word of a connection.
#[derive(Debug)]
pub struct Goodbye {
    /// A close code (RFC 6455 §7.4): WebTransport closes with the same numbers.
    pub code: u16,
    /// The reason for people.
    pub reason: String,
}

impl Goodbye {
    /// With this code, for this reason.
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        Goodbye { code, reason: reason.into() }
    }

    /// The other side reads too slowly.
    pub fn too_slow() -> Self {
        Goodbye::new(ErrorCode::Busy.row().close, "this reader is too slow; join again")
    }

    /// The reason, cut at the end of a letter to `most` bytes.
    pub fn reason_within(mut self, most: usize) -> String {
        let length = self.reason.len();
        let end = (0..=most.min(length)).rev().find(|end| self.reason.is_char_boundary(*end));
        self.reason.truncate(end.unwrap_or(0));
        self.reason
    }
}

impl From<RequestError> for Goodbye {
    fn from(error: RequestError) -> Self {
        Goodbye::new(error.code.row().close, error.message)
    }
}

/// How a connection ends: with a word, or `None` when the other side is gone already or has said the
/// last one.
pub type Ending = Option<Goodbye>;

/// Talks until either side is done.
pub async fn run<C: Carrier>(mut carrier: C, context: Context, visit: Visit) {
    let begun = timeout(STRANGER_TIMEOUT, begin(&mut carrier, &context, visit)).await;
    let ending = match begun {
        Ok(Ok(Role::Observer(watch))) => {
            carrier.welcome(None);
            let bucket = TokenBucket::new(context.requests, Instant::now());
            // Of those there are many, and what has led here is large.
            let task = context.tasks.subscribe();
            tokio::spawn(async move {
                observer::run(carrier, *watch, bucket).await;
                drop(task);
            });
            return;
        }
        Ok(Ok(Role::Participant(participation))) => {
            carrier.welcome(Some(participation.place()));
            let bucket = TokenBucket::new(context.requests, Instant::now());
            participant::run(&mut carrier, *participation, bucket).await
            // The attachment goes here: the room hears of the end before the closing word.
        }
        Ok(Err(ending)) => ending,
        Err(_) => Some(Goodbye::new(
            ErrorCode::Unauthorized.row().close,
            "no join with a token came in time",
        )),
    };
    carrier.end(ending).await;
}

/// Who is at the other side.
enum Role {
    Participant(Box<Participation>),
    Observer(Box<Watch>),
}

/// The first frame must be a join, a resume or an observe. Its reply is sent either way.
async fn begin<C: Carrier>(
    carrier: &mut C,
    context: &Context,
    visit: Visit,
) -> Result<Role, Ending> {
    let text = loop {
        match carrier.receive().await? {
            Frame::Text(text) => break text,
            Frame::Alive => {}
            Frame::Binary(_) => return Err(unsupported()),
            Frame::Away => return Err(None),
        }
    };
    let RequestFrame { id, request } = match frame::parse(&text) {
        Ok(frame) => frame,
        Err(BadFrame { id, error }) => return Err(refuse(carrier, id, error).await),
    };
    let begun = match request {
        Request::Observe(ask) => {
            let watch = Watch::open(context, visit.address, &visit.page, ask).await;
            watch.map(|watch| (Role::Observer(Box::new(watch)), Reply::Done(Done {})))
        }
        request => Participation::begin(context, C::DOOR, visit, request)
            .await
            .map(|(participation, reply)| (Role::Participant(Box::new(participation)), reply)),
    };
    match begun {
        Ok((role, reply)) => {
            send_reply(carrier, id, Outcome::Ok(reply)).await?;
            Ok(role)
        }
        Err(error) => Err(refuse(carrier, Some(id), error).await),
    }
}

/// Refuses the first frame: a reply where it has a number, and the end either way.
async fn refuse<C: Carrier>(carrier: &mut C, id: Option<u64>, error: RequestError) -> Ending {
    if let Some(id) = id
        && let Err(ending) = send_reply(carrier, id, Outcome::Error(error.clone())).await
    {
        return ending;
    }
    Some(error.into())
}

/// A frame of a kind that is not for here.
pub fn unsupported() -> Ending {
    Some(Goodbye::new(close::UNSUPPORTED, "frames of this kind are not understood"))
}

async fn send_reply<C: Carrier>(carrier: &mut C, re: u64, outcome: Outcome) -> Result<(), Ending> {
    match frame::reply(re, outcome) {
        Some(text) => carrier.send_text(text.into()).await,
        None => Err(Some(failed())),
    }
}

/// What we say for a fault of ours.
pub fn failed() -> Goodbye {
    farewell(LeaveReason::Internal)
}

/// What a participant that the room lets go of is told. The event `disconnected` came before it.
fn farewell(reason: LeaveReason) -> Goodbye {
    let (code, text) = match reason {
        LeaveReason::Left => (close::NORMAL, "left"),
        LeaveReason::RoomEnded => (close::NORMAL, "the room has ended"),
        LeaveReason::ConnectionLost => (close::NORMAL, "another connection took over"),
        LeaveReason::Moved => (close::NORMAL, "moved to another room"),
        LeaveReason::Removed => (ErrorCode::Forbidden.row().close, "removed by a moderator"),
        LeaveReason::TooSlow => (ErrorCode::Busy.row().close, "this reader is too slow"),
        // The status that HTTP has for it, as the rows of `ErrorCode` do.
        LeaveReason::DuplicateIdentity => (4409, "the same identity joined again"),
        LeaveReason::ServerStopping => (ErrorCode::Stopping.row().close, "the server is stopping"),
        LeaveReason::Internal => (ErrorCode::Internal.row().close, "the server failed; join again"),
    };
    Goodbye::new(code, text)
}
