//! A room: who is in it, what they publish, what they say.
//!
//! [`Room::handle`] is the switch; each idea has a file of its own below it. Coming and going is in
//! `presence` (in large rooms it is told by `gathering`), coming back in `recovery`, waiting in `lobby`;
//! `steering`, `moderation`, `settings` and `moving` are for moderators; `outside` is for those who
//! steer without being in the room; `negotiation`, `tracks` and `receiving` have the media plane's side; `chat`,
//! `data`, `hands` and `profile` are what people tell each other.
//!
//! It knows no door and no socket: an attachment is a number to it. It does not know the time
//! either; it is told.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::entrance::Entrance;
use crate::error::{ErrorCode, RequestError};
use crate::event::{Audience, EndReason, Event, LeaveReason};
use crate::history::History;
use crate::id::{IdSource, ParticipantId, RoomId, TrackId};
use crate::info::{ParticipantInfo, RoomInfo, Waiting};
use crate::journal::Journal;
use crate::lobby::Lobby;
use crate::media::MediaCommand;
use crate::participant::{Asker, AttachmentId, Participant, Pending};
use crate::participants::Participants;
use crate::reply::{Done, Outcome, Reply};
use crate::request::Request;
use crate::retained::RetainedTopics;
use crate::snapshot::{Overview, Snapshot};

mod chat;
mod config;
mod data;
mod gathering;
mod hands;
mod lobby;
mod moderation;
mod moving;
mod negotiation;
mod outside;
mod port;
mod presence;
mod profile;
mod receiving;
mod recovery;
mod settings;
mod steering;
mod tracks;

pub use config::Config;
pub use port::{Input, Output};

use gathering::Gathering;

/// The time, as the shell read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Since a moment of the shell's choosing, the same for every call; never goes back.
    pub monotonic: Duration,
    /// Milliseconds since 1970 (UTC), for people. May jump.
    pub unix_ms: u64,
}

/// One run of one room.
pub struct Room {
    config: Config,
    info: RoomInfo,
    ids: IdSource,
    journal: Journal,
    participants: Participants,
    entrance: Entrance,
    lobby: Lobby,
    gathering: Gathering,
    history: History,
    retained: RetainedTopics,
    /// Who publishes what.
    publishers: HashMap<TrackId, ParticipantId>,
    media_requests: u64,
    /// Who steers from outside and waits for a reply, oldest first.
    steering: Vec<Pending>,
    /// How many hands were raised so far.
    hands: u64,
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
        let info = RoomInfo {
            id: RoomId(ids.draw()),
            name,
            started_at: now.unix_ms,
            locked: false,
            lobby: false,
            password: false,
            draining: None,
        };
        let journal = Journal::new(info.id, ids.draw(), config.journal_bytes, config.journal_age);
        let history = History::new(config.chat_history, config.chat_history_bytes);
        let mut room = Room {
            config,
            info: info.clone(),
            ids,
            journal,
            participants: Participants::default(),
            entrance: Entrance::default(),
            lobby: Lobby::default(),
            gathering: Gathering::default(),
            history,
            retained: RetainedTopics::default(),
            publishers: HashMap::new(),
            media_requests: 0,
            steering: Vec::new(),
            hands: 0,
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
                let result = self.on_join(now, asker, *admission);
                self.refuse(asker, result);
            }
            Input::Resume { attachment, request, secret, cursor, ice_servers } => {
                let asker = Asker { attachment, request };
                let result = self.on_resume(now, asker, secret, &cursor, ice_servers);
                self.refuse(asker, result);
            }
            Input::Request { attachment, request, body } => {
                let asker = Asker { attachment, request };
                let result = self.on_request(now, asker, body);
                self.refuse(asker, result);
            }
            Input::Steer { attachment, request, body } => {
                let asker = Asker { attachment, request };
                let result = self.on_steer(now, asker, body);
                self.refuse(asker, result);
            }
            Input::Detached { attachment } => self.on_detached(now, attachment),
            Input::Media(event) => self.on_media(now, event),
            Input::Measure => self.command(MediaCommand::Measure),
            Input::Timeout => self.on_timeout(now),
            Input::Moved { participant, result } => self.on_moved(now, participant, result),
            Input::Drain { deadline } => self.on_drain(now, deadline),
            Input::Stop { reason } => self.end(now, reason),
        }
    }

    /// The next thing to do; `None` when all is done.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due, on the clock of [`Now::monotonic`].
    pub fn deadline(&self) -> Option<Duration> {
        if self.ended.is_some() {
            return None;
        }
        let leases = self.participants.iter().filter_map(|one| one.lease_ends);
        let empty = self.empty_since.map(|since| since + self.config.empty_timeout);
        leases.chain(empty).chain(self.gathering.deadline()).min()
    }

    /// What the room is called, since when it runs, and what is before it.
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

    /// The numbered log.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The room as an observer may see it now.
    pub fn overview(&self) -> Overview {
        Overview {
            room: self.info.clone(),
            participants: self.visible(),
            retained: self.retained.all(),
            cursor: self.journal.cursor().to_string(),
        }
    }

    /// Who waits in the lobby, first come first.
    pub fn waiting(&self) -> Vec<Waiting> {
        self.lobby.waiting()
    }

    /// Those whom the others know of, in the order they came.
    pub fn visible(&self) -> Vec<ParticipantInfo> {
        self.participants.iter().filter(|one| one.is_visible()).map(Participant::info).collect()
    }

    /// The room as `reader` may see it now; `None` when it is not in the room.
    pub fn snapshot(&self, reader: ParticipantId) -> Option<Snapshot> {
        self.participants.get(reader).map(|reader| self.seen_by(reader))
    }

    fn seen_by(&self, reader: &Participant) -> Snapshot {
        let others = self.participants.iter().filter(|one| one.is_visible() && one.id != reader.id);
        let waiting = reader.is_moderator().then(|| self.lobby.waiting());
        Snapshot {
            room: self.info.clone(),
            participant: reader.info(),
            participants: others.map(Participant::info).collect(),
            grants: reader.grants.info(),
            bindings: reader.bindings.values().cloned().collect(),
            chat: self.history.of(reader.id),
            waiting: waiting.unwrap_or_default(),
            retained: self.retained.all(),
            cursor: self.journal.cursor().to_string(),
        }
    }

    fn on_request(&mut self, now: Now, asker: Asker, body: Request) -> Result<(), RequestError> {
        self.refuse_if_ended()?;
        let id = self.participants.with_attachment(asker.attachment);
        let Some(participant) = id.and_then(|id| self.participants.get(id)) else {
            return self.on_request_from_lobby(now, asker, &body);
        };
        let id = participant.id;
        if self.answer_again(id, asker) {
            return Ok(());
        }
        let Some(participant) = self.participants.get(id) else { return Ok(()) };
        participant.may(&body)?;
        match body {
            Request::Join(_) | Request::Resume(_) | Request::Observe(_) => Err(has_joined()),
            Request::Ping => {
                self.done(asker);
                Ok(())
            }
            Request::Leave => {
                self.done(asker);
                self.remove(now, id, LeaveReason::Left);
                Ok(())
            }
            Request::Offer(offer) => self.on_offer(asker, id, offer),
            Request::Candidate(candidate) => self.on_candidate(asker, id, candidate),
            Request::IceServers { fresh } => self.on_ice_servers(asker, id, fresh),
            Request::Publish(publish) => self.on_publish(asker, id, publish),
            Request::Unpublish(unpublish) => self.on_unpublish(now, asker, id, unpublish),
            Request::Mute(mute) => self.on_mute(now, asker, Some(id), mute),
            Request::Subscribe(tracks) => self.on_subscribe(now, asker, id, tracks, true),
            Request::Unsubscribe(tracks) => self.on_subscribe(now, asker, id, tracks, false),
            Request::Viewport(viewport) => self.on_viewport(asker, id, viewport),
            Request::Chat(chat) => self.on_chat(now, asker, id, chat),
            Request::Hand(hand) => self.on_hand(now, asker, id, hand),
            Request::Update(update) => self.on_update(now, asker, Some(id), update),
            Request::Send(send) => self.on_send(now, asker, Some(id), send),
            Request::Listen(listen) => self.on_listen(asker, id, listen),
            Request::Signal(signal) => self.on_signal(now, asker, id, signal),
            Request::AskToUnmute(ask) => self.on_ask_to_unmute(now, asker, id, ask),
            Request::Remove(remove) => self.on_remove(now, asker, Some(id), remove),
            Request::SetRole(set) => self.on_set_role(now, asker, Some(id), set),
            Request::SetGrants(set) => self.on_set_grants(now, asker, set),
            Request::Move(request) => self.on_move(asker, Some(id), request),
            Request::SetRoom(set) => self.on_set_room(now, asker, set),
            Request::Admit(admit) => self.on_admit(now, asker, admit),
            Request::Deny(deny) => self.on_deny(now, asker, deny),
            Request::End => {
                self.done(asker);
                self.end(now, EndReason::Ended);
                Ok(())
            }
        }
    }

    /// Ends the room: everybody is told, then let go.
    fn end(&mut self, now: Now, reason: EndReason) {
        if self.ended.is_some() {
            return;
        }
        self.ended = Some(reason);
        self.emit(now, Audience::Room, Event::RoomEnded { reason });
        let leave = match reason {
            EndReason::Empty | EndReason::Ended => LeaveReason::RoomEnded,
            EndReason::ServerStopping => LeaveReason::ServerStopping,
            EndReason::Internal => LeaveReason::Internal,
        };
        for knock in self.lobby.take_all() {
            self.send_away(now, &knock, leave);
        }
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
            Some(EndReason::Empty | EndReason::Ended) => {
                (ErrorCode::Busy, "the room has just ended; join again")
            }
            Some(EndReason::ServerStopping) => (ErrorCode::Stopping, "the server is stopping"),
            Some(EndReason::Internal) => (ErrorCode::Internal, "the room failed; join again"),
        };
        Err(RequestError::new(code, message))
    }

    /// An attachment belongs to one participant, and to the one that it came for.
    fn refuse_if_taken(&self, attachment: AttachmentId) -> Result<(), RequestError> {
        let joined = self.participants.with_attachment(attachment).is_some();
        if joined || self.lobby.with_attachment(attachment).is_some() {
            return Err(has_joined());
        }
        Ok(())
    }

    /// Somebody whom all may know of. The hidden are answered like those who are not there.
    fn someone(&self, id: ParticipantId) -> Result<&Participant, RequestError> {
        self.participants.get(id).filter(|one| one.is_visible()).ok_or_else(|| {
            RequestError::new(ErrorCode::NotFound, format!("there is no participant {id}"))
        })
    }

    fn emit(&mut self, now: Now, audience: Audience, event: Event) {
        self.tell_gathered_before(now, &event);
        let envelope = self.journal.append(now, audience, event);
        self.outputs.push_back(Output::Event(envelope));
    }

    /// Tells a passing event to one attachment alone.
    fn tell(&mut self, now: Now, attachment: AttachmentId, reader: ParticipantId, event: Event) {
        let envelope = self.journal.append(now, Audience::Participant(reader), event);
        self.outputs.push_back(Output::Tell { attachment, envelope });
    }

    fn refuse(&mut self, asker: Asker, result: Result<(), RequestError>) {
        if let Err(error) = result {
            self.reply(asker, Outcome::Error(error));
        }
    }

    fn done(&mut self, asker: Asker) {
        self.reply(asker, Outcome::Ok(Reply::Done(Done {})));
    }

    /// Answers a request that has just been asked.
    fn reply(&mut self, asker: Asker, outcome: Outcome) {
        match self.participants.with_attachment(asker.attachment) {
            Some(id) => self.answer(id, asker, outcome),
            None => self.send(asker, outcome),
        }
    }

    /// Answers a request of `id`, of now or of long ago. Where the connection that it came by is gone, the
    /// answer waits to be asked for again.
    fn answer(&mut self, id: ParticipantId, asker: Asker, outcome: Outcome) {
        let Some(participant) = self.participants.get_mut(id) else { return };
        participant.outcomes.keep(asker, &outcome);
        if participant.attachment == Some(asker.attachment) {
            self.send(asker, outcome);
        }
    }

    fn send(&mut self, asker: Asker, outcome: Outcome) {
        let Asker { attachment, request } = asker;
        self.outputs.push_back(Output::Reply { attachment, request, outcome });
    }

    fn command(&mut self, command: MediaCommand) {
        self.outputs.push_back(Output::Media(command));
    }
}

fn has_joined() -> RequestError {
    RequestError::new(
        ErrorCode::BadRequest,
        "this connection has joined already; open another one to join again",
    )
}
