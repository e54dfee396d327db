//! Messages of the application's own: to everybody, to some, to those who listen to a topic, and
//! between two for a connection of their own.

use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, Event};
use crate::id::ParticipantId;
use crate::info::DataMessage;
use crate::media::MediaCommand;
use crate::participant::Asker;
use crate::request::{Listen, Send, Signal};
use crate::room::{Now, Room};

/// The longest topic.
const TOPIC_BYTES: usize = 128;
/// How many topics one participant listens to.
const TOPICS: usize = 64;
/// What an envelope needs beside topic and payload.
const ENVELOPE_BYTES: usize = 64;
/// What an envelope with a number has before its topic, destinations aside.
const HEAD_BYTES: usize = 11;
/// The largest description or candidate.
const SIGNAL_BYTES: usize = 64 * 1024;

impl Room {
    pub(super) fn on_send(
        &mut self,
        now: Now,
        asker: Asker,
        from: Option<ParticipantId>,
        request: Send,
    ) -> Result<(), RequestError> {
        let Send { topic, payload, to, listeners, lossy, retain, message } = request;
        check_topic(&topic)?;
        let limit = self.config.limits.data_bytes as usize;
        if topic.len() + payload.len() + ENVELOPE_BYTES > limit {
            return Err(RequestError::new(
                ErrorCode::TooLarge,
                format!(
                    "topic and payload have at most {} bytes together: send it in parts",
                    limit.saturating_sub(ENVELOPE_BYTES)
                ),
            ));
        }
        if lossy {
            let destinations = to.as_ref().map_or(0, |to| 1 + 8 * to.len());
            let size = HEAD_BYTES + destinations + topic.len() + payload.len();
            let limit = self.config.limits.lossy_bytes as usize;
            if size > limit {
                return Err(RequestError::new(
                    ErrorCode::TooLarge,
                    format!(
                        "a lossy message has at most {limit} bytes as an envelope, this one has \
                         {size}: send it in parts, or as a reliable one"
                    ),
                ));
            }
        }
        if retain {
            if lossy || listeners || to.is_some() {
                return Err(RequestError::new(
                    ErrorCode::BadRequest,
                    "what is retained is reliable and for everybody: leave out \"lossy\", \
                     \"listeners\" and \"to\"",
                ));
            }
            self.retained.admits(&topic, &payload)?;
        }
        let audience = match (to, listeners) {
            (Some(_), true) => {
                return Err(RequestError::new(
                    ErrorCode::BadRequest,
                    "a message is for those in \"to\" or for listeners, not for both",
                ));
            }
            (Some(to), false) => Audience::Some(self.addressees(from, to)?.into()),
            (None, true) => Audience::Some(self.listeners(from, &topic).into()),
            // All copies of a value are to change in the same order, the sender's own as well.
            (None, false) if retain => Audience::Room,
            (None, false) => from.map_or(Audience::Room, Audience::Others),
        };
        let message = DataMessage { from, id: message, lossy, retain, topic, payload };
        let event = Event::DataReceived { message };
        if event.is_durable() && !self.journal.has_space(now, &event, self.config.lease) {
            return Err(RequestError::new(
                ErrorCode::Busy,
                "more is being sent than those who come back could be told: send it again later",
            ));
        }
        if let Event::DataReceived { message } = &event
            && message.retain
        {
            self.retained.set(message);
        }
        self.done(asker);
        self.emit(now, audience, event);
        Ok(())
    }

    /// Those who listen to `topic`, `sender` aside.
    fn listeners(&self, sender: Option<ParticipantId>, topic: &str) -> Vec<ParticipantId> {
        let listeners = self.participants.iter().filter(|one| one.topics.contains(topic));
        listeners.map(|one| one.id).filter(|&one| Some(one) != sender).collect()
    }

    pub(super) fn on_listen(
        &mut self,
        asker: Asker,
        id: ParticipantId,
        request: Listen,
    ) -> Result<(), RequestError> {
        if request.topics.len() > TOPICS {
            return Err(RequestError::new(
                ErrorCode::BadRequest,
                format!("a participant listens to at most {TOPICS} topics"),
            ));
        }
        for topic in &request.topics {
            check_topic(topic)?;
        }
        self.done(asker);
        let topics = request.topics.into_iter().collect();
        let Some(participant) = self.participants.get_mut(id) else { return Ok(()) };
        if participant.topics != topics {
            participant.topics = topics;
            self.tell_topics(id);
        }
        Ok(())
    }

    /// Tells the media plane what a participant listens to.
    pub(super) fn tell_topics(&mut self, id: ParticipantId) {
        let Some(participant) = self.participants.get(id) else { return };
        let topics = participant.topics.iter().cloned().collect();
        self.command(MediaCommand::Listen { member: id, topics });
    }

    /// Tells the media plane that a participant is in the room, and whether it may send.
    pub(super) fn admit_to_media(&mut self, id: ParticipantId) {
        let Some(participant) = self.participants.get(id) else { return };
        let may_send = participant.grants.can_publish_data && participant.is_visible();
        self.command(MediaCommand::Admit { member: id, may_send });
    }

    /// A message that came by a data channel, for those who have none.
    pub(super) fn on_data(&mut self, now: Now, to: Vec<ParticipantId>, message: DataMessage) {
        let is_here = |id: &ParticipantId| self.participants.get(*id).is_some();
        let to: Vec<ParticipantId> = to.into_iter().filter(is_here).collect();
        if !to.is_empty() {
            self.emit(now, Audience::Some(to.into()), Event::DataReceived { message });
        }
    }

    pub(super) fn on_signal(
        &mut self,
        now: Now,
        asker: Asker,
        id: ParticipantId,
        request: Signal,
    ) -> Result<(), RequestError> {
        let Signal { to, data } = request;
        if to == id {
            return Err(RequestError::new(
                ErrorCode::BadRequest,
                "a signal is for another participant",
            ));
        }
        self.someone(to)?;
        if data.len() > SIGNAL_BYTES {
            return Err(RequestError::new(
                ErrorCode::TooLarge,
                format!("a signal has at most {SIGNAL_BYTES} bytes"),
            ));
        }
        self.done(asker);
        self.emit(now, Audience::Participant(to), Event::SignalReceived { from: id, data });
        Ok(())
    }
}

fn check_topic(topic: &str) -> Result<(), RequestError> {
    if topic.len() <= TOPIC_BYTES {
        return Ok(());
    }
    Err(RequestError::new(ErrorCode::TooLarge, format!("a topic has at most {TOPIC_BYTES} bytes")))
}
