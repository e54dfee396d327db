//! The peer connection of a participant, as far as the control plane has a part in it.
//!
//! A session is opened by the first offer and again by the first offer after a failure. Once its
//! offer is answered, it is subscribed to everything its participant wants, and from then on to
//! every wanted track as it comes (`receiving`).

use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, Event, LeaveReason};
use crate::id::{ParticipantId, TrackId};
use crate::info::{IceServer, ParticipantQuality};
use crate::media::{MediaAnswer, MediaCommand, MediaError, MediaEvent, MediaRequest};
use crate::participant::{Asker, Awaited, Participant, Pending, Session};
use crate::reply::{Answer, IceServers, Outcome, Reply};
use crate::request::{Candidate, Offer};
use crate::room::{Now, Room};

/// A candidate attribute has about 100 bytes; extensions may make it somewhat longer.
const CANDIDATE_BYTES: usize = 1024;
const RESTARTED: &str =
    "the media server has lost all peer connections of this room: offer again from a new one";

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
        let request = self.media_request();
        self.wait(asker, id, Awaited::Answer(request))?;
        let Some(participant) = self.participants.get_mut(id) else { return Ok(()) };
        if participant.session == Session::Closed {
            participant.session = Session::Opened;
            self.command(MediaCommand::Open { session: id });
        }
        self.command(MediaCommand::Offer { session: id, sdp: offer.sdp, request });
        Ok(())
    }

    pub(super) fn on_ice_servers(
        &mut self,
        asker: Asker,
        id: ParticipantId,
        fresh: Vec<IceServer>,
    ) -> Result<(), RequestError> {
        let Some(participant) = self.participants.get_mut(id) else { return Ok(()) };
        participant.ice_servers.clone_from(&fresh);
        self.reply(asker, Outcome::Ok(Reply::IceServers(IceServers { ice_servers: fresh })));
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
        let Some(participant) = self.participants.get(id) else { return Ok(()) };
        participant.must_be_open()?;
        self.done(asker);
        // "No more candidates" is nothing that the media plane waits for.
        if !candidate.is_empty() {
            self.command(MediaCommand::Candidate { session: id, candidate });
        }
        Ok(())
    }

    /// Notes a request that is answered later.
    pub(super) fn wait(
        &mut self,
        asker: Asker,
        id: ParticipantId,
        what: Awaited,
    ) -> Result<(), RequestError> {
        let limit = self.config.max_pending_per_participant;
        match self.participants.get_mut(id) {
            Some(participant) if participant.pending.len() < limit => {
                participant.pending.push(Pending { asker, what });
                Ok(())
            }
            _ => Err(RequestError::new(
                ErrorCode::Busy,
                format!("{limit} requests are waiting already: wait for their replies"),
            )),
        }
    }

    /// A number that nothing was asked of the media plane with.
    pub(super) fn media_request(&mut self) -> MediaRequest {
        self.media_requests += 1;
        MediaRequest(self.media_requests)
    }

    pub(super) fn on_media(&mut self, now: Now, event: MediaEvent) {
        match event {
            MediaEvent::Answered { session, request, result } => {
                let Some(Pending { asker, .. }) = self.awaited(session, request) else { return };
                match result {
                    Ok(MediaAnswer { sdp, lines }) => {
                        let answer = Reply::Answer(Answer { sdp, lines });
                        self.answer(session, asker, Outcome::Ok(answer));
                        self.on_negotiated(session);
                    }
                    Err(error) => self.answer(session, asker, Outcome::Error(error.into())),
                }
            }
            MediaEvent::Published { session, request, result } => {
                let Some(Pending { asker, what }) = self.awaited(session, request) else { return };
                if let Awaited::Track(_, publication) = what {
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
            MediaEvent::Failed { session, reason } => self.on_failed(now, session, reason),
            MediaEvent::Data { to, message } => self.on_data(now, to, message),
            MediaEvent::Overrun { session } => self.remove(now, session, LeaveReason::TooSlow),
            MediaEvent::Measured { sessions } => self.on_measured(now, sessions),
            MediaEvent::Restarted => self.on_restarted(now),
        }
    }

    fn on_measured(&mut self, now: Now, mut participants: Vec<ParticipantQuality>) {
        let visible = |id| self.participants.get(id).is_some_and(Participant::is_visible);
        participants.retain(|quality| visible(quality.participant));
        self.emit(now, Audience::Observers, Event::QualityMeasured { participants });
    }

    fn awaited(&mut self, session: ParticipantId, request: MediaRequest) -> Option<Pending> {
        let pending = &mut self.participants.get_mut(session)?.pending;
        let at = pending.iter().position(|one| one.what.media_request() == Some(request))?;
        Some(pending.remove(at))
    }

    /// The first answered offer of a session: it can be subscribed now.
    fn on_negotiated(&mut self, id: ParticipantId) {
        let Some(receiver) = self.participants.get_mut(id) else { return };
        if receiver.session != Session::Opened {
            return;
        }
        receiver.session = Session::Negotiated;
        for track in self.wanted(id) {
            self.command(MediaCommand::Subscribe { session: id, track });
        }
    }

    /// A session is gone, with its tracks and subscriptions. Whoever can offer again keeps its place.
    fn on_failed(&mut self, now: Now, id: ParticipantId, reason: String) {
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
        self.emit(now, Audience::Participant(id), Event::MediaFailed { reason });
    }

    /// Everything that the media plane had of this room is gone, and what it was asked last is not
    /// answered any more.
    fn on_restarted(&mut self, now: Now) {
        let everybody: Vec<ParticipantId> = self.participants.iter().map(|one| one.id).collect();
        for &id in &everybody {
            self.admit_to_media(id);
            if self.participants.get(id).is_some_and(|one| !one.topics.is_empty()) {
                self.tell_topics(id);
            }
        }
        for id in everybody {
            let Some(participant) = self.participants.get_mut(id) else { continue };
            let waits = |pending: &mut Pending| pending.what.media_request().is_some();
            for lost in participant.pending.extract_if(.., waits).collect::<Vec<_>>() {
                let error = RequestError::new(ErrorCode::Busy, RESTARTED);
                self.answer(id, lost.asker, Outcome::Error(error));
            }
            self.on_failed(now, id, RESTARTED.to_owned());
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
