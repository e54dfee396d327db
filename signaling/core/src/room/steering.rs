//! Who steers a room: by token, by another moderator's word, or by having been there longest.

use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, Event};
use crate::id::ParticipantId;
use crate::info::Role;
use crate::participant::Asker;
use crate::request::SetRole;
use crate::room::{Now, Room};

impl Room {
    /// Whether somebody whom the others can see steers the room.
    pub(super) fn is_steered(&self) -> bool {
        self.participants.iter().any(|one| one.is_visible() && one.is_moderator())
    }

    /// Hands an open room without a moderator to the guest who has been in it longest, of those from
    /// whom nobody took it, if there are any.
    pub(super) fn elect(&mut self, now: Now) {
        if self.is_steered() {
            return;
        }
        let guests = self.participants.iter().filter(|one| one.guest && one.is_visible());
        // Of equal ones, the first.
        let Some(heir) = guests.min_by_key(|one| one.is_demoted) else { return };
        self.give_role(now, heir.id, Role::Moderator);
    }

    pub(super) fn on_set_role(
        &mut self,
        now: Now,
        asker: Asker,
        by: Option<ParticipantId>,
        request: SetRole,
    ) -> Result<(), RequestError> {
        let SetRole { participant: whose, role } = request;
        if self.someone(whose)?.role == role {
            self.done(asker);
            return Ok(());
        }
        if role == Role::Participant {
            self.refuse_against_admin(by, whose)?;
        }
        self.done(asker);
        self.give_role(now, whose, role);
        self.elect(now);
        Ok(())
    }

    fn give_role(&mut self, now: Now, whose: ParticipantId, role: Role) {
        let Some(participant) = self.participants.get_mut(whose) else { return };
        participant.role = role;
        participant.is_demoted = role == Role::Participant;
        let participant = participant.info();
        self.emit(now, Audience::Room, Event::ParticipantUpdated { participant });
        if role == Role::Moderator && !self.lobby.is_empty() {
            let event = Event::LobbyChanged { waiting: self.lobby.waiting() };
            self.emit(now, Audience::Participant(whose), event);
        }
    }

    /// Who steers by its token is not to be thrown down by those who do not. Nobody in particular steers
    /// from outside, with a right that is checked there.
    pub(super) fn refuse_against_admin(
        &self,
        by: Option<ParticipantId>,
        whose: ParticipantId,
    ) -> Result<(), RequestError> {
        let is_admin = |id| self.participants.get(id).is_some_and(|one| one.grants.room_admin);
        if is_admin(whose) && !by.is_none_or(is_admin) {
            return Err(RequestError::new(
                ErrorCode::Forbidden,
                "it steers the room by its token: only who has video.roomAdmin too may do this",
            ));
        }
        Ok(())
    }
}
