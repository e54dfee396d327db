//! Everything anybody may ask of a room: one enum, whatever door it comes through.
//!
//! On the wire a request is `{"id": 7, "type": "chat", "text": "hello"}`. It gets exactly one
//! [`Reply`](crate::reply::Reply) with the same number.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{ParticipantId, Secret, TrackId};
use crate::info::{IceServer, MediaKind, Role, TrackSource};

/// A numbered request as it stands in one frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RequestFrame {
    /// Chosen by the asker, unique among its unanswered requests; comes back as `re`.
    #[cfg_attr(test, ts(type = "number"))]
    pub id: u64,
    /// What is asked.
    #[serde(flatten)]
    pub request: Request,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// The first request on a connection: enter the room that the token names.
    Join(Join),
    /// The first request on a new connection after one was lost: be the same participant again.
    Resume(Resume),
    /// The first request on a WebSocket of somebody who only reads: events, without being in the room.
    Observe(Observe),
    /// Ask for a sign of life.
    Ping,
    /// Leave the room, or its lobby. The connection is closed after the reply.
    Leave,
    /// A browser's SDP offer; the reply is [`Answer`](crate::reply::Answer). Later offers on the
    /// same participant renegotiate the same peer connection.
    Offer(Offer),
    /// One trickled ICE candidate of the asker's peer connection.
    Candidate(Candidate),
    /// Make out the STUN and TURN servers anew: their credentials end. Clients ask when those they have
    /// are an hour old, before they look for a new path.
    IceServers {
        /// The new ones, from the door. Not on the wire.
        #[serde(skip)]
        #[cfg_attr(test, ts(skip))]
        fresh: Vec<IceServer>,
    },
    /// Make the media of one m-line of an earlier offer a track of the room.
    Publish(Publish),
    /// End a track that the asker published.
    Unpublish(Unpublish),
    /// Mute or unmute a track that the asker published. A moderator can mute anybody's.
    Mute(Mute),
    /// Receive these tracks.
    Subscribe(Tracks),
    /// Do not receive these tracks.
    Unsubscribe(Tracks),
    /// Tell how large the asker shows which tracks.
    Viewport(Viewport),
    /// Say something to everybody in the room, or to some.
    Chat(Chat),
    /// Raise or lower one's hand. A moderator can lower anybody's.
    Hand(Hand),
    /// Change one's own name, metadata or attributes. A moderator can change anybody's.
    Update(Update),
    /// Send a message of the application's own. The reply says that it will reach everybody whom it
    /// is for, once and in the sender's order.
    Send(Send),
    /// Receive the messages on these topics that are for their listeners only.
    Listen(Listen),
    /// Give a description or a candidate to one participant, unread.
    Signal(Signal),
    /// Moderators: ask a participant to unmute a track.
    AskToUnmute(AskToUnmute),
    /// Moderators: take a participant out of the room and bar it until its token ends.
    Remove(Remove),
    /// Moderators: give or take the right to steer.
    SetRole(SetRole),
    /// Moderators: change what a participant may do.
    SetGrants(SetGrants),
    /// Moderators: move a participant to a breakout room of this room, or back.
    Move(Move),
    /// Moderators: lock the room, put a lobby or a password before it.
    SetRoom(SetRoom),
    /// Moderators: let somebody in who waits in the lobby.
    Admit(Admit),
    /// Moderators: send somebody away who waits in the lobby.
    Deny(Deny),
    /// Moderators: end the room for everybody.
    End,
}

/// Payload of [`Request::Join`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Join {
    /// The access token (JWT). It belongs here and never in a URL, which ends up in logs.
    pub token: String,
    /// The room, for tokens that name none (service tokens).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub room: Option<String>,
    /// The identity, for tokens that name none (service tokens).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub identity: Option<String>,
    /// The display name; the token's own name wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub name: Option<String>,
    /// Attributes to begin with; the token's own win.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub attributes: Option<BTreeMap<String, String>>,
    /// The room's password, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub password: Option<String>,
    /// Whether everybody's tracks are received without asking; absent means yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub auto_subscribe: Option<bool>,
}

/// Payload of [`Request::Observe`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Observe {
    /// An access token (JWT) with `oriel.observe`.
    pub token: String,
    /// The room; absent means all rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub room: Option<String>,
    /// The cursor after which to read; absent means from now on, beginning with an overview.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub after: Option<String>,
    /// The types of events to read; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub types: Option<Vec<String>>,
}

/// Payload of [`Request::Resume`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Resume {
    /// The room's name.
    pub room: String,
    /// From the reply to the join.
    pub secret: Secret,
    /// The place of the last event read: `epoch.seq`.
    pub cursor: String,
}

/// Payload of [`Request::Offer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Offer {
    /// The session description (RFC 8866), 256 KiB at most.
    pub sdp: String,
}

/// Payload of [`Request::Candidate`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Candidate {
    /// The candidate attribute without `a=` (RFC 8839 §5.1). Empty means "no more".
    pub candidate: String,
}

/// Payload of [`Request::Publish`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Publish {
    /// The `a=mid` of the sending m-line.
    pub mid: String,
    /// Audio or video.
    pub kind: MediaKind,
    /// Where the media comes from. Camera and microphone of a participant are kept in sync with
    /// each other, and so are the two sources of a screen share.
    pub source: TrackSource,
    /// A label for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub name: Option<String>,
    /// Published in the muted state.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub muted: bool,
}

/// Payload of [`Request::Unpublish`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Unpublish {
    /// The track.
    pub track: TrackId,
}

/// Payload of [`Request::Mute`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Mute {
    /// The track.
    pub track: TrackId,
    /// The state wanted.
    pub muted: bool,
}

/// Payload of [`Request::Subscribe`] and [`Request::Unsubscribe`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Tracks {
    /// 1 to 256 tracks of others. Those that are gone are passed over.
    pub tracks: Vec<TrackId>,
}

/// Payload of [`Request::Viewport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Viewport {
    /// 1 to 256 sizes, each replacing the one that was told of its track before.
    pub sizes: Vec<ViewportSize>,
}

/// How large a track is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ViewportSize {
    /// A video track of somebody else.
    pub track: TrackId,
    /// Device pixels. With 0 x 0 it is not visible, and nothing of it is sent.
    pub width: u32,
    /// Device pixels.
    pub height: u32,
}

/// Payload of [`Request::Chat`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Chat {
    /// Plain text, 1 to 8192 bytes.
    pub text: String,
    /// For whom it is, 1 to 64 participants; absent means everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub to: Option<Vec<ParticipantId>>,
}

/// Payload of [`Request::Hand`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Hand {
    /// The state wanted.
    pub raised: bool,
    /// Whose hand a moderator lowers; absent means one's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub participant: Option<ParticipantId>,
}

/// Payload of [`Request::Update`]. What is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Update {
    /// Whom a moderator changes; absent means oneself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub participant: Option<ParticipantId>,
    /// The display name, 1 to 128 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub name: Option<String>,
    /// Free text, 16 KiB at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub metadata: Option<String>,
    /// Attributes to set; those with an empty value are taken away. 16 KiB at most in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub attributes: Option<BTreeMap<String, String>>,
}

/// Payload of [`Request::Send`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Send {
    /// What it is about, 128 bytes at most.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<String>"))]
    pub topic: String,
    /// The bytes: base 64 (RFC 4648 §4) in JSON.
    #[serde(with = "crate::base64")]
    #[cfg_attr(test, ts(type = "string"))]
    pub payload: Arc<[u8]>,
    /// For whom it is, 1 to 64 participants; absent means everybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub to: Option<Vec<ParticipantId>>,
    /// Only for those who listen to the topic. Not together with `to`.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub listeners: bool,
    /// May be lost when it would come late.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub lossy: bool,
    /// Is the topic's value from now on, which those who come later are told: 16 KiB at most. Without
    /// payload the topic has none any more. It is for everybody, the sender included, and comes without loss.
    #[serde(default)]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub retain: bool,
    /// The sender's own number for the message; told to the receivers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub message: Option<u64>,
}

/// Payload of [`Request::Listen`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Listen {
    /// All topics that are wanted from now on: 64 at most, of 128 bytes each.
    pub topics: Vec<String>,
}

/// Payload of [`Request::Signal`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Signal {
    /// The other participant.
    pub to: ParticipantId,
    /// A description or candidate in the clients' own form. The server does not read it.
    pub data: String,
}

/// Payload of [`Request::AskToUnmute`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct AskToUnmute {
    /// The track.
    pub track: TrackId,
}

/// Payload of [`Request::Remove`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Remove {
    /// Who.
    pub participant: ParticipantId,
}

/// Payload of [`Request::SetRole`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SetRole {
    /// Whose.
    pub participant: ParticipantId,
    /// The role wanted.
    pub role: Role,
}

/// Payload of [`Request::SetGrants`]. What is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SetGrants {
    /// Whose.
    pub participant: ParticipantId,
    /// The sources it may publish; empty for none. Tracks of others end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub can_publish: Option<Vec<TrackSource>>,
    /// Whether it receives media.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub can_subscribe: Option<bool>,
    /// Whether it may chat and send data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub can_publish_data: Option<bool>,
}

/// Payload of [`Request::Move`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Move {
    /// Who.
    pub participant: ParticipantId,
    /// A breakout room of this room, whose name begins with this room's name and a dot; or the room
    /// that the participant was moved from.
    pub room: String,
}

/// Payload of [`Request::SetRoom`]. What is absent stays. It all ends when nobody is left in the
/// room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SetRoom {
    /// Whether nobody comes in any more, moderators aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub locked: Option<bool>,
    /// Whether newcomers wait in a lobby. Without one, whoever waits is let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub lobby: Option<bool>,
    /// The password that newcomers must know, up to 128 bytes; empty for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub password: Option<String>,
}

/// Payload of [`Request::Admit`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Admit {
    /// From the list of those who wait.
    pub participant: ParticipantId,
}

/// Payload of [`Request::Deny`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Deny {
    /// From the list of those who wait.
    pub participant: ParticipantId,
}
