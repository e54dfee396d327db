//! Raised hands, in the order they went up.

use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, Event};
use crate::id::ParticipantId;
use crate::participant::Asker;
use crate::request::Hand;
use crate::room::{Now, Room};

impl Room {
    pub(super) fn on_hand(
        &mut self,
        now: Now,
        asker: Asker,
        id: ParticipantId,
        request: Hand,
    ) -> Result<(), RequestError> {
        let whose = self.someone(request.participant.unwrap_or(id))?.id;
        if request.raised && whose != id {
            return Err(RequestError::new(
                ErrorCode::BadRequest,
                "a moderator can only lower somebody else's hand",
            ));
        }
        self.done(asker);
        let next = self.hands + 1;
        let Some(participant) = self.participants.get_mut(whose) else { return Ok(()) };
        let event = match (participant.hand, request.raised) {
            (None, true) => {
                self.hands = next;
                participant.hand = Some(next);
                Event::HandRaised { participant: whose, hand: next }
            }
            (Some(_), false) => {
                participant.hand = None;
                Event::HandLowered { participant: whose }
            }
            (Some(_), true) | (None, false) => return Ok(()),
        };
        self.emit(now, Audience::Room, event);
        Ok(())
    }
}
