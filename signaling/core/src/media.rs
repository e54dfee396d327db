//! The port to the media plane: what a room asks of it and what it tells.
//!
//! No type of the media plane stands here, and none of these stands there: the shell's `media.rs`
//! converts. A session is one peer connection and belongs to one participant, so it goes by the
//! participant's id.

use crate::id::{ParticipantId, TrackId};
use crate::info::{DataMessage, MediaKind, ParticipantQuality};

/// Matches an answer of the media plane to what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MediaRequest(pub u64);

/// Tracks of one participant that are played in sync: camera with microphone, or the two halves
/// of a screen share. A receiver gets a group on one pair of m-lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TrackGroup {
    /// Whose tracks.
    pub participant: ParticipantId,
    /// The screen share's pair.
    pub screen: bool,
}

/// What a room asks of the media plane. Commands of one room are carried out in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaCommand {
    /// Make ready for a participant's peer connection. It lives until [`MediaCommand::Close`].
    Open {
        /// Whose.
        session: ParticipantId,
    },
    /// Take an SDP offer; [`MediaEvent::Answered`] follows.
    Offer {
        /// Whose.
        session: ParticipantId,
        /// The offer.
        sdp: String,
        /// Comes back with the answer.
        request: MediaRequest,
    },
    /// Take a trickled candidate of the remote side.
    Candidate {
        /// Whose.
        session: ParticipantId,
        /// The candidate attribute without `a=`.
        candidate: String,
    },
    /// Make an m-line's media a track; [`MediaEvent::Published`] follows.
    Publish {
        /// Whose.
        session: ParticipantId,
        /// The track's id from now on.
        track: TrackId,
        /// The m-line.
        mid: String,
        /// What the m-line must carry.
        kind: MediaKind,
        /// Kept in sync with the others of the group.
        group: TrackGroup,
        /// Comes back with the outcome.
        request: MediaRequest,
    },
    /// End a track. Its subscriptions end with it.
    Unpublish {
        /// The track.
        track: TrackId,
    },
    /// Forward nothing of a track while `muted`.
    Mute {
        /// The track.
        track: TrackId,
        /// The state wanted.
        muted: bool,
    },
    /// Let a track flow to a session; [`MediaEvent::Bound`] tells where, now or when a slot is free.
    Subscribe {
        /// The receiver.
        session: ParticipantId,
        /// The track.
        track: TrackId,
    },
    /// Stop a track flowing to a session.
    Unsubscribe {
        /// The receiver.
        session: ParticipantId,
        /// The track.
        track: TrackId,
    },
    /// Tell how large a session shows a track, in device pixels; 0 x 0 pauses it.
    Viewport {
        /// The receiver.
        session: ParticipantId,
        /// The track.
        track: TrackId,
        /// Device pixels.
        width: u32,
        /// Device pixels.
        height: u32,
    },
    /// A participant is in the room: data messages are for it, whether it has a session or not. Said
    /// again, it changes whether the participant may send.
    Admit {
        /// Who.
        member: ParticipantId,
        /// Whether its data channels are listened to.
        may_send: bool,
    },
    /// The topics that a participant listens to, all of them.
    Listen {
        /// Who.
        member: ParticipantId,
        /// The topics.
        topics: Vec<String>,
    },
    /// A participant is no longer in the room.
    Dismiss {
        /// Who.
        member: ParticipantId,
    },
    /// Tell how the sessions have fared since this was asked last; [`MediaEvent::Measured`] follows.
    Measure,
    /// End a session with its tracks and subscriptions.
    Close {
        /// Whose.
        session: ParticipantId,
    },
}

/// One m-line of an answered offer, from the remote side's point of view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaLine {
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
pub struct MediaAnswer {
    /// The session description.
    pub sdp: String,
    /// Its audio and video m-lines in order.
    pub lines: Vec<MediaLine>,
}

/// Why the media plane refused something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MediaError {
    /// The offer cannot be used; says why.
    #[error("{0}")]
    BadSdp(String),
    /// No such session or m-line, or the m-line carries something else.
    #[error("{0}")]
    NotFound(String),
    /// The worker of this room is gone or overloaded.
    #[error("the media worker of this room is not available; join again")]
    Unavailable,
}

/// What the media plane tells a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MediaEvent {
    /// To [`MediaCommand::Offer`].
    Answered {
        /// Whose.
        session: ParticipantId,
        /// From the command.
        request: MediaRequest,
        /// The answer, or why there is none.
        result: Result<MediaAnswer, MediaError>,
    },
    /// To [`MediaCommand::Publish`].
    Published {
        /// Whose.
        session: ParticipantId,
        /// From the command.
        request: MediaRequest,
        /// Done, or why not.
        result: Result<(), MediaError>,
    },
    /// A subscribed track has a slot. Its packets start after this.
    Bound {
        /// The receiver.
        session: ParticipantId,
        /// The track.
        track: TrackId,
        /// The slot's m-line.
        mid: String,
        /// Grows with each binding of the slot.
        bind: u64,
    },
    /// More is subscribed than there are slots for.
    SlotsNeeded {
        /// The receiver.
        session: ParticipantId,
        /// More audio m-lines.
        audio: u32,
        /// More video m-lines.
        video: u32,
    },
    /// ICE and DTLS are through.
    Connected {
        /// Whose.
        session: ParticipantId,
    },
    /// The path is gone for good. The session is closed.
    Failed {
        /// Whose.
        session: ParticipantId,
        /// What happened and what helps, for people.
        reason: String,
    },
    /// A message from a data channel, for participants that have none open.
    Data {
        /// Who is to get it.
        to: Vec<ParticipantId>,
        /// The message.
        message: DataMessage,
    },
    /// A participant takes its reliable messages too slowly, and some could not be kept for it.
    Overrun {
        /// Whose.
        session: ParticipantId,
    },
    /// To [`MediaCommand::Measure`].
    Measured {
        /// Each session's quality.
        sessions: Vec<ParticipantQuality>,
    },
    /// The media plane has lost everything of this room: sessions, tracks, subscriptions, members.
    Restarted,
}
