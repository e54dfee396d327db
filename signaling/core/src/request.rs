//! Everything anybody may ask of a room: one enum, whatever door it comes through.
//!
//! On the wire a request is `{"id": 7, "type": "chat", "text": "hello"}`. It gets exactly one
//! [`Reply`](crate::event::Reply) with the same number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::{MediaKind, TrackSource};
use crate::id::TrackId;

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
    /// Leave the room. The connection is closed after the reply.
    Leave,
    /// A browser's SDP offer; the reply is [`Answer`](crate::event::Answer). Later offers on the
    /// same participant renegotiate the same peer connection.
    Offer(Offer),
    /// One trickled ICE candidate of the asker's peer connection.
    Candidate(Candidate),
    /// Make the media of one m-line of an earlier offer a track of the room.
    Publish(Publish),
    /// End a track that the asker published.
    Unpublish(Unpublish),
    /// Mute or unmute a track that the asker published.
    Mute(Mute),
    /// Say something to everybody in the room.
    Chat(Chat),
}

/// Payload of [`Request::Join`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// Payload of [`Request::Chat`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Chat {
    /// Plain text, 1 to 8192 bytes.
    pub text: String,
}
