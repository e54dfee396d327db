//! A media plane that answers late and in order, as the real one does, and checks what it is asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use signaling_core::id::{ParticipantId, TrackId};
use signaling_core::info::DataMessage;
use signaling_core::media::{MediaAnswer, MediaCommand, MediaError, MediaEvent};

use crate::world::failed;

#[derive(Debug, Default)]
pub(crate) struct Plane {
    /// Open as the room sees it: a failure counts once the room has heard of it.
    open: BTreeSet<ParticipantId>,
    /// Open as it is.
    alive: BTreeSet<ParticipantId>,
    /// In the room, as the room has said, and whether they may send.
    members: BTreeMap<ParticipantId, bool>,
    listening: BTreeMap<ParticipantId, Vec<String>>,
    tracks: BTreeMap<TrackId, ParticipantId>,
    subscriptions: BTreeSet<(ParticipantId, TrackId)>,
    /// Not yet told.
    events: VecDeque<MediaEvent>,
    binds: u64,
}

impl Plane {
    pub(crate) fn take(&mut self, command: MediaCommand) {
        match command {
            MediaCommand::Open { session } => {
                assert!(self.open.insert(session), "opened twice: {session}");
                self.alive.insert(session);
            }
            MediaCommand::Offer { session, request, .. } => {
                assert!(self.open.contains(&session), "an offer to no session");
                let answer = MediaAnswer { sdp: "v=0".to_owned(), lines: Vec::new() };
                let result = match self.refusal(session, request.0) {
                    None => Ok(answer),
                    Some(error) => Err(error),
                };
                self.events.push_back(MediaEvent::Answered { session, request, result });
            }
            MediaCommand::Candidate { session, candidate } => {
                assert!(self.open.contains(&session), "a candidate to no session");
                assert!(!candidate.is_empty());
            }
            MediaCommand::Publish { session, track, request, .. } => {
                assert!(self.open.contains(&session), "a publication to no session");
                let result = match self.refusal(session, request.0) {
                    None => {
                        assert_eq!(self.tracks.insert(track, session), None);
                        Ok(())
                    }
                    Some(error) => Err(error),
                };
                self.events.push_back(MediaEvent::Published { session, request, result });
            }
            MediaCommand::Unpublish { track } => {
                self.tracks.remove(&track);
                self.subscriptions.retain(|(_, other)| *other != track);
            }
            MediaCommand::Mute { .. } => {}
            MediaCommand::Subscribe { session, track } => {
                assert!(self.open.contains(&session), "a subscription of no session");
                assert_ne!(self.tracks.get(&track), Some(&session), "its own track");
                if self.is_flowing(session, track) {
                    assert!(self.subscriptions.insert((session, track)), "subscribed twice");
                }
            }
            MediaCommand::Unsubscribe { session, track } => {
                assert!(self.open.contains(&session), "an end of a subscription of no session");
                let was = self.subscriptions.remove(&(session, track));
                assert!(was || !self.is_flowing(session, track), "was not subscribed");
            }
            MediaCommand::Viewport { session, track, .. } => {
                assert!(self.open.contains(&session), "a viewport of no session");
                assert_ne!(self.tracks.get(&track), Some(&session), "its own track");
            }
            MediaCommand::Admit { member, may_send } => {
                self.members.insert(member, may_send);
            }
            MediaCommand::Listen { member, topics } => {
                assert!(self.members.contains_key(&member), "nobody listens: {member}");
                self.listening.insert(member, topics);
            }
            MediaCommand::Dismiss { member } => {
                assert!(self.members.remove(&member).is_some(), "was not there: {member}");
                self.listening.remove(&member);
            }
            MediaCommand::Measure => {}
            MediaCommand::Close { session } => {
                assert!(self.open.remove(&session), "closed what was not open: {session}");
                self.end(session);
            }
        }
    }

    /// What is told next.
    pub(crate) fn next(&mut self) -> Option<MediaEvent> {
        let event = self.events.pop_front()?;
        match &event {
            MediaEvent::Failed { session, .. } => {
                self.open.remove(session);
            }
            MediaEvent::Restarted => {
                self.open.clear();
                self.members.clear();
                self.listening.clear();
            }
            _ => {}
        }
        Some(event)
    }

    /// The path of a session is lost.
    pub(crate) fn fail(&mut self, nth: usize) {
        let Some(session) = pick(&self.alive, nth) else { return };
        self.end(session);
        self.events.push_back(failed(session));
    }

    /// Everything is lost, and nothing that was to be told is told.
    pub(crate) fn restart(&mut self) {
        self.events.retain(|event| matches!(event, MediaEvent::Restarted));
        self.alive.clear();
        self.tracks.clear();
        self.subscriptions.clear();
        self.events.push_back(MediaEvent::Restarted);
    }

    /// A subscription gets a slot.
    pub(crate) fn bind(&mut self, nth: usize, mid: u8) {
        let Some((session, track)) = pick(&self.subscriptions, nth) else { return };
        self.binds += 1;
        let (mid, bind) = (mid.to_string(), self.binds);
        self.events.push_back(MediaEvent::Bound { session, track, mid, bind });
    }

    /// A session runs out of slots, or comes up.
    pub(crate) fn report(&mut self, nth: usize, is_short: bool) {
        let Some(session) = pick(&self.alive, nth) else { return };
        self.events.push_back(match is_short {
            true => MediaEvent::SlotsNeeded { session, audio: 1, video: 1 },
            false => MediaEvent::Connected { session },
        });
    }

    /// Somebody's data channel carries a message for everybody else; tells for whom.
    pub(crate) fn send(&mut self, nth: usize, text: &str, lossy: bool) -> Vec<ParticipantId> {
        let senders = self.members.iter().filter(|(_, may_send)| **may_send).map(|(id, _)| *id);
        let Some(from) = pick(&senders.collect(), nth) else { return Vec::new() };
        let to: Vec<_> = self.members.keys().copied().filter(|id| *id != from).collect();
        let (topic, payload) = (String::new(), text.as_bytes().into());
        let message =
            DataMessage { from: Some(from), id: None, lossy, retain: false, topic, payload };
        self.events.push_back(MediaEvent::Data { to: to.clone(), message });
        to
    }

    /// Somebody does not take its messages.
    pub(crate) fn overrun(&mut self, nth: usize) {
        if let Some(session) = pick(&self.alive, nth) {
            self.events.push_back(MediaEvent::Overrun { session });
        }
    }

    pub(crate) fn has_nothing(&self) -> bool {
        self.open.is_empty() && self.members.is_empty() && self.listening.is_empty()
    }

    /// Who is in the room and whether it may send, as far as the room has said.
    pub(crate) fn members(&self) -> &BTreeMap<ParticipantId, bool> {
        &self.members
    }

    pub(crate) fn topics(&self, member: ParticipantId) -> &[String] {
        self.listening.get(&member).map_or(&[], Vec::as_slice)
    }

    fn is_flowing(&self, session: ParticipantId, track: TrackId) -> bool {
        self.alive.contains(&session) && self.tracks.contains_key(&track)
    }

    fn end(&mut self, session: ParticipantId) {
        self.alive.remove(&session);
        self.tracks.retain(|_, publisher| *publisher != session);
        let tracks = &self.tracks;
        self.subscriptions
            .retain(|(receiver, track)| *receiver != session && tracks.contains_key(track));
    }

    /// Now and then something is refused, and always what a dead session is asked.
    fn refusal(&self, session: ParticipantId, request: u64) -> Option<MediaError> {
        if !self.alive.contains(&session) {
            return Some(MediaError::NotFound("no such session".to_owned()));
        }
        (request % 7 == 6).then(|| MediaError::BadSdp("not today".to_owned()))
    }
}

fn pick<T: Copy>(from: &BTreeSet<T>, nth: usize) -> Option<T> {
    from.iter().nth(nth % from.len().max(1)).copied()
}
