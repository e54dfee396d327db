//! Saying something to everybody, or to some.

use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, Event};
use crate::id::{ChatId, ParticipantId};
use crate::info::ChatMessage;
use crate::participant::Asker;
use crate::reply::{Outcome, Posted, Reply};
use crate::request::Chat;
use crate::room::{Now, Room};

/// How many may be named in one message.
const ADDRESSEES: usize = 64;

impl Room {
    pub(super) fn on_chat(
        &mut self,
        now: Now,
        asker: Asker,
        id: ParticipantId,
        chat: Chat,
    ) -> Result<(), RequestError> {
        let limit = self.config.limits.chat_bytes as usize;
        if chat.text.is_empty() {
            return Err(RequestError::new(ErrorCode::BadRequest, "the text is empty"));
        }
        if chat.text.len() > limit {
            return Err(RequestError::new(
                ErrorCode::TooLarge,
                format!("a chat text has at most {limit} bytes"),
            ));
        }
        let to = chat.to.map(|to| self.addressees(Some(id), to)).transpose()?;
        let audience = match &to {
            None => Audience::Room,
            Some(to) => Audience::Some(to.iter().copied().chain([id]).collect()),
        };
        let Some(participant) = self.participants.get(id) else { return Ok(()) };
        let message = ChatMessage {
            id: ChatId(self.ids.draw()),
            participant: id,
            name: participant.name.clone(),
            text: chat.text,
            to,
            at: now.unix_ms,
        };
        self.history.push(message.clone());
        self.reply(asker, Outcome::Ok(Reply::Posted(Posted { message: message.clone() })));
        self.emit(now, audience, Event::ChatPosted { message });
        Ok(())
    }

    /// Those whom `by` names, each once.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when one of them is not there, as far as `by` can know;
    /// [`ErrorCode::BadRequest`] when there are none, too many, or it is among them itself.
    pub(super) fn addressees(
        &self,
        by: Option<ParticipantId>,
        to: Vec<ParticipantId>,
    ) -> Result<Vec<ParticipantId>, RequestError> {
        if to.is_empty() || to.len() > ADDRESSEES || by.is_some_and(|by| to.contains(&by)) {
            return Err(RequestError::new(
                ErrorCode::BadRequest,
                format!("\"to\" names 1 to {ADDRESSEES} others; without it, it is for everybody"),
            ));
        }
        let mut once = Vec::with_capacity(to.len());
        for one in to {
            self.someone(one)?;
            if !once.contains(&one) {
                once.push(one);
            }
        }
        Ok(once)
    }
}
