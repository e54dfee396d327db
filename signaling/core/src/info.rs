//! Things as they are, the way a client sees them: what events, replies and snapshots are made of.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ChatId, ParticipantId, RoomId, TrackId};

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
}

/// Where a track's media comes from. The words are those of LiveKit's `canPublishSources`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// May steer the room: `roomAdmin` in the token, or the first to come into an open room.
    Moderator,
    /// Everybody else.
    Participant,
}

/// A participant as the others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Free text.
    pub metadata: String,
    /// Free key-value pairs.
    pub attributes: BTreeMap<String, String>,
    /// Milliseconds since 1970 (UTC).
    #[cfg_attr(test, ts(type = "number"))]
    pub joined_at: u64,
    /// There while its hand is raised. The lower the number, the earlier it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub hand: Option<u64>,
    /// What it has published, oldest first.
    pub tracks: Vec<TrackInfo>,
}

/// A published track as the others see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Whether the publisher, or a moderator, has muted it.
    pub muted: bool,
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
    /// For whom it is, the writer aside; absent when it is for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub to: Option<Vec<ParticipantId>>,
    /// Milliseconds since 1970 (UTC).
    #[cfg_attr(test, ts(type = "number"))]
    pub at: u64,
}

/// A message of the application's own, to everybody, to some, or to those who listen to its topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DataMessage {
    /// Who sent it; absent when it came from outside the room, by REST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub from: Option<ParticipantId>,
    /// The sender's own number for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub id: Option<u64>,
    /// Was allowed to be lost on its way.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub lossy: bool,
    /// Is the topic's value from now on; without payload it has none any more.
    #[serde(default, skip_serializing_if = "is_false")]
    #[cfg_attr(test, ts(optional, as = "Option<bool>"))]
    pub retain: bool,
    /// What it is about; may be empty.
    pub topic: String,
    /// Its bytes: base 64 (RFC 4648 §4) in JSON.
    #[serde(with = "crate::base64")]
    #[cfg_attr(test, ts(type = "string"))]
    pub payload: Arc<[u8]>,
}

/// The value of a topic: the last message about it that was to be kept for those who come later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Retained {
    /// The topic.
    pub topic: String,
    /// Its bytes: base 64 (RFC 4648 §4) in JSON.
    #[serde(with = "crate::base64")]
    #[cfg_attr(test, ts(type = "string"))]
    pub payload: Arc<[u8]>,
    /// Who sent it, who may have left since; absent when it came from outside the room, by REST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional))]
    pub from: Option<ParticipantId>,
    /// The sender's own number for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub id: Option<u64>,
}

/// Somebody who waits in the lobby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Waiting {
    /// The participant that it will be.
    pub id: ParticipantId,
    /// Who it is.
    pub identity: String,
    /// The display name.
    pub name: String,
    /// Milliseconds since 1970 (UTC).
    #[cfg_attr(test, ts(type = "number"))]
    pub since: u64,
}

/// A slot that carries a track.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Binding {
    /// Whose track it is.
    pub participant: ParticipantId,
    /// The track.
    pub track: TrackId,
    /// The `a=mid` of the receiving m-line (slot).
    pub mid: String,
    /// Grows with each binding of the slot: tells late frames of its previous track apart.
    #[cfg_attr(test, ts(type = "number"))]
    pub bind: u64,
}

/// A room as anybody inside may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RoomInfo {
    /// This run of the room.
    pub id: RoomId,
    /// What people call it.
    pub name: String,
    /// Milliseconds since 1970 (UTC).
    #[cfg_attr(test, ts(type = "number"))]
    pub started_at: u64,
    /// Nobody comes in any more, moderators aside.
    pub locked: bool,
    /// Newcomers wait until a moderator admits them.
    pub lobby: bool,
    /// Newcomers must know the password.
    pub password: bool,
    /// When the server stops, whatever goes on in the room: milliseconds since 1970 (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub draining: Option<u64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_false(value: &bool) -> bool {
    !*value
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
    /// Whether it may change its own name, metadata and attributes.
    pub can_update_own_metadata: bool,
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
    /// Bytes of one data message's envelope.
    pub data_bytes: u32,
    /// The same of a lossy one, as its sender writes it: as many as every path takes in one packet.
    pub lossy_bytes: u32,
    /// Bytes of data messages that the data channels of one participant may send in a second.
    pub data_bytes_per_second: u32,
    /// The number of data messages in the same second.
    pub data_messages_per_second: u32,
}

/// Media in one direction, over about two seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Flow {
    /// Of payload.
    #[cfg_attr(test, ts(type = "number"))]
    pub bits_per_second: u64,
    /// Packets that arrived, or were sent.
    #[cfg_attr(test, ts(type = "number"))]
    pub packets_per_second: u64,
    /// Packets that did not arrive, of a thousand.
    #[cfg_attr(test, ts(type = "number"))]
    pub lost_per_thousand: u64,
}

/// How the media of one participant fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ParticipantQuality {
    /// Whose.
    pub participant: ParticipantId,
    /// What it publishes.
    pub received: Flow,
    /// What it receives.
    pub sent: Flow,
    /// Milliseconds to it and back, where it receives anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, ts(optional, type = "number"))]
    pub round_trip_ms: Option<u64>,
}
