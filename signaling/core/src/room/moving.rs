//! Breakout rooms: a participant goes to another room by the door that it has.

use crate::error::{ErrorCode, RequestError};
use crate::event::LeaveReason;
use crate::id::ParticipantId;
use crate::name;
use crate::participant::{Asker, Awaited};
use crate::reply::{Done, Outcome, Reply};
use crate::request::Move;
use crate::room::{Now, Output, Room};

impl Room {
    /// Asks for a participant to be taken in elsewhere; [`Room::on_moved`] replies.
    pub(super) fn on_move(
        &mut self,
        asker: Asker,
        by: Option<ParticipantId>,
        request: Move,
    ) -> Result<(), RequestError> {
        let Move { participant: whom, room } = request;
        let participant = self.someone(whom)?;
        name::check_room(&room)?;
        let own = &self.info.name;
        let breakout = room.strip_prefix(own.as_str()).and_then(|rest| rest.strip_prefix('.'));
        let is_breakout = breakout.is_some_and(|rest| !rest.is_empty());
        if !is_breakout && participant.moved_from.as_ref() != Some(&room) {
            return Err(RequestError::new(
                ErrorCode::BadRequest,
                format!(
                    "a participant is moved to a breakout room, whose name begins with \"{own}.\", \
                     or back to the room that it was moved from"
                ),
            ));
        }
        if participant.headless {
            return Err(RequestError::new(
                ErrorCode::BadRequest,
                "it came by WHIP or WHEP, and cannot be moved",
            ));
        }
        let (Some(attachment), None) = (participant.attachment, participant.moving) else {
            return Err(RequestError::new(
                ErrorCode::Busy,
                "it is being moved already, or its connection is lost: try again in a moment",
            ));
        };
        let admission = Box::new(participant.admission(own.clone()));
        match by {
            Some(by) => self.wait(asker, by, Awaited::Move(whom))?,
            None => self.wait_outside(asker, Awaited::Move(whom))?,
        }
        if let Some(participant) = self.participants.get_mut(whom) {
            participant.moving = Some(attachment);
        }
        self.outputs.push_back(Output::Move { participant: whom, attachment, admission, room });
        Ok(())
    }

    /// What the other room said. The moderator is answered even if the participant has gone meanwhile.
    pub(super) fn on_moved(
        &mut self,
        now: Now,
        whom: ParticipantId,
        result: Result<(), RequestError>,
    ) {
        let asked = self.participants.iter_mut().find_map(|one| {
            let at = one.pending.iter().position(|it| it.what == Awaited::Move(whom))?;
            Some((one.id, one.pending.remove(at).asker))
        });
        let is_there = result.is_ok();
        let outcome = match result {
            Ok(()) => Outcome::Ok(Reply::Done(Done {})),
            Err(error) => Outcome::Error(error),
        };
        match asked {
            Some((id, asker)) => self.answer(id, asker, outcome),
            None => self.answer_outside(&Awaited::Move(whom), outcome),
        }
        let Some(participant) = self.participants.get_mut(whom) else { return };
        if participant.moving.is_none() {
            return;
        }
        if is_there {
            self.remove(now, whom, LeaveReason::Moved);
        } else {
            participant.moving = None;
        }
    }
}
