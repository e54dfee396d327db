//! What an [`Engine`](crate::Engine) tells the outside.

use std::sync::Arc;

use crate::command::{RequestKey, SessionKey, TrackKey};
use crate::quality::Quality;

/// Audio or video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
}

/// One audio or video m-line of an answered offer, from the remote side's point of view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The `a=mid`.
    pub mid: String,
    /// Audio or video.
    pub kind: MediaKind,
    /// The remote side sends on it.
    pub sends: bool,
    /// The remote side receives on it.
    pub receives: bool,
}

/// The answer to an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The session description (RFC 8866).
    pub sdp: String,
    /// Its audio and video m-lines in order.
    pub lines: Vec<Line>,
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The offer cannot be used.
    #[error("{0}")]
    BadSdp(String),
    /// No such session, track or m-line, or the m-line carries something else.
    #[error("{0}")]
    NotFound(String),
}

/// A message of the application's own, from a data channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataMessage {
    /// Who sent it.
    pub from: SessionKey,
    /// The sender's own number for it.
    pub id: Option<u64>,
    /// May be lost, and may come in another order.
    pub lossy: bool,
    /// What it is about, 128 bytes at most.
    pub topic: String,
    /// Its bytes, up to [`envelope::MAX_CLIENT_BYTES`](crate::envelope::MAX_CLIENT_BYTES).
    pub payload: Arc<[u8]>,
}

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FailReason {
    /// ICE and DTLS did not get through in time.
    #[error("no connection came about in time; check that the media ports can be reached")]
    NotConnected,
    /// The remote side has not answered for thirty seconds (RFC 7675).
    #[error("the connection was lost: no answer for 30 seconds")]
    ConsentLost,
    /// The handshake failed, or what came after it.
    #[error("DTLS failed: {0}")]
    Dtls(String),
    /// The remote side said goodbye.
    #[error("the client closed the connection")]
    Closed,
    /// It sent more reliable data messages than allowed: leaving one out would be a silent gap.
    #[error(
        "more reliable data messages were sent than allowed; see sfu.data_messages_per_second and \
         sfu.data_bytes_per_second"
    )]
    DataFlood,
    /// It went on with data channels beyond the two: the stack would keep something of each.
    #[error("data channels were opened beyond the two that there are; see docs/protocol.md, Data")]
    ForeignChannels,
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// To [`Command::Offer`](crate::Command::Offer).
    Answered {
        /// The session.
        session: SessionKey,
        /// From the command.
        request: RequestKey,
        /// The answer, or why there is none.
        result: Result<Answer, CommandError>,
    },
    /// To [`Command::Publish`](crate::Command::Publish).
    Published {
        /// The session.
        session: SessionKey,
        /// From the command.
        request: RequestKey,
        /// Done, or why not.
        result: Result<(), CommandError>,
    },
    /// A subscribed track has a slot. Its packets start after this.
    Bound {
        /// The receiver.
        session: SessionKey,
        /// The track.
        track: TrackKey,
        /// The slot's m-line.
        mid: String,
        /// Grows with each binding of the slot.
        bind: u64,
    },
    /// More is subscribed than there are slots for.
    SlotsNeeded {
        /// The receiver.
        session: SessionKey,
        /// More audio m-lines.
        audio: u32,
        /// More video m-lines.
        video: u32,
    },
    /// ICE and DTLS are through.
    Connected {
        /// The session.
        session: SessionKey,
    },
    /// The session is closed, its tracks and subscriptions with it.
    Failed {
        /// The session.
        session: SessionKey,
        /// Why.
        reason: FailReason,
    },
    /// A data message for members that have no open channel: they are to be reached by another door.
    Data {
        /// Who is to get it, one or more.
        to: Vec<SessionKey>,
        /// The message.
        message: DataMessage,
    },
    /// A session, or a member's link, has not kept up with its reliable data messages, and some are
    /// lost. It gets none that way any more. Of a link it is said by the shell.
    Overrun {
        /// The session, or the member.
        session: SessionKey,
    },
    /// To [`Command::Measure`](crate::Command::Measure).
    Measured {
        /// Each session of the room that is in this engine.
        sessions: Vec<(SessionKey, Quality)>,
    },
    /// The engine is lost, and everything of the room that was in it: sessions, tracks,
    /// subscriptions, members. Said by the shell.
    Restarted,
}
