//! Everything that happened, and the answers to requests: one enum, whatever door it leaves by.
//!
//! On the wire an event is `{"seq": 41, "type": "track.muted", …}`. Only durable events carry a
//! number; a reader's place in the log is the [`Cursor`](crate::journal::Cursor) `epoch.seq`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::RequestError;
use crate::id::{ChatId, ParticipantId, RoomId, TrackId};
use crate::media::MediaLine;

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
}

/// Where a track's media comes from. The words are those of LiveKit's `canPublishSources`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum TrackSource {
    /// A camera, or an encoder's main picture.
    Camera,
    /// A microphone, or an encoder's main sound.
    Microphone,
    /// A shared screen, window or tab.
    ScreenShare,
    /// The sound of a shared screen, window or tab.
    ScreenShareAudio,
}

impl TrackSource {
    /// Every source.
    pub const ALL: [TrackSource; 4] = [
        TrackSource::Camera,
        TrackSource::Microphone,
        TrackSource::ScreenShare,
        TrackSource::ScreenShareAudio,
    ];

    /// The word on the wire and in `canPublishSources`.
    pub const fn word(self) -> &'static str {
        match self {
            TrackSource::Camera => "camera",
            TrackSource::Microphone => "microphone",
            TrackSource::ScreenShare => "screen_share",
            TrackSource::ScreenShareAudio => "screen_share_audio",
        }
    }

    /// Whether it gives sound or pictures.
    pub const fn kind(self) -> MediaKind {
        match self {
            TrackSource::Camera | TrackSource::ScreenShare => MediaKind::Video,
            TrackSource::Microphone | TrackSource::ScreenShareAudio => MediaKind::Audio,
        }
    }

    /// Whether it belongs to a screen share.
    pub const fn is_screen(self) -> bool {
        matches!(self, TrackSource::ScreenShare | TrackSource::ScreenShareAudio)
    }
}

/// What a participant may do beyond its grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May steer the room: `roomAdmin` in the token, or the first to come into an open room.
    Moderator,
    /// Everybody else.
    Participant,
}

/// A participant as the others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ParticipantInfo {
    /// This participation; new for every join.
    pub id: ParticipantId,
    /// Who it is: the token's `sub`. One participant per identity and room.
    pub identity: String,
    /// The display name.
    pub name: String,
    /// Moderator or not.
    pub role: Role,
    /// Free text from the token.
    pub metadata: String,
    /// Free key-value pairs from the token.
    pub attributes: BTreeMap<String, String>,
    /// Milliseconds since 1970 (UTC).
    #[cfg_attr(test, ts(type = "number"))]
    pub joined_at: u64,
    /// What it has published, oldest first.
    pub tracks: Vec<TrackInfo>,
}

/// A published track as the others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TrackInfo {
    /// The track.
    pub id: TrackId,
    /// Audio or video.
    pub kind: MediaKind,
    /// Where the media comes from.
    pub source: TrackSource,
    /// A label for people; may be empty.
    pub name: String,
    /// Whether the publisher has muted it.
    pub muted: bool,
}

/// Why a participant is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// It said so.
    Left,
    /// Its last connection was gone longer than the lease.
    ConnectionLost,
    /// The same identity joined again; the newest wins.
    DuplicateIdentity,
    /// The room ended.
    RoomEnded,
    /// The server is stopping.
    ServerStopping,
    /// The server failed; joining again is the remedy.
    Internal,
}

/// Why a room is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Nobody was in it for `rooms.empty_timeout`.
    Empty,
    /// The server is stopping.
    ServerStopping,
    /// The room's task failed.
    Internal,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "type")]
pub enum Event {
    /// The room began.
    #[serde(rename = "room.started")]
    RoomStarted {
        /// The room.
        room: RoomInfo,
    },
    /// The room is over.
    #[serde(rename = "room.ended")]
    RoomEnded {
        /// Why.
        reason: EndReason,
    },
    /// Somebody came in.
    #[serde(rename = "participant.joined")]
    ParticipantJoined {
        /// The newcomer.
        participant: ParticipantInfo,
    },
    /// Somebody is gone, with all of their tracks.
    #[serde(rename = "participant.left")]
    ParticipantLeft {
        /// Who.
        participant: ParticipantId,
        /// Why.
        reason: LeaveReason,
    },
    /// Somebody's role, name, metadata or attributes changed.
    #[serde(rename = "participant.updated")]
    ParticipantUpdated {
        /// As it is now.
        participant: ParticipantInfo,
    },
    /// A track is there.
    #[serde(rename = "track.published")]
    TrackPublished {
        /// Whose.
        participant: ParticipantId,
        /// The track.
        track: TrackInfo,
    },
    /// A track is gone. Slots that carried it are free without further word.
    #[serde(rename = "track.unpublished")]
    TrackUnpublished {
        /// Whose.
        participant: ParticipantId,
        /// The track.
        track: TrackId,
    },
    /// A track was muted by its publisher.
    #[serde(rename = "track.muted")]
    TrackMuted {
        /// Whose.
        participant: ParticipantId,
        /// The track.
        track: TrackId,
    },
    /// A track was unmuted by its publisher.
    #[serde(rename = "track.unmuted")]
    TrackUnmuted {
        /// Whose.
        participant: ParticipantId,
        /// The track.
        track: TrackId,
    },
    /// Somebody wrote something.
    #[serde(rename = "chat.posted")]
    ChatPosted {
        /// The message.
        message: ChatMessage,
    },
    /// Private: this track now flows on that m-line of the receiver's peer connection.
    #[serde(rename = "subscription.bound")]
    SubscriptionBound {
        /// Whose track it is.
        participant: ParticipantId,
        /// The track.
        track: TrackId,
        /// The `a=mid` of the receiving m-line (slot).
        mid: String,
        /// Grows with each binding of the slot: tells late frames of its previous track apart.
        #[cfg_attr(test, ts(type = "number"))]
        bind: u64,
    },
    /// Private: the track no longer flows on that m-line. Detach it now; packets stop after this.
    #[serde(rename = "subscription.unbound")]
    SubscriptionUnbound {
        /// Whose track it is.
        participant: ParticipantId,
        /// The track.
        track: TrackId,
        /// The `a=mid` of the receiving m-line (slot).
        mid: String,
        /// The number that the binding had.
        #[cfg_attr(test, ts(type = "number"))]
        bind: u64,
    },
    /// Private: there are more tracks than slots. Offer again with that many more receive m-lines.
    #[serde(rename = "slots.needed")]
    SlotsNeeded {
        /// More audio m-lines.
        audio: u32,
        /// More video m-lines.
        video: u32,
    },
    /// Private, the last event on a connection: why it is being closed.
    #[serde(rename = "disconnected")]
    Disconnected {
        /// Why.
        reason: LeaveReason,
    },
}

/// One chat message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ChatMessage {
    /// The message.
    pub id: ChatId,
    /// Who wrote it.
    pub participant: ParticipantId,
    /// The writer's display name when it wrote: the writer may be gone when it is read.
    pub name: String,
    /// Plain text.
    pub text: String,
    /// Milliseconds since 1970 (UTC).
    #[cfg_attr(test, ts(type = "number"))]
    pub at: u64,
}

/// A room as anybody inside may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RoomInfo {
    /// This run of the room.
    pub id: RoomId,
    /// What people call it.
    pub name: String,
    /// Milliseconds since 1970 (UTC).
    #[cfg_attr(test, ts(type = "number"))]
    pub started_at: u64,
}

/// Who gets to see an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody in the room.
    Room,
    /// Everybody but one: the one learns it from the reply to its own request.
    Others(ParticipantId),
    /// One participant.
    Participant(ParticipantId),
}

impl Audience {
    /// Whether `reader` gets to see the event.
    pub fn includes(self, reader: ParticipantId) -> bool {
        match self {
            Audience::Room => true,
            Audience::Others(one) => one != reader,
            Audience::Participant(one) => one == reader,
        }
    }
}

impl Event {
    /// Whether the event is numbered and kept in the journal.
    pub fn is_durable(&self) -> bool {
        !matches!(self, Event::Disconnected { .. })
    }
}

/// An event as it leaves by a door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventFrame {
    /// The number in the room's journal; absent for passing events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub seq: Option<u64>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// An event on its way to the doors: what leaves, and who gets to see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// When it happened: milliseconds since 1970 (UTC).
    pub at: u64,
    /// Where it happened.
    pub room: RoomId,
    /// Who gets to see it.
    pub audience: Audience,
    /// What leaves, the same for every reader.
    pub frame: EventFrame,
}

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
    /// To `offer`.
    Answer(Answer),
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

/// Reply to [`Request::Join`](crate::request::Request::Join): the room as it is at `cursor`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Joined {
    /// The room.
    pub room: RoomInfo,
    /// The asker itself.
    pub participant: ParticipantInfo,
    /// The others, in the order they came.
    pub participants: Vec<ParticipantInfo>,
    /// What the asker may do.
    pub grants: GrantsInfo,
    /// Events after this place follow: `epoch.seq`.
    pub cursor: String,
    /// For `RTCPeerConnection`, as the browser takes them.
    pub ice_servers: Vec<IceServer>,
    /// What the client must keep to.
    pub limits: Limits,
}

/// What a participant may do, as far as its user interface needs to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct GrantsInfo {
    /// The sources it may publish; empty for none.
    pub can_publish: Vec<TrackSource>,
    /// Whether it receives media.
    pub can_subscribe: bool,
    /// Whether it may chat and send data.
    pub can_publish_data: bool,
}

/// One entry of `RTCConfiguration.iceServers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` URLs.
    pub urls: Vec<String>,
    /// TURN user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub username: Option<String>,
    /// TURN password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub credential: Option<String>,
}

/// What the client must keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Limits {
    /// Receive slots (pairs of an audio and a video m-line) in one peer connection.
    pub slots: u32,
    /// Bytes of an SDP offer.
    pub sdp_bytes: u32,
    /// Bytes of any other message.
    pub message_bytes: u32,
    /// Bytes of one chat text.
    pub chat_bytes: u32,
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
