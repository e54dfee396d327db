//! Names, metadata and attributes of those who are in the room.

use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, Event};
use crate::id::ParticipantId;
use crate::name;
use crate::participant::Asker;
use crate::request::Update;
use crate::room::{Now, Room};

impl Room {
    pub(super) fn on_update(
        &mut self,
        now: Now,
        asker: Asker,
        by: Option<ParticipantId>,
        request: Update,
    ) -> Result<(), RequestError> {
        let Some(whose) = request.participant.or(by) else {
            return Err(RequestError::new(
                ErrorCode::BadRequest,
                "say whom to change: participant",
            ));
        };
        if by != Some(whose) {
            self.someone(whose)?;
        }
        let Some(participant) = self.participants.get(whose) else { return Ok(()) };
        let name = request.name.unwrap_or_else(|| participant.name.clone());
        if name.is_empty() {
            return Err(RequestError::new(ErrorCode::BadRequest, "the display name is empty"));
        }
        name::check_label("the display name", &name)?;
        let metadata = request.metadata.unwrap_or_else(|| participant.metadata.clone());
        let mut attributes = participant.attributes.clone();
        attributes.extend(request.attributes.unwrap_or_default());
        attributes.retain(|_, value| !value.is_empty());
        name::check_metadata(&metadata, &attributes)?;
        self.done(asker);

        let Some(participant) = self.participants.get_mut(whose) else { return Ok(()) };
        let before = participant.info();
        participant.name = name;
        participant.metadata = metadata;
        participant.attributes = attributes;
        let info = participant.info();
        let audience = match participant.is_visible() {
            true => Audience::Room,
            false => Audience::Participant(whose),
        };
        if info != before {
            self.emit(now, audience, Event::ParticipantUpdated { participant: info });
        }
        Ok(())
    }
}
