//! The peer connection of a participant, as far as the control plane has a part in it.
//!
//! A session is opened by the first offer and again by the first offer after a failure. Once its
//! offer is answered, it is subscribed to everything its participant wants, and from then on to
//! every wanted track as it comes.

use crate::error::{ErrorCode, RequestError};
use crate::event::{Answer, Audience, Done, Event, LeaveReason, Outcome, Reply};
use crate::id::{ParticipantId, TrackId};
use crate::media::{MediaAnswer, MediaCommand, MediaError, MediaEvent, MediaRequest};
use crate::participant::{Asker, Awaited, Binding, Pending, Session};
use crate::request::{Candidate, Offer};
use crate::room::{Now, Room};

/// A candidate attribute has about 100 bytes; extensions may make it somewhat longer.
const CANDIDATE_BYTES: usize = 1024;

impl Room {
    pub(super) fn on_offer(
        &mut self,
        asker: Asker,
        id: ParticipantId,
        offer: Offer,
    ) -> Result<(), RequestError> {
        let limit = self.config.limits.sdp_bytes as usize;
        if offer.sdp.len() > limit {
            return Err(RequestError::new(
                ErrorCode::TooLarge,
                format!("an offer has at most {limit} bytes: offer fewer slots or codecs"),
            ));
        }
        let request = self.await_media(asker, id, Awaited::Answer)?;
        let Some(participant) = self.participants.get_mut(id) else { return Ok(()) };
        if participant.session == Session::Closed {
            participant.session = Session::Opened;
            self.command(MediaCommand::Open { session: id });
        }
        self.command(MediaCommand::Offer { session: id, sdp: offer.sdp, request });
        Ok(())
    }

    pub(super) fn on_candidate(
        &mut self,
        asker: Asker,
        id: ParticipantId,
        request: Candidate,
    ) -> Result<(), RequestError> {
        let candidate = request.candidate;
        if candidate.len() > CANDIDATE_BYTES {
            return Err(RequestError::new(
                ErrorCode::TooLarge,
                format!("a candidate has at most {CANDIDATE_BYTES} bytes"),
            ));
        }
        let session = self.participants.get(id).map(|one| one.session);
        if session.is_none_or(|session| session == Session::Closed) {
            return Err(RequestError::new(
                ErrorCode::NotFound,
                "there is no peer connection yet: send an offer first",
            ));
        }
        self.reply(asker, Outcome::Ok(Reply::Done(Done {})));
        // "No more candidates" is nothing that the media plane waits for.
        if !candidate.is_empty() {
            self.command(MediaCommand::Candidate { session: id, candidate });
        }
        Ok(())
    }

    /// Notes a request that the media plane will answer.
    pub(super) fn await_media(
        &mut self,
        asker: Asker,
        id: ParticipantId,
        what: Awaited,
    ) -> Result<MediaRequest, RequestError> {
        let limit = self.config.max_pending_per_participant;
        let request = MediaRequest(self.media_requests);
        match self.participants.get_mut(id) {
            Some(participant) if participant.pending.len() < limit => {
                self.media_requests += 1;
                participant.pending.insert(request, Pending { asker, what });
                Ok(request)
            }
            _ => Err(RequestError::new(
                ErrorCode::Busy,
                format!("{limit} requests are waiting already: wait for their replies"),
            )),
        }
    }

    pub(super) fn on_media(&mut self, now: Now, event: MediaEvent) {
        match event {
            MediaEvent::Answered { session, request, result } => {
                let Some(Pending { asker, .. }) = self.awaited(session, request) else { return };
                match result {
                    Ok(MediaAnswer { sdp, lines }) => {
                        self.reply(asker, Outcome::Ok(Reply::Answer(Answer { sdp, lines })));
                        self.on_negotiated(session);
                    }
                    Err(error) => self.reply(asker, Outcome::Error(error.into())),
                }
            }
            MediaEvent::Published { session, request, result } => {
                let Some(Pending { asker, what }) = self.awaited(session, request) else { return };
                if let Awaited::Track(publication) = what {
                    self.on_published(now, asker, session, publication, result);
                }
            }
            MediaEvent::Bound { session, track, mid, bind } => {
                self.on_bound(now, session, track, mid, bind);
            }
            MediaEvent::SlotsNeeded { session, audio, video } => {
                if self.participants.get(session).is_some() {
                    let event = Event::SlotsNeeded { audio, video };
                    self.emit(now, Audience::Participant(session), event);
                }
            }
            // Nobody is told: the participant sees it in its own peer connection.
            MediaEvent::Connected { .. } => {}
            MediaEvent::Failed { session } => self.on_failed(now, session),
        }
    }

    fn awaited(&mut self, session: ParticipantId, request: MediaRequest) -> Option<Pending> {
        self.participants.get_mut(session)?.pending.remove(&request)
    }

    /// The first answered offer of a session: it can be subscribed now.
    fn on_negotiated(&mut self, id: ParticipantId) {
        let Some(receiver) = self.participants.get_mut(id) else { return };
        if receiver.session != Session::Opened {
            return;
        }
        receiver.session = Session::Negotiated;
        let Some(receiver) = self.participants.get(id) else { return };
        let wanted: Vec<TrackId> = self
            .participants
            .iter()
            .filter(|publisher| receiver.wants(publisher))
            .flat_map(|publisher| publisher.tracks.iter().map(|track| track.info.id))
            .collect();
        for track in wanted {
            self.command(MediaCommand::Subscribe { session: id, track });
        }
    }

    /// Lets a new track flow to everybody who wants it and can receive.
    pub(super) fn subscribe_everybody(&mut self, publisher: ParticipantId, track: TrackId) {
        let Some(publisher) = self.participants.get(publisher) else { return };
        let receivers: Vec<ParticipantId> = self
            .participants
            .iter()
            .filter(|one| one.session == Session::Negotiated && one.wants(publisher))
            .map(|one| one.id)
            .collect();
        for session in receivers {
            self.command(MediaCommand::Subscribe { session, track });
        }
    }

    fn on_bound(&mut self, now: Now, id: ParticipantId, track: TrackId, mid: String, bind: u64) {
        // The track may have ended while the word was on its way.
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
        receiver.bindings.insert(track, Binding { publisher, mid: mid.clone(), bind });
        let event = Event::SubscriptionBound { participant: publisher, track, mid, bind };
        self.emit(now, Audience::Participant(id), event);
    }

    fn unbind(&mut self, now: Now, id: ParticipantId, track: TrackId) {
        let Some(receiver) = self.participants.get_mut(id) else { return };
        let Some(binding) = receiver.bindings.remove(&track) else { return };
        let Binding { publisher, mid, bind } = binding;
        let event = Event::SubscriptionUnbound { participant: publisher, track, mid, bind };
        self.emit(now, Audience::Participant(id), event);
    }

    /// A session is gone, with its tracks and subscriptions. Whoever can offer again keeps its place.
    fn on_failed(&mut self, now: Now, id: ParticipantId) {
        let Some(participant) = self.participants.get_mut(id) else { return };
        if participant.session == Session::Closed {
            return;
        }
        participant.session = Session::Closed;
        if participant.headless {
            return self.remove(now, id, LeaveReason::ConnectionLost);
        }
        let tracks: Vec<TrackId> = participant.tracks.iter().map(|track| track.info.id).collect();
        let bound: Vec<TrackId> = participant.bindings.keys().copied().collect();
        for track in tracks {
            self.unpublish(now, id, track);
        }
        for track in bound {
            self.unbind(now, id, track);
        }
    }
}

impl From<MediaError> for RequestError {
    fn from(error: MediaError) -> Self {
        let code = match &error {
            MediaError::BadSdp(_) => ErrorCode::BadSdp,
            MediaError::NotFound(_) => ErrorCode::NotFound,
            MediaError::Unavailable => ErrorCode::Busy,
        };
        RequestError::new(code, error.to_string())
    }
}
