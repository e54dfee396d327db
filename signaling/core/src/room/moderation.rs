//! What moderators do to others.

use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, Event, LeaveReason};
use crate::id::{ParticipantId, TrackId};
use crate::info::TrackSource;
use crate::media::MediaCommand;
use crate::participant::Asker;
use crate::request::{AskToUnmute, Remove, SetGrants};
use crate::room::{Now, Output, Room};

impl Room {
    pub(super) fn on_ask_to_unmute(
        &mut self,
        now: Now,
        asker: Asker,
        id: ParticipantId,
        request: AskToUnmute,
    ) -> Result<(), RequestError> {
        let track = request.track;
        let publisher = self.publishers.get(&track).copied();
        let info = publisher.and_then(|id| self.participants.get(id)?.track(track));
        let (Some(publisher), Some(info)) = (publisher, info) else {
            return Err(RequestError::new(
                ErrorCode::NotFound,
                format!("there is no track {track}"),
            ));
        };
        if !info.muted {
            return Err(RequestError::new(ErrorCode::BadRequest, "the track is not muted"));
        }
        self.done(asker);
        self.emit(now, Audience::Participant(publisher), Event::UnmuteAsked { track, by: id });
        Ok(())
    }

    pub(super) fn on_remove(
        &mut self,
        now: Now,
        asker: Asker,
        by: Option<ParticipantId>,
        request: Remove,
    ) -> Result<(), RequestError> {
        let participant = self.someone(request.participant)?;
        let (whom, issuer) = (participant.id, participant.issuer.clone());
        let (identity, until) = (participant.identity.clone(), participant.expires_at);
        if by == Some(whom) {
            return Err(RequestError::new(ErrorCode::BadRequest, "to go yourself, leave"));
        }
        self.refuse_against_admin(by, whom)?;
        self.done(asker);
        self.entrance.forget(&issuer, &identity);
        self.outputs.push_back(Output::Bar { issuer, identity, until });
        self.remove(now, whom, LeaveReason::Removed);
        Ok(())
    }

    pub(super) fn on_set_grants(
        &mut self,
        now: Now,
        asker: Asker,
        request: SetGrants,
    ) -> Result<(), RequestError> {
        let whose = self.someone(request.participant)?.id;
        self.done(asker);
        let Some(participant) = self.participants.get_mut(whose) else { return Ok(()) };
        let before = participant.grants.clone();
        let grants = &mut participant.grants;
        if let Some(sources) = request.can_publish {
            grants.can_publish =
                TrackSource::ALL.into_iter().filter(|one| sources.contains(one)).collect();
        }
        grants.can_publish_data = request.can_publish_data.unwrap_or(before.can_publish_data);
        let can_subscribe = request.can_subscribe.unwrap_or(before.can_subscribe);
        let grants = grants.clone();
        self.set_receiving(now, whose, can_subscribe);
        let Some(participant) = self.participants.get(whose) else { return Ok(()) };
        let info = participant.grants.info();
        if info != before.info() {
            let event = Event::GrantsChanged { grants: info };
            self.emit(now, Audience::Participant(whose), event);
        }
        if grants.can_publish_data != before.can_publish_data {
            self.admit_to_media(whose);
        }
        self.end_forbidden_tracks(now, whose);
        Ok(())
    }

    /// Ends the tracks of `id` whose sources it may not publish any more.
    fn end_forbidden_tracks(&mut self, now: Now, id: ParticipantId) {
        let Some(participant) = self.participants.get(id) else { return };
        let allowed = &participant.grants.can_publish;
        let tracks = participant.tracks.iter().map(|track| &track.info);
        let forbidden: Vec<TrackId> =
            tracks.filter(|track| !allowed.contains(&track.source)).map(|track| track.id).collect();
        for track in forbidden {
            self.unpublish(now, id, track);
            self.command(MediaCommand::Unpublish { track });
        }
    }
}
