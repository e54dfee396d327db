//! A client as simple as can be: the snapshot, and what the events make of it.

use std::collections::BTreeMap;

use signaling_core::event::{Event, Joined, ParticipantInfo, TrackInfo};
use signaling_core::id::{ParticipantId, TrackId};
use signaling_core::journal::Cursor;

/// What one participant knows of its room.
#[derive(Debug)]
pub(crate) struct Mirror {
    pub(crate) own: ParticipantId,
    /// In the order they came, itself included.
    pub(crate) participants: Vec<ParticipantInfo>,
    /// Which slot carries which track.
    pub(crate) slots: BTreeMap<String, TrackId>,
    last: Cursor,
}

impl Mirror {
    pub(crate) fn new(joined: &Joined) -> Self {
        let mut participants = joined.participants.clone();
        participants.push(joined.participant.clone());
        let last = joined.cursor.parse().expect("a cursor");
        Mirror { own: joined.participant.id, participants, slots: BTreeMap::new(), last }
    }

    /// Its own publication, known from the reply.
    pub(crate) fn published(&mut self, track: TrackInfo) {
        let own = self.own;
        self.participant(own).tracks.push(track);
    }

    pub(crate) fn apply(&mut self, seq: Option<u64>, event: &Event) {
        if let Some(seq) = seq {
            assert!(seq > self.last.seq, "{seq} after {:?}: {event:?}", self.last);
            self.last.seq = seq;
        }
        match event {
            Event::ParticipantJoined { participant } => {
                assert!(self.participants.iter().all(|one| one.id != participant.id));
                self.participants.push(participant.clone());
            }
            Event::ParticipantLeft { participant, .. } => {
                let gone = self.participant(*participant).clone();
                self.participants.retain(|one| one.id != gone.id);
                self.slots.retain(|_, track| gone.tracks.iter().all(|other| other.id != *track));
            }
            Event::ParticipantUpdated { participant } => {
                *self.participant(participant.id) = participant.clone();
            }
            Event::TrackPublished { participant, track } => {
                assert_ne!(*participant, self.own, "one's own is known from the reply");
                self.participant(*participant).tracks.push(track.clone());
            }
            Event::TrackUnpublished { participant, track } => {
                self.track(*participant, *track);
                self.participant(*participant).tracks.retain(|info| info.id != *track);
                self.slots.retain(|_, other| other != track);
            }
            Event::TrackMuted { participant, track } => {
                self.track(*participant, *track).muted = true;
            }
            Event::TrackUnmuted { participant, track } => {
                self.track(*participant, *track).muted = false;
            }
            Event::SubscriptionBound { participant, track, mid, .. } => {
                self.track(*participant, *track);
                assert!(self.slots.values().all(|other| other != track), "in two slots: {event:?}");
                let before = self.slots.insert(mid.clone(), *track);
                assert_eq!(before, None, "two in a slot: {event:?}");
            }
            Event::SubscriptionUnbound { participant, track, mid, .. } => {
                self.track(*participant, *track);
                assert_eq!(self.slots.remove(mid), Some(*track), "{event:?}");
            }
            Event::RoomStarted { .. } => panic!("nobody is in the room when it starts"),
            Event::RoomEnded { .. }
            | Event::ChatPosted { .. }
            | Event::SlotsNeeded { .. }
            | Event::Disconnected { .. } => {}
        }
    }

    fn participant(&mut self, id: ParticipantId) -> &mut ParticipantInfo {
        let found = self.participants.iter_mut().find(|one| one.id == id);
        found.unwrap_or_else(|| panic!("an event about {id}, who is not there"))
    }

    fn track(&mut self, participant: ParticipantId, id: TrackId) -> &mut TrackInfo {
        let tracks = &mut self.participant(participant).tracks;
        let found = tracks.iter_mut().find(|track| track.id == id);
        found.unwrap_or_else(|| panic!("an event about {id}, which is not there"))
    }
}
