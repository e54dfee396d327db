//! A client as simple as can be: the snapshot, and what the events make of it.

use signaling_core::event::Event;
use signaling_core::id::{ParticipantId, TrackId};
use signaling_core::info::{Binding, DataMessage, ParticipantInfo, Retained, Role, TrackInfo};
use signaling_core::journal::Cursor;
use signaling_core::snapshot::Snapshot;

/// What one participant knows of its room.
#[derive(Debug)]
pub(crate) struct Mirror {
    pub(crate) own: ParticipantId,
    pub(crate) known: Snapshot,
    /// The texts and payloads that it was told, in order, since it was last told everything.
    pub(crate) heard: Vec<String>,
    last: Cursor,
}

impl Mirror {
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        let last = snapshot.cursor.parse().expect("a cursor");
        let own = snapshot.participant.id;
        Mirror { own, known: snapshot.clone(), heard: Vec::new(), last }
    }

    /// Where it reads on.
    pub(crate) fn cursor(&self) -> Cursor {
        self.last
    }

    /// Its own publication, known from the reply: as it is now, if it is known already.
    pub(crate) fn published(&mut self, track: TrackInfo) {
        let tracks = &mut self.known.participant.tracks;
        match tracks.iter_mut().find(|other| other.id == track.id) {
            Some(known) => *known = track,
            None => tracks.push(track),
        }
    }

    pub(crate) fn apply(&mut self, seq: Option<u64>, event: &Event) {
        if let Some(seq) = seq {
            assert!(seq > self.last.seq, "{seq} after {:?}: {event:?}", self.last);
            self.last.seq = seq;
        }
        match event {
            Event::RoomUpdated { room } => self.known.room = room.clone(),
            Event::ServerDraining { deadline } => self.known.room.draining = Some(*deadline),
            Event::ParticipantJoined { participant } => {
                assert_ne!(participant.id, self.own, "one's own is known from the reply");
                assert!(self.known.participants.iter().all(|one| one.id != participant.id));
                self.known.participants.push(participant.clone());
            }
            Event::ParticipantLeft { participant, .. } => {
                self.participant(*participant);
                self.known.participants.retain(|one| one.id != *participant);
                self.known.bindings.retain(|binding| binding.participant != *participant);
            }
            Event::ParticipantsChanged { joined, left, .. } => {
                for gone in left.iter().map(|gone| gone.participant) {
                    assert_ne!(gone, self.own, "one that has left is told nothing more");
                    self.known.participants.retain(|one| one.id != gone);
                    self.known.bindings.retain(|binding| binding.participant != gone);
                }
                for info in joined {
                    let is_known = self.known.participants.iter().any(|one| one.id == info.id);
                    if info.id != self.own && !is_known {
                        self.known.participants.push(info.clone());
                    }
                }
            }
            Event::ParticipantUpdated { participant } => {
                *self.participant(participant.id) = participant.clone();
                if participant.id == self.own && participant.role == Role::Participant {
                    self.known.waiting.clear();
                }
            }
            Event::HandRaised { participant, hand } => {
                let before = self.participant(*participant).hand.replace(*hand);
                assert_eq!(before, None, "{event:?}");
            }
            Event::HandLowered { participant } => {
                assert!(self.participant(*participant).hand.take().is_some(), "{event:?}");
            }
            Event::TrackPublished { participant, track } => {
                assert_ne!(*participant, self.own, "one's own is known from the reply");
                self.participant(*participant).tracks.push(track.clone());
            }
            Event::TrackUnpublished { participant, track } => {
                self.track(*participant, *track);
                self.participant(*participant).tracks.retain(|info| info.id != *track);
                self.known.bindings.retain(|binding| binding.track != *track);
            }
            Event::TrackMuted { participant, track, .. } => {
                self.track(*participant, *track).into_iter().for_each(|info| info.muted = true);
            }
            Event::TrackUnmuted { participant, track } => {
                self.track(*participant, *track).into_iter().for_each(|info| info.muted = false);
            }
            Event::ChatPosted { message } => {
                self.heard.push(message.text.clone());
                self.known.chat.push(message.clone());
            }
            Event::DataReceived { message } => {
                let message = message.clone();
                let is_own = message.from == Some(self.own);
                assert!(message.retain || !is_own, "nobody gets its own, save a value");
                if !message.payload.is_empty() {
                    self.heard.push(String::from_utf8(message.payload.to_vec()).expect("text"));
                }
                if message.retain {
                    let DataMessage { topic, payload, from, id, .. } = message;
                    self.known.retained.retain(|value| value.topic != topic);
                    if !payload.is_empty() {
                        self.known.retained.push(Retained { topic, payload, from, id });
                        self.known.retained.sort_by(|a, b| a.topic.cmp(&b.topic));
                    }
                }
            }
            Event::SignalReceived { data, .. } => self.heard.push(data.clone()),
            Event::GrantsChanged { grants } => {
                assert_ne!(*grants, self.known.grants, "nothing changed");
                self.known.grants = grants.clone();
            }
            Event::LobbyChanged { waiting } => self.known.waiting.clone_from(waiting),
            Event::Gap { after, to, snapshot } => {
                let place: Cursor = snapshot.cursor.parse().expect("a cursor");
                assert!(place.seq == *to && after <= to, "{event:?}");
                *self = Mirror::new(snapshot);
            }
            Event::SubscriptionBound(binding) => {
                self.track(binding.participant, binding.track).expect("a track");
                let Binding { track, mid, .. } = binding;
                let clash = |other: &Binding| other.track == *track || other.mid == *mid;
                assert!(!self.known.bindings.iter().any(clash), "two in a slot: {event:?}");
                self.known.bindings.push(binding.clone());
                self.known.bindings.sort_by_key(|binding| binding.track);
            }
            Event::SubscriptionUnbound(binding) => {
                let at = self.known.bindings.iter().position(|other| other == binding);
                self.known.bindings.remove(at.unwrap_or_else(|| panic!("not bound: {event:?}")));
            }
            Event::RoomStarted { .. } => panic!("nobody is in the room when it starts"),
            Event::LobbyAdmitted { .. }
            | Event::Moved { .. }
            | Event::Overview { .. }
            | Event::QualityMeasured { .. } => {
                panic!("not for one inside")
            }
            Event::RoomEnded { .. }
            | Event::UnmuteAsked { .. }
            | Event::SlotsNeeded { .. }
            | Event::MediaFailed { .. }
            | Event::Disconnected { .. } => {}
        }
    }

    fn participant(&mut self, id: ParticipantId) -> &mut ParticipantInfo {
        if id == self.own {
            return &mut self.known.participant;
        }
        let found = self.known.participants.iter_mut().find(|one| one.id == id);
        found.unwrap_or_else(|| panic!("an event about {id}, who is not there"))
    }

    /// A track of its own may be unknown: the reply is then still to come, and tells how it is.
    fn track(&mut self, participant: ParticipantId, id: TrackId) -> Option<&mut TrackInfo> {
        let is_own = participant == self.own;
        let tracks = &mut self.participant(participant).tracks;
        let found = tracks.iter_mut().find(|track| track.id == id);
        assert!(found.is_some() || is_own, "an event about {id}, which is not there");
        found
    }
}
