//! Coming and going in a large room: told together, so that ten thousand who come are not a hundred
//! million events.

use std::time::Duration;

use crate::event::{Audience, Departure, Event, LeaveReason};
use crate::id::ParticipantId;
use crate::info::ParticipantInfo;
use crate::participant::Participant;
use crate::room::{Now, Room};

/// Nobody waits for longer to be told of.
const DELAY: Duration = Duration::from_secs(1);
/// As many are told of at once, in either direction.
const MOST: usize = 250;

/// Who came and went and was not told of yet.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    /// As they were when they came: whatever has changed since is told after it.
    joined: Vec<ParticipantInfo>,
    left: Vec<Departure>,
    /// When the first of them did.
    since: Option<Duration>,
}

impl Gathering {
    /// When it is to be told.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.since.map(|since| since + DELAY)
    }

    /// Whether it has somebody who was not told of yet.
    fn has_new(&self, id: ParticipantId) -> bool {
        self.joined.iter().any(|info| info.id == id)
    }

    fn is_full(&self) -> bool {
        self.joined.len().max(self.left.len()) >= MOST
    }
}

impl Room {
    /// Somebody whom all may know of is here.
    pub(super) fn tell_joined(&mut self, now: Now, id: ParticipantId) {
        let Some(participant) = self.participants.get(id).map(Participant::info) else { return };
        if self.is_crowded() {
            self.gathering.joined.push(participant);
            return self.gather(now);
        }
        self.tell_gathered(now);
        self.emit(now, Audience::Others(id), Event::ParticipantJoined { participant });
    }

    /// Somebody whom all may have known of is not here any more.
    pub(super) fn tell_left(&mut self, now: Now, id: ParticipantId, reason: LeaveReason) {
        let is_new = self.gathering.has_new(id);
        if self.is_crowded() || is_new {
            // Only those who came meanwhile have seen a new one in the room.
            self.gathering.joined.retain(|joined| joined.id != id);
            self.gathering.left.push(Departure { participant: id, reason });
            return self.gather(now);
        }
        self.tell_gathered(now);
        self.emit(now, Audience::Room, Event::ParticipantLeft { participant: id, reason });
    }

    /// What was gathered is told before an event that speaks of somebody in it.
    pub(super) fn tell_gathered_before(&mut self, now: Now, event: &Event) {
        let is_new = |id| self.gathering.has_new(id);
        if matches!(event, Event::RoomEnded { .. }) || event.subject().is_some_and(is_new) {
            self.tell_gathered(now);
        }
    }

    /// Tells what was gathered, if it is time.
    pub(super) fn tell_gathered_when_due(&mut self, now: Now) {
        if self.gathering.deadline().is_some_and(|at| at <= now.monotonic) {
            self.tell_gathered(now);
        }
    }

    fn is_crowded(&self) -> bool {
        self.participants.len() > self.config.coalesce_above
    }

    fn gather(&mut self, now: Now) {
        self.gathering.since.get_or_insert(now.monotonic);
        if self.gathering.is_full() {
            self.tell_gathered(now);
        }
    }

    fn tell_gathered(&mut self, now: Now) {
        let Gathering { joined, left, since } = std::mem::take(&mut self.gathering);
        if since.is_none() {
            return;
        }
        let visible = self.participants.iter().filter(|one| one.is_visible()).count();
        let participants = u64::try_from(visible).unwrap_or(u64::MAX);
        self.emit(now, Audience::Room, Event::ParticipantsChanged { joined, left, participants });
    }
}
