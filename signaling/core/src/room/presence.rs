//! Coming and going, and who steers.

use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, Event, Joined, LeaveReason, Outcome, Reply, Role};
use crate::id::ParticipantId;
use crate::media::MediaCommand;
use crate::participant::{Admission, Asker, AttachmentId, Participant, Session};
use crate::room::{Now, Output, Room};

impl Room {
    pub(super) fn on_join(
        &mut self,
        now: Now,
        asker: Asker,
        admission: Admission,
    ) -> Result<(), RequestError> {
        self.refuse_if_ended()?;
        if self.participants.with_attachment(asker.attachment).is_some() {
            return Err(RequestError::new(
                ErrorCode::BadRequest,
                "this connection has joined already; open another one to join again",
            ));
        }
        match self.participants.with_identity(&admission.identity) {
            Some(older) => self.remove(now, older, LeaveReason::DuplicateIdentity),
            None if self.participants.len() >= self.config.max_participants => {
                return Err(RequestError::new(
                    ErrorCode::Full,
                    format!("the room is full: it takes {}", self.config.max_participants),
                ));
            }
            None => {}
        }

        let id = ParticipantId(self.ids.draw());
        let Admission { identity, name, metadata, attributes, grants, .. } = admission;
        let steers = grants.room_admin || (admission.guest && !grants.hidden && !self.is_steered());
        let participant = Participant {
            id,
            name: if name.is_empty() { identity.clone() } else { name },
            identity,
            role: if steers { Role::Moderator } else { Role::Participant },
            metadata,
            attributes,
            joined_at: now.unix_ms,
            grants,
            guest: admission.guest,
            headless: admission.headless,
            interest: admission.interest,
            attachment: Some(asker.attachment),
            session: Session::Closed,
            tracks: Vec::new(),
            pending: Default::default(),
            bindings: Default::default(),
        };
        let joined = Joined {
            room: self.info.clone(),
            participant: participant.info(),
            participants: self.visible(),
            grants: participant.grants.info(),
            cursor: self.journal.cursor().to_string(),
            ice_servers: admission.ice_servers,
            limits: self.config.limits,
        };
        let announced = participant.is_visible().then(|| participant.info());
        self.participants.insert(participant);
        self.empty_since = None;

        let attachment = asker.attachment;
        self.outputs.push_back(Output::Attached { attachment, participant: id });
        self.reply(asker, Outcome::Ok(Reply::Joined(Box::new(joined))));
        if let Some(participant) = announced {
            self.emit(now, Audience::Others(id), Event::ParticipantJoined { participant });
        }
        Ok(())
    }

    /// A socket is gone. Nobody can come back to a participant yet, so keeping it for a while would
    /// only show the others a ghost: it leaves at once.
    pub(super) fn on_detached(&mut self, now: Now, attachment: AttachmentId) {
        if let Some(id) = self.participants.detach(attachment) {
            self.remove(now, id, LeaveReason::ConnectionLost);
        }
    }

    /// Takes a participant out of the room, for everybody.
    pub(super) fn remove(&mut self, now: Now, id: ParticipantId, reason: LeaveReason) {
        let Some(participant) = self.participants.remove(id) else { return };
        for track in &participant.tracks {
            self.publishers.remove(&track.info.id);
            for receiver in self.participants.iter_mut() {
                receiver.bindings.remove(&track.info.id);
            }
        }
        let announced = participant.is_visible();
        self.dismiss(now, participant, reason);
        if announced {
            self.emit(now, Audience::Room, Event::ParticipantLeft { participant: id, reason });
        }
        self.elect(now);
        if self.participants.is_empty() {
            self.empty_since = Some(now.monotonic);
        }
    }

    /// Lets go of a participant that is no longer in the room: answers what it still waits for, tells
    /// it why, closes its door and its media session.
    pub(super) fn dismiss(&mut self, now: Now, participant: Participant, reason: LeaveReason) {
        if let Some(attachment) = participant.attachment {
            let code = match reason {
                LeaveReason::ServerStopping => ErrorCode::Stopping,
                LeaveReason::Internal => ErrorCode::Internal,
                _ => ErrorCode::NotFound,
            };
            for pending in participant.pending.into_values() {
                let error = RequestError::new(code, "the participant left before this was done");
                self.reply(pending.asker, Outcome::Error(error));
            }
            let audience = Audience::Participant(participant.id);
            self.emit(now, audience, Event::Disconnected { reason });
            self.outputs.push_back(Output::Close { attachment, reason });
        }
        if participant.session != Session::Closed {
            self.command(MediaCommand::Close { session: participant.id });
        }
    }

    /// Whether somebody whom the others can see steers the room.
    fn is_steered(&self) -> bool {
        self.participants.iter().any(|one| one.is_visible() && one.role == Role::Moderator)
    }

    /// Hands an open room without a moderator to the guest who has been in it longest.
    fn elect(&mut self, now: Now) {
        if self.is_steered() {
            return;
        }
        let heir = self.participants.iter_mut().find(|one| one.guest && one.is_visible());
        let Some(heir) = heir else { return };
        heir.role = Role::Moderator;
        let participant = heir.info();
        self.emit(now, Audience::Room, Event::ParticipantUpdated { participant });
    }
}
