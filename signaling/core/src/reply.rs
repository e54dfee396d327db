//! The answers to requests: exactly one for each, whatever door it leaves by.
//!
//! On the wire a reply is `{"re": 7, "ok": …}` or `{"re": 7, "error": …}`.

use serde::{Deserialize, Serialize};

use crate::error::RequestError;
use crate::id::{ParticipantId, Secret};
use crate::info::{ChatMessage, IceServer, Limits, TrackInfo};
use crate::media::MediaLine;
use crate::snapshot::Snapshot;

/// The one answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReplyFrame {
    /// The request's `id`.
    #[cfg_attr(test, ts(type = "number"))]
    pub re: u64,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a request: `"ok": …` or `"error": …`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Ok(Reply),
    /// It was not done.
    Error(RequestError),
}

/// What a granted request returns. Which one follows from the request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(untagged)]
pub enum Reply {
    /// To `join`.
    Joined(Box<Joined>),
    /// To `join`, too.
    InLobby(InLobby),
    /// To `resume`.
    Resumed(Resumed),
    /// To `offer`.
    Answer(Answer),
    /// To `ice_servers`.
    IceServers(IceServers),
    /// To `publish`.
    Published(Published),
    /// To `chat`.
    Posted(Posted),
    /// To everything else: `{}`.
    Done(Done),
}

/// `{}`: done, nothing to tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Done {}

/// Reply to [`Request::Join`](crate::request::Request::Join): the room as it is at its cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Joined {
    /// What there is to see.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// Opens [`Request::Resume`](crate::request::Request::Resume) while the participant is in the
    /// room. Never to be shown or stored beyond the page.
    pub resume: Secret,
    /// For `RTCPeerConnection`, as the browser takes them.
    pub ice_servers: Vec<IceServer>,
    /// What the client must keep to.
    pub limits: Limits,
}

/// Reply to [`Request::Join`](crate::request::Request::Join) where a lobby is before the room.
/// [`Event::LobbyAdmitted`](crate::event::Event::LobbyAdmitted) or
/// [`Event::Disconnected`](crate::event::Event::Disconnected) follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct InLobby {
    /// The participant that the asker will be.
    pub waiting: ParticipantId,
}

/// Reply to [`Request::Resume`](crate::request::Request::Resume): the participant is back. Those of
/// the events after `after` up to `to` that are for it follow at once, or else
/// [`Event::Gap`](crate::event::Event::Gap) for the same range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Resumed {
    /// Who the asker is.
    pub participant: ParticipantId,
    /// The number that the range begins after; 0 when the cursor is of another journal.
    #[cfg_attr(test, ts(type = "number"))]
    pub after: u64,
    /// The number that the range ends with.
    #[cfg_attr(test, ts(type = "number"))]
    pub to: u64,
    /// For `RTCPeerConnection`, made out anew.
    pub ice_servers: Vec<IceServer>,
}

/// Reply to [`Request::Offer`](crate::request::Request::Offer).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Answer {
    /// The session description to set as the remote one.
    pub sdp: String,
    /// Its m-lines, for doors that publish on the asker's behalf (WHIP). Not on the wire: a browser
    /// knows its own.
    #[serde(skip)]
    pub lines: Vec<MediaLine>,
}

/// Reply to [`Request::IceServers`](crate::request::Request::IceServers).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IceServers {
    /// For `RTCPeerConnection`, made out anew.
    pub ice_servers: Vec<IceServer>,
}

/// Reply to [`Request::Publish`](crate::request::Request::Publish).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Published {
    /// The new track.
    pub track: TrackInfo,
}

/// Reply to [`Request::Chat`](crate::request::Request::Chat).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Posted {
    /// The message as everybody sees it.
    pub message: ChatMessage,
}
