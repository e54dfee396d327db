//! Everything that happened: one enum, whatever door it leaves by.
//!
//! On the wire an event is `{"seq": 41, "type": "track.muted", …}`. Only durable events carry a
//! number; a reader's place in the log is the [`Cursor`](crate::journal::Cursor) `epoch.seq`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::{ParticipantId, RoomId, TrackId};
use crate::info::{
    Binding, ChatMessage, DataMessage, GrantsInfo, ParticipantInfo, ParticipantQuality, RoomInfo,
    TrackInfo, Waiting,
};
use crate::reply::Joined;
use crate::snapshot::{Overview, Snapshot};

/// Why a participant is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// It said so.
    Left,
    /// Its connection was gone longer than its lease.
    ConnectionLost,
    /// The same identity joined again; the newest wins.
    DuplicateIdentity,
    /// A moderator removed it, or did not let it in.
    Removed,
    /// A moderator moved it to another room.
    Moved,
    /// It read too slowly.
    TooSlow,
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
    /// A moderator ended it.
    Ended,
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
    /// The room is locked or not, has a lobby or a password or none.
    #[serde(rename = "room.updated")]
    RoomUpdated {
        /// As it is now.
        room: RoomInfo,
    },
    /// The server is going to stop: nobody comes in any more, and the room ends at the deadline.
    #[serde(rename = "server.draining")]
    ServerDraining {
        /// Milliseconds since 1970 (UTC).
        #[cfg_attr(test, ts(type = "number"))]
        deadline: u64,
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
    /// In a large room: who came and went within a second, instead of an event for each.
    #[serde(rename = "participants.changed")]
    ParticipantsChanged {
        /// Who came, first come first. Readers may know some of them already, and be one of them.
        joined: Vec<ParticipantInfo>,
        /// Who is gone, with all of their tracks. Readers may never have heard of some.
        left: Vec<Departure>,
        /// How many are there now, the hidden not included.
        #[cfg_attr(test, ts(type = "number"))]
        participants: u64,
    },
    /// Somebody's role, name, metadata or attributes changed.
    #[serde(rename = "participant.updated")]
    ParticipantUpdated {
        /// As it is now.
        participant: ParticipantInfo,
    },
    /// Somebody raised a hand.
    #[serde(rename = "hand.raised")]
    HandRaised {
        /// Who.
        participant: ParticipantId,
        /// Grows with each hand: the lower, the earlier.
        #[cfg_attr(test, ts(type = "number"))]
        hand: u64,
    },
    /// Somebody's hand is down again.
    #[serde(rename = "hand.lowered")]
    HandLowered {
        /// Whose.
        participant: ParticipantId,
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
    /// A track was muted by its publisher or by a moderator.
    #[serde(rename = "track.muted")]
    TrackMuted {
        /// Whose.
        participant: ParticipantId,
        /// The track.
        track: TrackId,
        /// The moderator; absent when it was the publisher, or somebody whom the others do not see.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[cfg_attr(test, ts(optional))]
        by: Option<ParticipantId>,
    },
    /// A track was unmuted by its publisher.
    #[serde(rename = "track.unmuted")]
    TrackUnmuted {
        /// Whose.
        participant: ParticipantId,
        /// The track.
        track: TrackId,
    },
    /// Private: a moderator asks to unmute a track. It is for the publisher to do.
    #[serde(rename = "unmute.asked")]
    UnmuteAsked {
        /// The track.
        track: TrackId,
        /// The moderator.
        by: ParticipantId,
    },
    /// Somebody wrote something, to everybody or to some.
    #[serde(rename = "chat.posted")]
    ChatPosted {
        /// The message.
        message: ChatMessage,
    },
    /// A message of the application's own, for readers whom it did not reach by a data channel.
    #[serde(rename = "data.received")]
    DataReceived {
        /// The message.
        #[serde(flatten)]
        message: DataMessage,
    },
    /// Private: a description or candidate of another participant, for a connection between the two.
    #[serde(rename = "signal.received")]
    SignalReceived {
        /// Who sent it.
        from: ParticipantId,
        /// As it was sent.
        data: String,
    },
    /// Private: what the participant may do has changed.
    #[serde(rename = "grants.changed")]
    GrantsChanged {
        /// As they are now.
        grants: GrantsInfo,
    },
    /// Private, for moderators: somebody came to the lobby, left it, or was let in.
    #[serde(rename = "lobby.changed")]
    LobbyChanged {
        /// Who waits now, first come first.
        waiting: Vec<Waiting>,
    },
    /// Private, ends the wait: the room, as in the reply to a join without a lobby.
    #[serde(rename = "lobby.admitted")]
    LobbyAdmitted {
        /// The room.
        joined: Box<Joined>,
    },
    /// Private: a moderator moved the participant to another room, and this is it. Its peer connection
    /// and its place in the other journal are gone; the connection that this comes by goes on.
    #[serde(rename = "moved")]
    Moved {
        /// The new room.
        joined: Box<Joined>,
    },
    /// Private: events are missing. The snapshot stands for everything up to its cursor.
    #[serde(rename = "gap")]
    Gap {
        /// The number that the missing range begins after.
        #[cfg_attr(test, ts(type = "number"))]
        after: u64,
        /// The number that the missing range ends with.
        #[cfg_attr(test, ts(type = "number"))]
        to: u64,
        /// The room as it is now.
        snapshot: Box<Snapshot>,
    },
    /// For observers: the room as it is. It comes first without a cursor, and wherever events are
    /// missing; it stands for everything up to its cursor.
    #[serde(rename = "overview")]
    Overview {
        /// Whether the reader had a place, and events after it are missing.
        lost: bool,
        /// The room.
        #[serde(flatten)]
        overview: Overview,
    },
    /// For observers that ask for it by name: how the media of each participant fares, every two
    /// seconds.
    #[serde(rename = "quality.measured")]
    QualityMeasured {
        /// Those who have media.
        participants: Vec<ParticipantQuality>,
    },
    /// Private: this track now flows on that m-line of the receiver's peer connection.
    #[serde(rename = "subscription.bound")]
    SubscriptionBound(Binding),
    /// Private: the track no longer flows on that m-line. Detach it now; packets stop after this.
    #[serde(rename = "subscription.unbound")]
    SubscriptionUnbound(Binding),
    /// Private: there are more tracks than slots. Offer again with that many more receive m-lines.
    #[serde(rename = "slots.needed")]
    SlotsNeeded {
        /// More audio m-lines.
        audio: u32,
        /// More video m-lines.
        video: u32,
    },
    /// Private: the participant's peer connection has failed for good, with its tracks and bindings. The
    /// next offer, from a new `RTCPeerConnection`, begins anew.
    #[serde(rename = "media.failed")]
    MediaFailed {
        /// What happened and what helps, for people.
        reason: String,
    },
    /// Private, the last event on a connection: why it is being closed.
    #[serde(rename = "disconnected")]
    Disconnected {
        /// Why.
        reason: LeaveReason,
    },
}

/// Who gets to see an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Everybody in the room.
    Room,
    /// Everybody but one: the one learns it from the reply to its own request.
    Others(ParticipantId),
    /// One participant.
    Participant(ParticipantId),
    /// Several participants.
    Some(Arc<[ParticipantId]>),
    /// Nobody in the room, but those who read along.
    Observers,
}

impl Audience {
    /// Whether `reader` gets to see the event.
    pub fn includes(&self, reader: ParticipantId) -> bool {
        match self {
            Audience::Room => true,
            Audience::Others(one) => *one != reader,
            Audience::Participant(one) => *one == reader,
            Audience::Some(some) => some.contains(&reader),
            Audience::Observers => false,
        }
    }

    /// Whether an observer gets to see the event, who is nobody in the room.
    pub fn is_public(&self) -> bool {
        matches!(self, Audience::Room | Audience::Others(_) | Audience::Observers)
    }
}

/// Somebody who is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Departure {
    /// Who.
    pub participant: ParticipantId,
    /// Why.
    pub reason: LeaveReason,
}

impl Event {
    /// Whom the event speaks of, where that is somebody whom its readers must know of already.
    pub fn subject(&self) -> Option<ParticipantId> {
        match self {
            Event::ParticipantUpdated { participant } => Some(participant.id),
            Event::HandRaised { participant, .. }
            | Event::HandLowered { participant }
            | Event::TrackPublished { participant, .. }
            | Event::TrackUnpublished { participant, .. }
            | Event::TrackMuted { participant, .. }
            | Event::TrackUnmuted { participant, .. } => Some(*participant),
            Event::UnmuteAsked { by, .. } => Some(*by),
            Event::ChatPosted { message } => Some(message.participant),
            Event::DataReceived { message } => message.from,
            Event::SignalReceived { from, .. } => Some(*from),
            Event::SubscriptionBound(binding) | Event::SubscriptionUnbound(binding) => {
                Some(binding.participant)
            }
            Event::RoomStarted { .. }
            | Event::RoomEnded { .. }
            | Event::RoomUpdated { .. }
            | Event::ServerDraining { .. }
            | Event::ParticipantJoined { .. }
            | Event::ParticipantLeft { .. }
            | Event::ParticipantsChanged { .. }
            | Event::GrantsChanged { .. }
            | Event::LobbyChanged { .. }
            | Event::LobbyAdmitted { .. }
            | Event::Moved { .. }
            | Event::Gap { .. }
            | Event::Overview { .. }
            | Event::QualityMeasured { .. }
            | Event::SlotsNeeded { .. }
            | Event::MediaFailed { .. }
            | Event::Disconnected { .. } => None,
        }
    }

    /// Whether the event is numbered and kept in the journal.
    pub fn is_durable(&self) -> bool {
        match self {
            // These carry a cursor of their own, or are the last word.
            Event::LobbyAdmitted { .. }
            | Event::Moved { .. }
            | Event::Gap { .. }
            | Event::Overview { .. }
            | Event::QualityMeasured { .. }
            | Event::Disconnected { .. } => false,
            Event::DataReceived { message } => !message.lossy,
            _ => true,
        }
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
