//! A participant's stay by one connection, whatever door carries it: how it begins, and what the door
//! adds to what the room says.

use std::net::IpAddr;

use signaling_core::Admission;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::event::Event;
use signaling_core::grants::Asked;
use signaling_core::id::{ParticipantId, RoomId, Secret};
use signaling_core::info::IceServer;
use signaling_core::interest::Interest;
use signaling_core::reply::Reply;
use signaling_core::request::{Join, Request, Resume};

use crate::doors::Context;
use crate::hub::{Attachment, Entered, Visitor};
use crate::ice::Ice;
use crate::nearby;
use crate::outbox::{End, Moved, Parcel};
use crate::site::PageOrigin;

/// How somebody came to a door.
#[derive(Debug)]
pub struct Visit {
    /// Its address.
    pub address: IpAddr,
    /// Scheme and host that it asked for, if it named one.
    pub base_url: Option<String>,
    /// Whose page brings it.
    pub page: PageOrigin,
}

/// Who somebody is, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The room, or that whose lobby it is.
    pub room: RoomId,
    /// The participant in it.
    pub participant: ParticipantId,
}

/// Somebody who is in a room, or in its lobby, as long as this is kept.
#[derive(Debug)]
pub struct Participation {
    attachment: Attachment,
    participant: ParticipantId,
    /// Opens `resume`.
    secret: Secret,
    way: Way,
}

/// ICE servers are made out for the way that the client came.
struct Way {
    ice: Ice,
    base_url: Option<String>,
}

impl Way {
    /// The secret stands for who it is, on a later connection, too.
    fn ice_servers(&self, secret: Secret) -> Vec<IceServer> {
        self.ice.servers(self.base_url.as_deref(), secret)
    }
}

impl Participation {
    /// Begins by `door` with the first request, which must be a join or a resume. The reply is to be
    /// given before anything else.
    ///
    /// # Errors
    /// Those of [`Context::admit`], [`Hub::enter`](crate::hub::Hub::enter) and
    /// [`Hub::resume`](crate::hub::Hub::resume); [`ErrorCode::Unauthorized`] for any other request.
    pub async fn begin(
        context: &Context,
        door: &'static str,
        visit: Visit,
        request: Request,
    ) -> Result<(Participation, Reply), RequestError> {
        let Visit { address, base_url, page } = visit;
        let way = Way { ice: context.ice.clone(), base_url };
        let (attachment, secret, reply) = match request {
            Request::Join(ask) => {
                let secret = Secret(rand::random());
                let ice_servers = way.ice_servers(secret);
                let outcome = enter(context, (address, &page), ask, secret, ice_servers).await;
                context.note_join(door, &outcome);
                let (attachment, reply) = outcome?;
                (attachment, secret, reply)
            }
            Request::Resume(ask) => {
                let secret = ask.secret;
                let (attachment, reply) =
                    resume(context, address, ask, way.ice_servers(secret)).await?;
                (attachment, secret, reply)
            }
            _ => {
                return Err(RequestError::new(
                    ErrorCode::Unauthorized,
                    "the first request must be a join or a resume",
                ));
            }
        };
        let participant = match &reply {
            Reply::Joined(joined) => joined.snapshot.participant.id,
            Reply::InLobby(lobby) => lobby.waiting,
            Reply::Resumed(resumed) => resumed.participant,
            _ => return Err(RequestError::new(ErrorCode::Internal, "this is no reply to a join")),
        };
        Ok((Participation { attachment, participant, secret, way }, reply))
    }

    /// Who this is, and where.
    pub fn place(&self) -> Place {
        Place { room: self.attachment.room(), participant: self.participant }
    }

    /// Gives a request to the room. The reply comes as a parcel.
    ///
    /// # Errors
    /// As [`Attachment::request`].
    pub fn request(&self, id: u64, mut request: Request) -> Result<(), RequestError> {
        if let Request::IceServers { fresh } = &mut request {
            *fresh = self.way.ice_servers(self.secret);
        }
        self.attachment.request(id, request)
    }

    /// The next parcel.
    ///
    /// # Errors
    /// As [`Attachment::next`].
    pub async fn next(&mut self) -> Result<Parcel, End> {
        self.attachment.next().await
    }

    /// Goes on in another room. The event says so to the client.
    pub fn follow(&mut self, moved: Moved) -> Event {
        let Moved { attachment, mut joined } = moved;
        self.attachment = attachment;
        self.participant = joined.snapshot.participant.id;
        self.secret = joined.resume;
        // Those of the room before may have ended.
        joined.ice_servers = self.way.ice_servers(self.secret);
        Event::Moved { joined }
    }

    /// Leaves at once: nobody comes back to this place.
    pub async fn leave(&mut self) {
        self.attachment.leave().await;
    }
}

impl std::fmt::Debug for Way {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Way").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

async fn enter(
    context: &Context,
    (address, page): (IpAddr, &PageOrigin),
    ask: Join,
    secret: Secret,
    ice_servers: Vec<IceServer>,
) -> Result<(Attachment, Reply), RequestError> {
    let asked = Asked {
        room: ask.room,
        identity: ask.identity,
        name: ask.name,
        attributes: ask.attributes,
    };
    let admitted = context.admit(address, &ask.token, asked)?;
    let entry = admitted.entry;
    context.admit_page(page, Some(&entry.room), admitted.origin.as_deref())?;
    let identity = entry.identity.ok_or_else(|| {
        RequestError::new(ErrorCode::BadRequest, "neither the token nor the join names an identity")
    })?;
    let is_nearby = nearby::is_nearby(&entry.room);
    let visitor = Visitor {
        room: entry.room,
        may_create: admitted.may_create,
        wants_events: true,
        bearer: admitted.bearer,
        admission: Admission {
            identity,
            name: entry.name,
            metadata: entry.metadata,
            attributes: entry.attributes,
            grants: entry.grants,
            // Among strangers nobody steers.
            guest: context.authority.guests_are_welcome() && !is_nearby,
            headless: false,
            interest: match ask.auto_subscribe {
                Some(false) => Interest::None,
                _ => Interest::All,
            },
            ice_servers,
            issuer: admitted.issuer,
            expires_at: admitted.expires_at,
            password: ask.password,
            resume: secret,
            moved_from: None,
        },
    };
    Ok(match context.hub.enter(visitor).await? {
        (attachment, Entered::Room(joined)) => (attachment, Reply::Joined(joined)),
        (attachment, Entered::Lobby(lobby)) => (attachment, Reply::InLobby(lobby)),
    })
}

/// Whose page it is does not matter here: only one that was let in has the secret. Those who come back are
/// not slowed down: after a blip of the network they come all at once. Those
/// who guess are.
async fn resume(
    context: &Context,
    address: IpAddr,
    ask: Resume,
    ice_servers: Vec<IceServer>,
) -> Result<(Attachment, Reply), RequestError> {
    context.nearby.check(&ask.room, address)?;
    match context.hub.resume(ask, ice_servers).await {
        Ok((attachment, resumed)) => Ok((attachment, Reply::Resumed(resumed))),
        Err(error) => {
            context.limit_joins(address)?;
            Err(error)
        }
    }
}
