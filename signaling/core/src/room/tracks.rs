//! Publishing, unpublishing, muting.

use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, Done, Event, Outcome, Published, Reply};
use crate::id::{ParticipantId, TrackId};
use crate::media::{MediaCommand, MediaError};
use crate::participant::{Asker, Awaited, Session};
use crate::publication::Publication;
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
        if participant.session == Session::Closed {
            return Err(RequestError::new(
                ErrorCode::NotFound,
                "there is no peer connection yet: send an offer first",
            ));
        }
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
        let request = self.await_media(asker, id, Awaited::Track(publication.clone()))?;
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
            return self.reply(asker, Outcome::Error(error.into()));
        }
        let Some(publisher) = self.participants.get_mut(id) else { return };
        let info = publication.info.clone();
        publisher.tracks.push(publication);
        self.publishers.insert(info.id, id);
        self.reply(asker, Outcome::Ok(Reply::Published(Published { track: info.clone() })));
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
        self.subscribe_everybody(id, track);
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
        self.reply(asker, Outcome::Ok(Reply::Done(Done {})));
        self.unpublish(now, id, track);
        self.command(MediaCommand::Unpublish { track });
        Ok(())
    }

    /// Takes a track out of the room, for everybody. Its media is left to the caller.
    pub(super) fn unpublish(&mut self, now: Now, id: ParticipantId, track: TrackId) {
        let Some(publisher) = self.participants.get_mut(id) else { return };
        publisher.tracks.retain(|publication| publication.info.id != track);
        self.publishers.remove(&track);
        for receiver in self.participants.iter_mut() {
            receiver.bindings.remove(&track);
        }
        self.emit(now, Audience::Room, Event::TrackUnpublished { participant: id, track });
    }

    pub(super) fn on_mute(
        &mut self,
        now: Now,
        asker: Asker,
        id: ParticipantId,
        request: Mute,
    ) -> Result<(), RequestError> {
        let Mute { track, muted } = request;
        self.own_track(id, track)?;
        let info = self.participants.get_mut(id).and_then(|one| one.track_mut(track));
        let changed = info.is_some_and(|info| std::mem::replace(&mut info.muted, muted) != muted);
        self.reply(asker, Outcome::Ok(Reply::Done(Done {})));
        if changed {
            self.command(MediaCommand::Mute { track, muted });
            let event = if muted {
                Event::TrackMuted { participant: id, track }
            } else {
                Event::TrackUnmuted { participant: id, track }
            };
            self.emit(now, Audience::Room, event);
        }
        Ok(())
    }

    /// Somebody else's track is answered like one that does not exist.
    fn own_track(&self, id: ParticipantId, track: TrackId) -> Result<(), RequestError> {
        if self.publishers.get(&track) == Some(&id) {
            return Ok(());
        }
        Err(RequestError::new(
            ErrorCode::NotFound,
            format!("you have not published a track {track}"),
        ))
    }
}
