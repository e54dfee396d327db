//! What is before the room: lock, lobby, password, and the end of the server.

use crate::error::RequestError;
use crate::event::{Audience, EndReason, Event, LeaveReason};
use crate::name;
use crate::participant::Asker;
use crate::request::SetRoom;
use crate::room::{Now, Room};

impl Room {
    pub(super) fn on_set_room(
        &mut self,
        now: Now,
        asker: Asker,
        request: SetRoom,
    ) -> Result<(), RequestError> {
        if let Some(password) = &request.password {
            name::check_label("the password", password)?;
        }
        self.done(asker);
        self.set(now, request);
        Ok(())
    }

    /// Nobody is left who could let anybody in: the room is open to all again.
    pub(super) fn open_to_all(&mut self, now: Now) {
        let open =
            SetRoom { locked: Some(false), lobby: Some(false), password: Some(String::new()) };
        self.set(now, open);
    }

    fn set(&mut self, now: Now, settings: SetRoom) {
        let before = self.info.clone();
        let SetRoom { locked, lobby, password } = settings;
        self.info.locked = locked.unwrap_or(before.locked);
        self.info.lobby = lobby.unwrap_or(before.lobby);
        let mut changed = self.info != before;
        if let Some(password) = password {
            self.info.password = !password.is_empty();
            changed |= self.entrance.set_password(Some(password).filter(|text| !text.is_empty()));
        }
        if changed {
            // Whoever is in the room may load its page again; anybody else meets the new settings.
            self.entrance.forget_all();
            for one in self.participants.iter() {
                self.entrance.learn(&one.issuer, &one.identity);
            }
        }
        if self.info != before {
            self.emit(now, Audience::Room, Event::RoomUpdated { room: self.info.clone() });
        }
        if !self.info.lobby {
            self.empty_lobby(now);
        }
    }

    /// The server is going to stop: nobody new comes in.
    pub(super) fn on_drain(&mut self, now: Now, deadline: u64) {
        if self.ended.is_some() || self.info.draining == Some(deadline) {
            return;
        }
        self.info.draining = Some(deadline);
        self.emit(now, Audience::Room, Event::ServerDraining { deadline });
        self.close_lobby(now, LeaveReason::ServerStopping);
        if self.participants.is_empty() {
            self.end(now, EndReason::ServerStopping);
        }
    }
}
