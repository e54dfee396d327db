//! Those who steer the room without being in it: back ends. What they may is checked outside; what they
//! ask goes the same ways as what moderators ask.

use crate::error::{ErrorCode, RequestError};
use crate::event::EndReason;
use crate::participant::{Asker, Awaited, Pending};
use crate::reply::Outcome;
use crate::request::Request;
use crate::room::{Now, Room};

impl Room {
    pub(super) fn on_steer(
        &mut self,
        now: Now,
        asker: Asker,
        body: Request,
    ) -> Result<(), RequestError> {
        self.refuse_if_ended()?;
        self.refuse_if_taken(asker.attachment)?;
        match body {
            Request::Mute(mute) => self.on_mute(now, asker, None, mute),
            Request::Update(update) => self.on_update(now, asker, None, update),
            Request::Send(send) => self.on_send(now, asker, None, send),
            Request::Remove(remove) => self.on_remove(now, asker, None, remove),
            Request::SetRole(set) => self.on_set_role(now, asker, None, set),
            Request::SetGrants(set) => self.on_set_grants(now, asker, set),
            Request::Move(request) => self.on_move(asker, None, request),
            Request::SetRoom(set) => self.on_set_room(now, asker, set),
            Request::Admit(admit) => self.on_admit(now, asker, admit),
            Request::Deny(deny) => self.on_deny(now, asker, deny),
            Request::End => {
                self.done(asker);
                self.end(now, EndReason::Ended);
                Ok(())
            }
            Request::Join(_)
            | Request::Resume(_)
            | Request::Observe(_)
            | Request::Ping
            | Request::Leave
            | Request::Offer(_)
            | Request::Candidate(_)
            | Request::IceServers { .. }
            | Request::Publish(_)
            | Request::Unpublish(_)
            | Request::Subscribe(_)
            | Request::Unsubscribe(_)
            | Request::Viewport(_)
            | Request::Chat(_)
            | Request::Hand(_)
            | Request::Listen(_)
            | Request::Signal(_)
            | Request::AskToUnmute(_) => Err(RequestError::new(
                ErrorCode::BadRequest,
                "only who is in the room can ask this: join it",
            )),
        }
    }

    /// Keeps in mind that somebody outside is to be answered later.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] when as many wait as one participant could.
    pub(super) fn wait_outside(&mut self, asker: Asker, what: Awaited) -> Result<(), RequestError> {
        let limit = self.config.max_pending_per_participant;
        if self.steering.len() >= limit {
            return Err(RequestError::new(
                ErrorCode::Busy,
                format!("{limit} requests from outside are waiting already: try again in a moment"),
            ));
        }
        self.steering.push(Pending { asker, what });
        Ok(())
    }

    /// Answers whoever waits outside for `what`, if anybody does.
    pub(super) fn answer_outside(&mut self, what: &Awaited, outcome: Outcome) {
        if let Some(at) = self.steering.iter().position(|pending| pending.what == *what) {
            let asker = self.steering.remove(at).asker;
            self.send(asker, outcome);
        }
    }
}
