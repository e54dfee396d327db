//! The room's two sides: what reaches it, and what it wants done.

use std::sync::Arc;

use crate::error::RequestError;
use crate::event::{EndReason, Envelope, LeaveReason};
use crate::id::{ParticipantId, Secret};
use crate::info::IceServer;
use crate::media::{MediaCommand, MediaEvent};
use crate::participant::{Admission, AttachmentId};
use crate::reply::Outcome;
use crate::request::Request;

/// What reaches a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Somebody with a good token wants to come in by a new attachment. The reply is
    /// [`Reply::Joined`](crate::reply::Reply::Joined).
    Join {
        /// New to this room.
        attachment: AttachmentId,
        /// Comes back with the reply.
        request: u64,
        /// Who, and what it may do.
        admission: Box<Admission>,
    },
    /// Somebody wants to be again the participant that it was. The reply is [`Reply::Resumed`](crate::reply::Reply::Resumed); what it
    /// missed follows.
    Resume {
        /// New to this room.
        attachment: AttachmentId,
        /// Comes back with the reply.
        request: u64,
        /// From the reply to the join.
        secret: Secret,
        /// As the client gave it.
        cursor: String,
        /// Made out anew.
        ice_servers: Vec<IceServer>,
    },
    /// A request came by an attachment. There is exactly one reply to it, now or later.
    Request {
        /// Whose.
        attachment: AttachmentId,
        /// Comes back with the reply.
        request: u64,
        /// What is asked.
        body: Request,
    },
    /// Somebody steers the room from outside, by a right that was checked there. There is exactly one
    /// reply, now or later, and nothing else by this attachment.
    Steer {
        /// New to this room.
        attachment: AttachmentId,
        /// Comes back with the reply.
        request: u64,
        /// What is asked.
        body: Request,
    },
    /// The socket behind an attachment is gone. Nothing more is sent to it.
    Detached {
        /// Which.
        attachment: AttachmentId,
    },
    /// The media plane has something to tell.
    Media(MediaEvent),
    /// Somebody wants to read how everybody's media fares. [`Event::QualityMeasured`](crate::event::Event::QualityMeasured)
    /// follows when the media plane has answered.
    Measure,
    /// [`Room::deadline`](crate::room::Room::deadline) has passed.
    Timeout,
    /// What became of an [`Output::Move`].
    Moved {
        /// Who.
        participant: ParticipantId,
        /// It is in the other room now, or why not.
        result: Result<(), RequestError>,
    },
    /// The server is going to stop at the deadline: nobody new comes in, and the room ends when it is
    /// empty.
    Drain {
        /// Milliseconds since 1970 (UTC).
        deadline: u64,
    },
    /// End the room now.
    Stop {
        /// Why.
        reason: EndReason,
    },
}

/// What a room wants done. In this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// From here on the attachment belongs to this participant and gets the events whose audience
    /// includes it, until [`Output::Close`] or [`Input::Detached`]. The reply to the join follows.
    Attached {
        /// Which.
        attachment: AttachmentId,
        /// Whose it is.
        participant: ParticipantId,
    },
    /// The one reply to a request.
    Reply {
        /// Who asked.
        attachment: AttachmentId,
        /// From the request.
        request: u64,
        /// What came of it.
        outcome: Outcome,
    },
    /// Give this to every attachment whose participant is in the envelope's audience.
    Event(Arc<Envelope>),
    /// Give this to one attachment, whatever the envelope's audience.
    Tell {
        /// Which.
        attachment: AttachmentId,
        /// What.
        envelope: Arc<Envelope>,
    },
    /// Close the door: nothing follows, and nothing more is taken from it.
    Close {
        /// Which.
        attachment: AttachmentId,
        /// Why, for the door's own words (a WebSocket's close code).
        reason: LeaveReason,
    },
    /// The attachment belongs to another room now: forget it. It is not closed.
    HandOver {
        /// Which.
        attachment: AttachmentId,
    },
    /// Let a participant into another room, by the same door. [`Input::Moved`] follows.
    Move {
        /// Who.
        participant: ParticipantId,
        /// Its door.
        attachment: AttachmentId,
        /// With what it comes in there.
        admission: Box<Admission>,
        /// The other room's name, checked.
        room: String,
    },
    /// Let this identity into no room of this name, until its token has ended.
    Bar {
        /// The key that signed the token.
        issuer: String,
        /// Who.
        identity: String,
        /// Seconds since 1970 (UTC).
        until: u64,
    },
    /// For the media plane.
    Media(MediaCommand),
    /// The room is over. Nothing follows but refusals.
    Ended(EndReason),
}
