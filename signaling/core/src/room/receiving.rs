//! What flows to whom, on which slot, and how large it is shown.

use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, Event};
use crate::id::{ParticipantId, TrackId};
use crate::info::{Binding, MediaKind};
use crate::media::MediaCommand;
use crate::participant::{Asker, Participant, Session};
use crate::request::{Tracks, Viewport};
use crate::room::{Now, Room};

/// How many tracks one request names.
const TRACKS: usize = 256;

impl Room {
    /// Subscribes to tracks, or unsubscribes. Those that are gone, or one's own, are passed over.
    pub(super) fn on_subscribe(
        &mut self,
        now: Now,
        asker: Asker,
        id: ParticipantId,
        request: Tracks,
        wanted: bool,
    ) -> Result<(), RequestError> {
        check_count(request.tracks.len())?;
        self.done(asker);
        for track in request.tracks {
            if self.track_of_another(id, track).is_none() {
                continue;
            }
            let before = self.is_wanted(id, track);
            if let Some(participant) = self.participants.get_mut(id) {
                participant.wants.say(track, wanted);
            }
            if before != wanted {
                self.flow(now, id, track, wanted);
            }
        }
        Ok(())
    }

    /// Allows or forbids receiving.
    pub(super) fn set_receiving(&mut self, now: Now, id: ParticipantId, allowed: bool) {
        let wanted_before = self.wanted(id);
        let Some(participant) = self.participants.get_mut(id) else { return };
        if std::mem::replace(&mut participant.grants.can_subscribe, allowed) == allowed {
            return;
        }
        // Of the two lists one is empty: nothing is wanted while it is forbidden.
        for track in wanted_before.into_iter().chain(self.wanted(id)) {
            self.flow(now, id, track, allowed);
        }
    }

    /// Lets a track begin or cease to flow to `id`, if it can receive.
    fn flow(&mut self, now: Now, id: ParticipantId, track: TrackId, wanted: bool) {
        let Some(participant) = self.participants.get(id) else { return };
        let session = id;
        match (participant.session, wanted) {
            (Session::Negotiated, true) => self.command(MediaCommand::Subscribe { session, track }),
            (Session::Negotiated, false) => {
                self.command(MediaCommand::Unsubscribe { session, track });
                self.unbind(now, id, track);
            }
            (Session::Closed | Session::Opened, _) => {}
        }
    }

    /// Lets a new track flow to everybody who wants it.
    pub(super) fn subscribe_everybody(
        &mut self,
        now: Now,
        publisher: ParticipantId,
        track: TrackId,
    ) {
        let Some(publisher) = self.participants.get(publisher) else { return };
        let receivers = self.participants.iter().filter(|one| one.wants(publisher, track));
        for receiver in receivers.map(|one| one.id).collect::<Vec<_>>() {
            self.flow(now, receiver, track, true);
        }
    }

    /// Every track that `id` wants, by its publisher's arrival and its own age.
    pub(super) fn wanted(&self, id: ParticipantId) -> Vec<TrackId> {
        let Some(receiver) = self.participants.get(id) else { return Vec::new() };
        let tracks = self.participants.iter().flat_map(|publisher| {
            publisher.tracks.iter().map(move |track| (publisher, track.info.id))
        });
        tracks
            .filter(|(publisher, track)| receiver.wants(publisher, *track))
            .map(|(_, track)| track)
            .collect()
    }

    fn is_wanted(&self, id: ParticipantId, track: TrackId) -> bool {
        let receiver = self.participants.get(id);
        let publisher = self.track_of_another(id, track);
        receiver
            .zip(publisher)
            .is_some_and(|(receiver, publisher)| receiver.wants(publisher, track))
    }

    /// The publisher of `track`, if it is there and not `id` itself.
    fn track_of_another(&self, id: ParticipantId, track: TrackId) -> Option<&Participant> {
        self.participants.get(*self.publishers.get(&track)?).filter(|one| one.id != id)
    }

    pub(super) fn on_viewport(
        &mut self,
        asker: Asker,
        id: ParticipantId,
        request: Viewport,
    ) -> Result<(), RequestError> {
        check_count(request.sizes.len())?;
        self.done(asker);
        let session = self.participants.get(id).map(|one| one.session);
        if session.is_none_or(|session| session == Session::Closed) {
            return Ok(());
        }
        for size in request.sizes {
            let publisher = self.track_of_another(id, size.track);
            let track = publisher.and_then(|publisher| publisher.track(size.track));
            if track.is_some_and(|track| track.kind == MediaKind::Video) {
                self.command(MediaCommand::Viewport {
                    session: id,
                    track: size.track,
                    width: size.width,
                    height: size.height,
                });
            }
        }
        Ok(())
    }

    pub(super) fn on_bound(
        &mut self,
        now: Now,
        id: ParticipantId,
        track: TrackId,
        mid: String,
        bind: u64,
    ) {
        // The track, or the wish for it, may have ended while the word was on its way.
        if !self.is_wanted(id, track) {
            return;
        }
        let Some(&publisher) = self.publishers.get(&track) else { return };
        let Some(receiver) = self.participants.get_mut(id) else { return };
        // A slot carries one track and a track has one slot: what was there before is over.
        let replaced: Vec<TrackId> = receiver
            .bindings
            .iter()
            .filter(|(other, old)| **other == track || old.mid == mid)
            .map(|(other, _)| *other)
            .collect();
        for other in replaced {
            self.unbind(now, id, other);
        }
        let Some(receiver) = self.participants.get_mut(id) else { return };
        let binding = Binding { participant: publisher, track, mid, bind };
        receiver.bindings.insert(track, binding.clone());
        self.emit(now, Audience::Participant(id), Event::SubscriptionBound(binding));
    }

    pub(super) fn unbind(&mut self, now: Now, id: ParticipantId, track: TrackId) {
        let Some(receiver) = self.participants.get_mut(id) else { return };
        let Some(binding) = receiver.bindings.remove(&track) else { return };
        self.emit(now, Audience::Participant(id), Event::SubscriptionUnbound(binding));
    }
}

fn check_count(count: usize) -> Result<(), RequestError> {
    if (1..=TRACKS).contains(&count) {
        return Ok(());
    }
    Err(RequestError::new(ErrorCode::BadRequest, format!("a request names 1 to {TRACKS} tracks")))
}
