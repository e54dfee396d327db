//! What must hold after every step.

use std::collections::BTreeSet;

use signaling_core::event::Audience;
use signaling_core::id::ParticipantId;
use signaling_core::info::Role;
use signaling_core::snapshot::Snapshot;

use super::Crowd;

impl Crowd {
    pub(super) fn check(&self) {
        if self.world.ended.is_some() {
            return;
        }
        self.check_mirrors();
        self.check_steering();
        self.check_members();
        let is_empty = self.world.room.participant_count() == 0;
        let is_missed = self.members.values().any(|member| !member.attached);
        assert_eq!(self.world.room.deadline().is_some(), is_empty || is_missed);
    }

    /// Everything that the room told since the last look.
    pub(super) fn look(&mut self) {
        let hearing = self.members.iter().filter(|(_, member)| member.hears);
        let hearing: Vec<ParticipantId> = hearing.map(|(id, _)| *id).collect();
        for envelope in &self.world.events[self.checked..] {
            // The journal has no hole: what a reader misses went to somebody else.
            if let Some(seq) = envelope.frame.seq {
                assert_eq!(seq, self.numbered + 1);
                self.numbered = seq;
            }
            let reader = match envelope.audience {
                Audience::Participant(id) => Some(id),
                _ => None,
            };
            self.check_secrets(&envelope.frame, reader);
            self.oracle.happen(&envelope.frame.event, &self.plane, &hearing);
        }
        self.checked = self.world.events.len();
        assert_eq!(self.world.room.journal().cursor().seq, self.numbered);
    }

    /// Nobody hears of the hidden, except they of themselves.
    fn check_secrets(&self, told: &impl serde::Serialize, reader: Option<ParticipantId>) {
        let others: Vec<_> = self.hidden.iter().filter(|id| reader != Some(**id)).collect();
        if !others.is_empty() {
            let text = serde_json::to_string(told).expect("JSON");
            assert!(!others.iter().any(|id| text.contains(&id.to_string())), "{text}");
        }
    }

    /// Whoever applies the events to its snapshot knows what the room knows, and has heard what was for it.
    fn check_mirrors(&self) {
        for (id, member) in self.members.iter().filter(|(_, member)| member.hears) {
            let truth = self.world.room.snapshot(*id).expect("it is in the room");
            self.check_secrets(&truth, Some(*id));
            let known = &member.mirror.known;
            assert!(known.chat.ends_with(&truth.chat), "{:?} {:?}", known.chat, truth.chat);
            let chat = truth.chat.clone();
            let mut known = Snapshot { chat, cursor: truth.cursor.clone(), ..known.clone() };
            let mut truth = truth;
            // A publication that a lost reply told of stands where the answer came again.
            known.participant.tracks.sort_by_key(|track| track.id);
            truth.participant.tracks.sort_by_key(|track| track.id);
            if member.unanswered.is_empty() {
                assert_eq!(known, truth);
            }
            assert_eq!(member.mirror.heard, self.oracle.due(*id), "{id}");
            let allowed = |source| truth.grants.can_publish.contains(&source);
            assert!(truth.participant.tracks.iter().all(|track| allowed(track.source)));
        }
    }

    /// The media plane knows who is there and may send, and moderators know who waits.
    fn check_members(&self) {
        let there: BTreeSet<ParticipantId> = self.members.keys().copied().collect();
        assert_eq!(there.len(), self.world.room.participant_count());
        let told = self.plane.members();
        assert_eq!(told.keys().copied().collect::<BTreeSet<_>>(), there);
        let waiting: BTreeSet<ParticipantId> = self.lobby.values().map(|one| one.id).collect();
        for (id, may_send) in told {
            let snapshot = self.world.room.snapshot(*id).expect("it is in the room");
            let is_hidden = self.hidden.contains(id);
            assert_eq!(snapshot.grants.can_publish_data && !is_hidden, *may_send);
            if snapshot.participant.role == Role::Moderator {
                let listed = snapshot.waiting.iter().map(|one| one.id);
                assert_eq!(listed.collect::<BTreeSet<_>>(), waiting);
            }
        }
    }

    /// Whoever has lost its session neither sends nor receives.
    pub(super) fn check_loss(&self, session: ParticipantId) {
        if let Some(snapshot) = self.world.room.snapshot(session) {
            assert_eq!(snapshot.participant.tracks, []);
            assert_eq!(snapshot.bindings, []);
        }
    }

    /// Where there is a guest, somebody whom all can see steers.
    fn check_steering(&self) {
        let visible = self.world.room.visible();
        let has_guest = visible.iter().any(|one| self.guests.contains(&one.id));
        let is_steered = visible.iter().any(|one| one.role == Role::Moderator);
        assert!(is_steered || !has_guest, "{visible:?}");
    }
}
