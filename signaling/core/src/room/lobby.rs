//! Waiting before the room, and being let in.

use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, Event, LeaveReason};
use crate::id::ParticipantId;
use crate::lobby::Knock;
use crate::participant::{Admission, Asker};
use crate::reply::{InLobby, Outcome, Reply};
use crate::request::{Admit, Deny, Request};
use crate::room::{Now, Output, Room};

impl Room {
    /// Puts whoever came by `asker` into the lobby.
    pub(super) fn knock(
        &mut self,
        now: Now,
        asker: Asker,
        admission: Admission,
    ) -> Result<(), RequestError> {
        self.give_up_waiting(now, &admission.identity);
        let limit = self.config.max_waiting;
        if self.lobby.len() >= limit {
            return Err(RequestError::new(
                ErrorCode::Full,
                format!("the lobby is full: {limit} wait already"),
            ));
        }
        let id = ParticipantId(self.ids.draw());
        let attachment = asker.attachment;
        self.lobby.push(Knock { id, attachment, admission, since: now.unix_ms });
        self.reply(asker, Outcome::Ok(Reply::InLobby(InLobby { waiting: id })));
        self.show_lobby(now);
        Ok(())
    }

    /// The same identity came again: of two, the newest waits.
    pub(super) fn give_up_waiting(&mut self, now: Now, identity: &str) {
        if let Some(older) = self.lobby.take_identity(identity) {
            self.send_away(now, &older, LeaveReason::DuplicateIdentity);
            self.show_lobby(now);
        }
    }

    /// From an attachment that is no participant's.
    pub(super) fn on_request_from_lobby(
        &mut self,
        now: Now,
        asker: Asker,
        body: &Request,
    ) -> Result<(), RequestError> {
        let Some(knock) = self.lobby.with_attachment(asker.attachment) else {
            return Err(RequestError::new(ErrorCode::NotFound, "join the room first"));
        };
        let id = knock.id;
        match body {
            Request::Ping => self.done(asker),
            Request::Leave => {
                self.done(asker);
                if let Some(knock) = self.lobby.take(id) {
                    self.send_away(now, &knock, LeaveReason::Left);
                }
                self.show_lobby(now);
            }
            _ => {
                return Err(RequestError::new(
                    ErrorCode::BadRequest,
                    "wait until a moderator lets you in: until then there is ping and leave",
                ));
            }
        }
        Ok(())
    }

    pub(super) fn on_admit(
        &mut self,
        now: Now,
        asker: Asker,
        request: Admit,
    ) -> Result<(), RequestError> {
        let Some(knock) = self.lobby.get(request.participant) else {
            return Err(nobody_waits(request.participant));
        };
        self.refuse_if_full(&knock.admission.identity)?;
        self.done(asker);
        if let Some(knock) = self.lobby.take(request.participant) {
            self.welcome(now, knock);
        }
        self.show_lobby(now);
        Ok(())
    }

    pub(super) fn on_deny(
        &mut self,
        now: Now,
        asker: Asker,
        request: Deny,
    ) -> Result<(), RequestError> {
        let Some(knock) = self.lobby.take(request.participant) else {
            return Err(nobody_waits(request.participant));
        };
        self.done(asker);
        self.send_away(now, &knock, LeaveReason::Removed);
        self.show_lobby(now);
        Ok(())
    }

    /// There is no lobby any more: everybody is let in, as far as there is room.
    pub(super) fn empty_lobby(&mut self, now: Now) {
        let knocks = self.lobby.take_all();
        if knocks.is_empty() {
            return;
        }
        for knock in knocks {
            match self.refuse_if_full(&knock.admission.identity) {
                Ok(()) => self.welcome(now, knock),
                Err(_) => self.send_away(now, &knock, LeaveReason::Removed),
            }
        }
        self.show_lobby(now);
    }

    /// Sends everybody away who waits.
    pub(super) fn close_lobby(&mut self, now: Now, reason: LeaveReason) {
        let knocks = self.lobby.take_all();
        if knocks.is_empty() {
            return;
        }
        for knock in knocks {
            self.send_away(now, &knock, reason);
        }
        self.show_lobby(now);
    }

    fn welcome(&mut self, now: Now, knock: Knock) {
        let Knock { id, attachment, admission, .. } = knock;
        let joined = Box::new(self.let_in(now, id, attachment, admission));
        self.tell(now, attachment, id, Event::LobbyAdmitted { joined });
        self.announce(now, id);
    }

    pub(super) fn send_away(&mut self, now: Now, knock: &Knock, reason: LeaveReason) {
        let Knock { id, attachment, .. } = *knock;
        self.tell(now, attachment, id, Event::Disconnected { reason });
        self.outputs.push_back(Output::Close { attachment, reason });
    }

    /// Tells those who steer who waits now.
    pub(super) fn show_lobby(&mut self, now: Now) {
        let moderators = self.participants.iter().filter(|one| one.is_moderator());
        let moderators: Vec<ParticipantId> = moderators.map(|one| one.id).collect();
        if !moderators.is_empty() {
            let event = Event::LobbyChanged { waiting: self.lobby.waiting() };
            self.emit(now, Audience::Some(moderators.into()), event);
        }
    }
}

fn nobody_waits(id: ParticipantId) -> RequestError {
    RequestError::new(ErrorCode::NotFound, format!("nobody waits in the lobby as {id}"))
}
