//! Publishing, unpublishing, muting.

use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, Event};
use crate::id::{ParticipantId, TrackId};
use crate::media::{MediaCommand, MediaError};
use crate::participant::{Asker, Awaited, Participant};
use crate::publication::Publication;
use crate::reply::{Outcome, Published, Reply};
use crate::request::{Mute, Publish, Unpublish};
use crate::room::{Now, Room};

impl Room {
    /// Asks the media plane to make a track of an m-line; [`Room::on_published`] replies.
    pub(super) fn on_publish(
        &mut self,
        asker: Asker,
        id: ParticipantId,
        request: Publish,
    ) -> Result<(), RequestError> {
        let publication = Publication::new(TrackId(self.ids.draw()), request)?;
        let Some(participant) = self.participants.get(id) else { return Ok(()) };
        participant.must_be_open()?;
        if participant.publications().any(|other| other.mid == publication.mid) {
            return Err(RequestError::new(
                ErrorCode::BadRequest,
                format!(
                    "the m-line {:?} is published already: unpublish it first",
                    publication.mid
                ),
            ));
        }
        let limit = self.config.max_tracks_per_participant;
        if participant.publications().count() >= limit {
            return Err(RequestError::new(
                ErrorCode::Full,
                format!("a participant publishes at most {limit} tracks: unpublish one first"),
            ));
        }
        let request = self.media_request();
        self.wait(asker, id, Awaited::Track(request, publication.clone()))?;
        self.command(MediaCommand::Publish {
            session: id,
            track: publication.info.id,
            group: publication.group(id),
            mid: publication.mid,
            kind: publication.info.kind,
            request,
        });
        Ok(())
    }

    /// The media plane has looked at the m-line.
    pub(super) fn on_published(
        &mut self,
        now: Now,
        asker: Asker,
        id: ParticipantId,
        publication: Publication,
        result: Result<(), MediaError>,
    ) {
        if let Err(error) = result {
            return self.answer(id, asker, Outcome::Error(error.into()));
        }
        let Some(publisher) = self.participants.get_mut(id) else { return };
        let info = publication.info.clone();
        // Its session may be over meanwhile, or a moderator may have taken the right to it.
        let may = publisher.must_be_open().and_then(|()| publisher.must_publish(info.source));
        if let Err(error) = may {
            self.command(MediaCommand::Unpublish { track: info.id });
            return self.answer(id, asker, Outcome::Error(error));
        }
        publisher.tracks.push(publication);
        self.publishers.insert(info.id, id);
        let published = Published { track: info.clone() };
        self.answer(id, asker, Outcome::Ok(Reply::Published(published)));
        if info.muted {
            // Before the first subscription, so that nothing of it is ever forwarded.
            self.command(MediaCommand::Mute { track: info.id, muted: true });
        }
        let track = info.id;
        self.emit(
            now,
            Audience::Others(id),
            Event::TrackPublished { participant: id, track: info },
        );
        self.subscribe_everybody(now, id, track);
    }

    pub(super) fn on_unpublish(
        &mut self,
        now: Now,
        asker: Asker,
        id: ParticipantId,
        request: Unpublish,
    ) -> Result<(), RequestError> {
        let track = request.track;
        self.own_track(id, track)?;
        self.done(asker);
        self.unpublish(now, id, track);
        self.command(MediaCommand::Unpublish { track });
        Ok(())
    }

    /// Takes a track out of the room, for everybody. Its media is left to the caller.
    pub(super) fn unpublish(&mut self, now: Now, id: ParticipantId, track: TrackId) {
        let Some(publisher) = self.participants.get_mut(id) else { return };
        publisher.tracks.retain(|publication| publication.info.id != track);
        self.forget_track(track);
        self.emit(now, Audience::Room, Event::TrackUnpublished { participant: id, track });
    }

    pub(super) fn on_mute(
        &mut self,
        now: Now,
        asker: Asker,
        by: Option<ParticipantId>,
        request: Mute,
    ) -> Result<(), RequestError> {
        let Mute { track, muted } = request;
        let owner = self.publisher_to_mute(by, track, muted)?;
        let info = self.participants.get_mut(owner).and_then(|one| one.track_mut(track));
        let changed = info.is_some_and(|info| std::mem::replace(&mut info.muted, muted) != muted);
        self.done(asker);
        if changed {
            self.command(MediaCommand::Mute { track, muted });
            let by = by.and_then(|by| self.participants.get(by));
            let by = by.filter(|one| one.is_visible() && one.id != owner).map(|one| one.id);
            let event = if muted {
                Event::TrackMuted { participant: owner, track, by }
            } else {
                Event::TrackUnmuted { participant: owner, track }
            };
            self.emit(now, Audience::Room, event);
        }
        Ok(())
    }

    /// Whose track it is, if this may be done to it: its publisher may, and a moderator, or somebody
    /// outside, may mute it.
    fn publisher_to_mute(
        &self,
        by: Option<ParticipantId>,
        track: TrackId,
        muted: bool,
    ) -> Result<ParticipantId, RequestError> {
        let is_moderator = |id| self.participants.get(id).is_some_and(Participant::is_moderator);
        let steers = by.is_none_or(is_moderator);
        match self.publishers.get(&track) {
            Some(&publisher) if by == Some(publisher) || (steers && muted) => Ok(publisher),
            Some(_) if steers => Err(RequestError::new(
                ErrorCode::Forbidden,
                "only its publisher can unmute a track: ask_to_unmute asks for it",
            )),
            None if by.is_none() => {
                Err(RequestError::new(ErrorCode::NotFound, format!("there is no track {track}")))
            }
            _ => Err(not_published(track)),
        }
    }

    fn own_track(&self, id: ParticipantId, track: TrackId) -> Result<(), RequestError> {
        if self.publishers.get(&track) == Some(&id) {
            return Ok(());
        }
        Err(not_published(track))
    }
}

/// Somebody else's track is answered like one that does not exist.
fn not_published(track: TrackId) -> RequestError {
    RequestError::new(ErrorCode::NotFound, format!("you have not published a track {track}"))
}
