//! Coming and going.

use crate::entrance::Passage;
use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, EndReason, Event, LeaveReason};
use crate::id::{ParticipantId, TrackId};
use crate::info::Role;
use crate::media::MediaCommand;
use crate::participant::{Admission, Asker, AttachmentId, Participant, Session};
use crate::reply::{Joined, Outcome, Reply};
use crate::room::{Now, Output, Room};

impl Room {
    pub(super) fn on_join(
        &mut self,
        now: Now,
        asker: Asker,
        admission: Admission,
    ) -> Result<(), RequestError> {
        self.refuse_if_ended()?;
        if self.info.draining.is_some() {
            return Err(RequestError::new(ErrorCode::Stopping, "the server is stopping"));
        }
        self.refuse_if_taken(asker.attachment)?;
        match self.entrance.check(now.monotonic, &self.info, &admission)? {
            Passage::Lobby => self.knock(now, asker, admission),
            Passage::Open => {
                self.refuse_if_full(&admission.identity)?;
                self.give_up_waiting(now, &admission.identity);
                let id = ParticipantId(self.ids.draw());
                let joined = self.let_in(now, id, asker.attachment, admission);
                self.reply(asker, Outcome::Ok(Reply::Joined(Box::new(joined))));
                self.announce(now, id);
                Ok(())
            }
        }
    }

    /// Whoever is in the room already takes no further place.
    pub(super) fn refuse_if_full(&self, identity: &str) -> Result<(), RequestError> {
        let limit = self.config.max_participants;
        if self.participants.with_identity(identity).is_some() || self.participants.len() < limit {
            return Ok(());
        }
        Err(RequestError::new(ErrorCode::Full, format!("the room is full: it takes {limit}")))
    }

    /// Makes a participant, which is to get the result before anything else; then [`Room::announce`]
    /// tells the others.
    pub(super) fn let_in(
        &mut self,
        now: Now,
        id: ParticipantId,
        attachment: AttachmentId,
        admission: Admission,
    ) -> Joined {
        if let Some(older) = self.participants.with_identity(&admission.identity) {
            self.take_out(now, older, LeaveReason::DuplicateIdentity);
        }
        self.entrance.learn(&admission.issuer, &admission.identity);
        let grants = &admission.grants;
        let steers = grants.room_admin || (admission.guest && !grants.hidden && !self.is_steered());
        let role = if steers { Role::Moderator } else { Role::Participant };
        let cursor = self.journal.cursor().seq;
        let participant = Participant::new(id, admission, attachment, role, now.unix_ms, cursor);
        let joined = Joined {
            snapshot: self.seen_by(&participant),
            resume: participant.resume,
            ice_servers: participant.ice_servers.clone(),
            limits: self.config.limits,
        };
        self.participants.insert(participant);
        self.empty_since = None;
        self.outputs.push_back(Output::Attached { attachment, participant: id });
        joined
    }

    /// Tells the others and the media plane of a newcomer.
    pub(super) fn announce(&mut self, now: Now, id: ParticipantId) {
        self.admit_to_media(id);
        if self.participants.get(id).is_some_and(Participant::is_visible) {
            self.tell_joined(now, id);
        }
    }

    /// Takes a participant out of the room, for everybody, and sees to what is left.
    pub(super) fn remove(&mut self, now: Now, id: ParticipantId, reason: LeaveReason) {
        self.take_out(now, id, reason);
        if self.ended.is_some() {
            return;
        }
        if self.participants.is_empty() {
            self.empty_since.get_or_insert(now.monotonic);
            if self.info.draining.is_some() {
                return self.end(now, EndReason::ServerStopping);
            }
        }
        if !self.participants.iter().any(|one| one.is_visible() || one.is_moderator()) {
            self.open_to_all(now);
        }
    }

    /// Takes a participant out of the room, for everybody.
    fn take_out(&mut self, now: Now, id: ParticipantId, reason: LeaveReason) {
        let Some(participant) = self.participants.remove(id) else { return };
        for track in &participant.tracks {
            self.forget_track(track.info.id);
        }
        let announced = participant.is_visible();
        self.dismiss(now, participant, reason);
        if announced {
            self.tell_left(now, id, reason);
        }
        self.elect(now);
    }

    /// Nobody receives the track any more, or has a word about it.
    pub(super) fn forget_track(&mut self, track: TrackId) {
        self.publishers.remove(&track);
        for receiver in self.participants.iter_mut() {
            receiver.bindings.remove(&track);
            receiver.wants.forget(track);
        }
    }

    /// Lets go of a participant that is no longer in the room: answers what it still waits for, tells
    /// it why, closes its door and its media session.
    pub(super) fn dismiss(&mut self, now: Now, participant: Participant, reason: LeaveReason) {
        let id = participant.id;
        if let Some(attachment) = participant.attachment {
            let code = match reason {
                LeaveReason::ServerStopping => ErrorCode::Stopping,
                LeaveReason::Internal => ErrorCode::Internal,
                _ => ErrorCode::NotFound,
            };
            let waits_here = participant.pending.iter().map(|pending| pending.asker);
            for asker in waits_here.filter(|asker| asker.attachment == attachment) {
                let error = RequestError::new(code, "the participant left before this was done");
                self.send(asker, Outcome::Error(error));
            }
            if reason == LeaveReason::Moved && participant.moving == Some(attachment) {
                self.outputs.push_back(Output::HandOver { attachment });
            } else {
                self.emit(now, Audience::Participant(id), Event::Disconnected { reason });
                self.outputs.push_back(Output::Close { attachment, reason });
            }
        }
        if participant.session != Session::Closed {
            self.command(MediaCommand::Close { session: id });
        }
        self.command(MediaCommand::Dismiss { member: id });
    }
}
