//! A room: who is in it, what they publish, what they say.
//!
//! [`Room::handle`] is the switch. What there is to know about coming and going is in `presence`,
//! about tracks in `tracks`, about the media plane's side in `negotiation`.
//!
//! It knows no door and no socket: an attachment is a number to it. It does not know the time
//! either; it is told.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::error::{ErrorCode, RequestError};
use crate::event::{
    Audience, ChatMessage, Done, EndReason, Envelope, Event, LeaveReason, Limits, Outcome,
    ParticipantInfo, Posted, Reply, RoomInfo,
};
use crate::id::{ChatId, IdSource, ParticipantId, RoomId, TrackId};
use crate::journal::Journal;
use crate::media::{MediaCommand, MediaEvent};
use crate::participant::{Admission, Asker, AttachmentId, Participants};
use crate::request::{Chat, Request};
use crate::snapshot::Snapshot;

mod negotiation;
mod presence;
mod tracks;

/// The time, as the shell read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Since a moment of the shell's choosing, the same for every call; never goes back.
    pub monotonic: Duration,
    /// Milliseconds since 1970 (UTC), for people. May jump.
    pub unix_ms: u64,
}

/// What a room keeps to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The room ends when nobody was in it for that long.
    pub empty_timeout: Duration,
    /// Participants at a time, the hidden included.
    pub max_participants: usize,
    /// Tracks that one participant may publish at a time.
    pub max_tracks_per_participant: usize,
    /// Requests of one participant that may wait for the media plane at a time.
    pub max_pending_per_participant: usize,
    /// Bytes of JSON that the journal keeps.
    pub journal_bytes: usize,
    /// How long the journal keeps an event.
    pub journal_age: Duration,
    /// What clients are told to keep to. The room itself checks the sizes of descriptions and chat
    /// texts; the doors check frames.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            empty_timeout: Duration::from_secs(60),
            max_participants: 300,
            max_tracks_per_participant: 16,
            max_pending_per_participant: 32,
            journal_bytes: 1024 * 1024,
            journal_age: Duration::from_secs(120),
            limits: Limits {
                slots: 24,
                sdp_bytes: 256 * 1024,
                message_bytes: 64 * 1024,
                chat_bytes: 8192,
            },
        }
    }
}

/// What reaches a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Somebody with a good token wants to come in by a new attachment. The reply is
    /// [`Reply::Joined`].
    Join {
        /// New to this room.
        attachment: AttachmentId,
        /// Comes back with the reply.
        request: u64,
        /// Who, and what it may do.
        admission: Box<Admission>,
    },
    /// A request came by an attachment. There is exactly one reply to it, now or later.
    Request {
        /// Whose.
        attachment: AttachmentId,
        /// Comes back with the reply.
        request: u64,
        /// What is asked.
        body: Request,
    },
    /// The socket behind an attachment is gone. Nothing more is sent to it.
    Detached {
        /// Which.
        attachment: AttachmentId,
    },
    /// The media plane has something to tell.
    Media(MediaEvent),
    /// [`Room::deadline`] has passed.
    Timeout,
    /// End the room now.
    Stop {
        /// Why.
        reason: EndReason,
    },
}

/// What a room wants done. In this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// From here on the attachment belongs to this participant and gets the events whose audience
    /// includes it, until [`Output::Close`] or [`Input::Detached`]. The reply to the join follows.
    Attached {
        /// Which.
        attachment: AttachmentId,
        /// Whose it is.
        participant: ParticipantId,
    },
    /// The one reply to a request.
    Reply {
        /// Who asked.
        attachment: AttachmentId,
        /// From the request.
        request: u64,
        /// What came of it.
        outcome: Outcome,
    },
    /// Give this to every attachment whose participant is in the envelope's audience.
    Event(Arc<Envelope>),
    /// Close the door: nothing follows, and nothing more is taken from it.
    Close {
        /// Which.
        attachment: AttachmentId,
        /// Why, for the door's own words (a WebSocket's close code).
        reason: LeaveReason,
    },
    /// For the media plane.
    Media(MediaCommand),
    /// The room is over. Nothing follows but refusals.
    Ended(EndReason),
}

/// One run of one room.
pub struct Room {
    config: Config,
    info: RoomInfo,
    ids: IdSource,
    journal: Journal,
    participants: Participants,
    /// Who publishes what.
    publishers: HashMap<TrackId, ParticipantId>,
    media_requests: u64,
    /// When the last participant left, or the room began.
    empty_since: Option<Duration>,
    ended: Option<EndReason>,
    outputs: VecDeque<Output>,
}

impl Room {
    /// A room that begins now, without anybody in it. Every id in it follows from `seed`, which must
    /// be a random number: ids of different rooms meet in the media plane.
    pub fn new(config: Config, name: String, seed: u64, now: Now) -> Self {
        let mut ids = IdSource::new(seed);
        let info = RoomInfo { id: RoomId(ids.draw()), name, started_at: now.unix_ms };
        let journal = Journal::new(info.id, ids.draw(), config.journal_bytes, config.journal_age);
        let mut room = Room {
            config,
            info: info.clone(),
            ids,
            journal,
            participants: Participants::default(),
            publishers: HashMap::new(),
            media_requests: 0,
            empty_since: Some(now.monotonic),
            ended: None,
            outputs: VecDeque::new(),
        };
        room.emit(now, Audience::Room, Event::RoomStarted { room: info });
        room
    }

    /// Takes one input. Drain [`Room::poll`] after it.
    pub fn handle(&mut self, now: Now, input: Input) {
        match input {
            Input::Join { attachment, request, admission } => {
                let asker = Asker { attachment, request };
                if let Err(error) = self.on_join(now, asker, *admission) {
                    self.reply(asker, Outcome::Error(error));
                }
            }
            Input::Request { attachment, request, body } => {
                let asker = Asker { attachment, request };
                if let Err(error) = self.on_request(now, asker, body) {
                    self.reply(asker, Outcome::Error(error));
                }
            }
            Input::Detached { attachment } => self.on_detached(now, attachment),
            Input::Media(event) => self.on_media(now, event),
            Input::Timeout => {
                if self.deadline().is_some_and(|deadline| deadline <= now.monotonic) {
                    self.end(now, EndReason::Empty);
                }
            }
            Input::Stop { reason } => self.end(now, reason),
        }
    }

    /// The next thing to do; `None` when all is done.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due, on the clock of [`Now::monotonic`].
    pub fn deadline(&self) -> Option<Duration> {
        match self.ended {
            Some(_) => None,
            None => self.empty_since.map(|since| since + self.config.empty_timeout),
        }
    }

    /// What the room is called and since when it runs.
    pub fn info(&self) -> &RoomInfo {
        &self.info
    }

    /// How many are in it, the hidden included.
    pub fn participant_count(&self) -> usize {
        self.participants.len()
    }

    /// Whether [`Output::Ended`] was (or is about to be) given out.
    pub fn is_ended(&self) -> bool {
        self.ended.is_some()
    }

    /// The numbered log, for readers that come back with a cursor.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// What anybody inside may see.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            room: self.info.clone(),
            participants: self.visible(),
            cursor: self.journal.cursor().to_string(),
        }
    }

    fn on_request(&mut self, now: Now, asker: Asker, body: Request) -> Result<(), RequestError> {
        self.refuse_if_ended()?;
        let id = self.participants.with_attachment(asker.attachment);
        let Some(participant) = id.and_then(|id| self.participants.get(id)) else {
            return Err(RequestError::new(ErrorCode::NotFound, "join the room first"));
        };
        participant.grants.allows(&body)?;
        let id = participant.id;
        match body {
            Request::Join(_) => Err(RequestError::new(
                ErrorCode::BadRequest,
                "this connection has joined already; open another one to join again",
            )),
            Request::Leave => {
                self.reply(asker, Outcome::Ok(Reply::Done(Done {})));
                self.remove(now, id, LeaveReason::Left);
                Ok(())
            }
            Request::Offer(offer) => self.on_offer(asker, id, offer),
            Request::Candidate(candidate) => self.on_candidate(asker, id, candidate),
            Request::Publish(publish) => self.on_publish(asker, id, publish),
            Request::Unpublish(unpublish) => self.on_unpublish(now, asker, id, unpublish),
            Request::Mute(mute) => self.on_mute(now, asker, id, mute),
            Request::Chat(chat) => self.on_chat(now, asker, id, chat),
        }
    }

    fn on_chat(
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
        let Some(participant) = self.participants.get(id) else { return Ok(()) };
        let message = ChatMessage {
            id: ChatId(self.ids.draw()),
            participant: id,
            name: participant.name.clone(),
            text: chat.text,
            at: now.unix_ms,
        };
        self.reply(asker, Outcome::Ok(Reply::Posted(Posted { message: message.clone() })));
        self.emit(now, Audience::Room, Event::ChatPosted { message });
        Ok(())
    }

    /// Ends the room: everybody is told, then let go.
    fn end(&mut self, now: Now, reason: EndReason) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(reason);
        self.emit(now, Audience::Room, Event::RoomEnded { reason });
        let leave = match reason {
            EndReason::Empty => LeaveReason::RoomEnded,
            EndReason::ServerStopping => LeaveReason::ServerStopping,
            EndReason::Internal => LeaveReason::Internal,
        };
        let everybody: Vec<ParticipantId> = self.participants.iter().map(|one| one.id).collect();
        for id in everybody {
            if let Some(participant) = self.participants.remove(id) {
                self.dismiss(now, participant, leave);
            }
        }
        self.publishers.clear();
        self.outputs.push_back(Output::Ended(reason));
    }

    fn refuse_if_ended(&self) -> Result<(), RequestError> {
        let (code, message) = match self.ended {
            None => return Ok(()),
            Some(EndReason::Empty) => (ErrorCode::Busy, "the room has just ended; join again"),
            Some(EndReason::ServerStopping) => (ErrorCode::Stopping, "the server is stopping"),
            Some(EndReason::Internal) => (ErrorCode::Internal, "the room failed; join again"),
        };
        Err(RequestError::new(code, message))
    }

    /// Those whom the others know of, in the order they came.
    fn visible(&self) -> Vec<ParticipantInfo> {
        self.participants.iter().filter(|one| one.is_visible()).map(|one| one.info()).collect()
    }

    fn emit(&mut self, now: Now, audience: Audience, event: Event) {
        let envelope = self.journal.append(now, audience, event);
        self.outputs.push_back(Output::Event(envelope));
    }

    fn reply(&mut self, asker: Asker, outcome: Outcome) {
        let Asker { attachment, request } = asker;
        self.outputs.push_back(Output::Reply { attachment, request, outcome });
    }

    fn command(&mut self, command: MediaCommand) {
        self.outputs.push_back(Output::Media(command));
    }
}
