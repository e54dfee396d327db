//! What a participant knows of its room: bookkeeping over events, without any I/O.

use std::collections::BTreeMap;
use std::sync::Arc;

use signaling_core::event::{Departure, Event, LeaveReason};
use signaling_core::id::{ParticipantId, TrackId};
use signaling_core::info::{Binding, ParticipantInfo, TrackInfo};

use super::listener::Heard;

/// A track that flows, or flowed, to this participant.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Whose track it is.
    pub participant: ParticipantId,
    /// What was heard of it. Video is not listened to.
    pub heard: Heard,
}

/// What one participant knows.
#[derive(Debug, Clone)]
pub struct View {
    /// The participant itself.
    pub own: ParticipantId,
    /// The others in the room, with their tracks.
    pub present: BTreeMap<ParticipantId, ParticipantInfo>,
    /// Who left, in order, and why.
    pub gone: Vec<(ParticipantId, LeaveReason)>,
    /// The track that flows on each bound m-line (by `a=mid`), and the number of the binding.
    pub slots: BTreeMap<String, (TrackId, u64)>,
    /// Every track that was ever bound, the ended ones included.
    pub received: BTreeMap<TrackId, Received>,
    /// Audio packets on m-lines that no track was bound to.
    pub stray: u64,
    /// Why the participation is over; `None` while it lasts.
    pub ended: Option<Arc<str>>,
}

impl View {
    /// The room as it was when the participant came in.
    pub fn new(own: ParticipantId, others: Vec<ParticipantInfo>) -> Self {
        View {
            own,
            present: others.into_iter().map(|info| (info.id, info)).collect(),
            gone: Vec::new(),
            slots: BTreeMap::new(),
            received: BTreeMap::new(),
            stray: 0,
            ended: None,
        }
    }

    /// Takes one event.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::ParticipantJoined { participant }
            | Event::ParticipantUpdated { participant }
                if participant.id != self.own =>
            {
                // One's own changes are told, too.
                self.present.insert(participant.id, participant.clone());
            }
            Event::ParticipantLeft { participant, reason } => {
                if let Some(info) = self.present.remove(participant) {
                    info.tracks.iter().for_each(|track| self.free(track.id));
                }
                self.gone.push((*participant, *reason));
            }
            Event::ParticipantsChanged { joined, left, .. } => {
                for Departure { participant, reason } in left {
                    self.apply(&Event::ParticipantLeft {
                        participant: *participant,
                        reason: *reason,
                    });
                }
                for info in joined.iter().filter(|info| info.id != self.own) {
                    self.present.entry(info.id).or_insert_with(|| info.clone());
                }
            }
            Event::TrackPublished { participant, track } => {
                if let Some(info) = self.present.get_mut(participant) {
                    info.tracks.push(track.clone());
                }
            }
            Event::TrackUnpublished { participant, track } => {
                if let Some(info) = self.present.get_mut(participant) {
                    info.tracks.retain(|known| known.id != *track);
                }
                self.free(*track);
            }
            Event::TrackMuted { participant, track, .. } => self.mute(*participant, *track, true),
            Event::TrackUnmuted { participant, track } => self.mute(*participant, *track, false),
            Event::SubscriptionBound(Binding { participant, track, mid, bind }) => {
                self.slots.insert(mid.clone(), (*track, *bind));
                self.received
                    .entry(*track)
                    .or_insert(Received { participant: *participant, heard: Heard::default() });
            }
            // Otherwise the slot carries its next track already.
            Event::SubscriptionUnbound(Binding { mid, bind, .. })
                if self.slots.get(mid).is_some_and(|(_, current)| current == bind) =>
            {
                self.slots.remove(mid);
            }
            Event::RoomEnded { reason } => self.end(format!("the room ended: {reason:?}")),
            Event::Disconnected { reason } => self.end(format!("disconnected: {reason:?}")),
            // What a listener has no use for.
            _ => {}
        }
    }

    /// Notes why the participation is over. The first reason is the one that counts.
    pub fn end(&mut self, reason: impl Into<Arc<str>>) {
        self.ended.get_or_insert_with(|| reason.into());
    }

    /// A track of somebody present.
    pub fn track(&self, track: TrackId) -> Option<&TrackInfo> {
        self.present.values().flat_map(|info| &info.tracks).find(|known| known.id == track)
    }

    /// What was heard of all tracks of one participant, in the order of their ids.
    pub fn heard_of(&self, participant: ParticipantId) -> impl Iterator<Item = &Heard> {
        self.received
            .values()
            .filter(move |received| received.participant == participant)
            .map(|received| &received.heard)
    }

    /// Slots that carried an ended track are free without further word.
    fn free(&mut self, track: TrackId) {
        self.slots.retain(|_, (bound, _)| *bound != track);
    }

    fn mute(&mut self, participant: ParticipantId, track: TrackId, muted: bool) {
        if let Some(info) = self.present.get_mut(&participant)
            && let Some(known) = info.tracks.iter_mut().find(|known| known.id == track)
        {
            known.muted = muted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signaling_core::info::{MediaKind, Role, TrackSource};

    const OWN: ParticipantId = ParticipantId(0);
    const ADA: ParticipantId = ParticipantId(1);
    const TRACK: TrackId = TrackId(10);

    fn info(id: ParticipantId) -> ParticipantInfo {
        ParticipantInfo {
            id,
            identity: format!("identity of {id}"),
            name: format!("name of {id}"),
            role: Role::Participant,
            metadata: String::new(),
            attributes: BTreeMap::new(),
            hand: None,
            joined_at: 0,
            tracks: vec![],
        }
    }

    fn track(id: TrackId) -> TrackInfo {
        TrackInfo {
            id,
            kind: MediaKind::Audio,
            source: TrackSource::Microphone,
            name: String::new(),
            muted: false,
        }
    }

    fn bound(track: TrackId, mid: &str, bind: u64) -> Event {
        Event::SubscriptionBound(Binding { participant: ADA, track, mid: mid.into(), bind })
    }

    fn unbound(track: TrackId, mid: &str, bind: u64) -> Event {
        Event::SubscriptionUnbound(Binding { participant: ADA, track, mid: mid.into(), bind })
    }

    /// A view in which Ada is present and her track flows on m-line 1.
    fn listening() -> View {
        let mut view = View::new(OWN, vec![info(ADA)]);
        view.apply(&Event::TrackPublished { participant: ADA, track: track(TRACK) });
        view.apply(&bound(TRACK, "1", 1));
        view
    }

    #[test]
    fn others_come_and_change_and_oneself_is_none_of_them() {
        let mut view = View::new(OWN, vec![]);
        view.apply(&Event::ParticipantJoined { participant: info(ADA) });
        let participant = ParticipantInfo { role: Role::Moderator, ..info(ADA) };
        view.apply(&Event::ParticipantUpdated { participant });
        view.apply(&Event::ParticipantUpdated { participant: info(OWN) });
        let roles: Vec<_> = view.present.values().map(|info| (info.id, info.role)).collect();
        assert_eq!(roles, [(ADA, Role::Moderator)]);
    }

    #[test]
    fn mute_shows_on_the_track() {
        let mut view = listening();
        view.apply(&Event::TrackMuted { participant: ADA, track: TRACK, by: None });
        assert!(view.track(TRACK).is_some_and(|track| track.muted));
        view.apply(&Event::TrackUnmuted { participant: ADA, track: TRACK });
        assert!(view.track(TRACK).is_some_and(|track| !track.muted));
    }

    #[test]
    fn who_leaves_frees_its_slots_and_stays_known_as_heard() {
        let mut view = listening();
        view.apply(&Event::ParticipantLeft { participant: ADA, reason: LeaveReason::Left });
        assert!(view.present.is_empty() && view.slots.is_empty());
        assert_eq!(view.gone, [(ADA, LeaveReason::Left)]);
        assert_eq!(view.heard_of(ADA).count(), 1);
    }

    #[test]
    fn an_unpublished_track_frees_its_slot() {
        let mut view = listening();
        view.apply(&Event::TrackUnpublished { participant: ADA, track: TRACK });
        assert!(view.slots.is_empty());
        assert_eq!(view.track(TRACK), None);
    }

    #[test]
    fn a_late_unbinding_leaves_the_next_binding_alone() {
        let mut view = listening();
        view.apply(&bound(TrackId(11), "1", 2));
        view.apply(&unbound(TRACK, "1", 1));
        assert_eq!(view.slots["1"], (TrackId(11), 2));
        view.apply(&unbound(TrackId(11), "1", 2));
        assert!(view.slots.is_empty());
    }

    #[test]
    fn the_first_reason_to_end_counts() {
        let mut view = View::new(OWN, vec![]);
        view.apply(&Event::Disconnected { reason: LeaveReason::DuplicateIdentity });
        view.end("closed");
        assert_eq!(view.ended.as_deref(), Some("disconnected: DuplicateIdentity"));
    }
}
