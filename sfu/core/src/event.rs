//! What an [`Engine`](crate::Engine) tells the outside.

use crate::command::{RequestKey, SessionKey, TrackKey};

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
    /// The path is gone for good. The session is closed, its tracks and subscriptions with it.
    Failed {
        /// The session.
        session: SessionKey,
    },
}
