//! A room with doors that note everything they are given, and a media plane that does as it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use signaling_core::error::ErrorCode;
use signaling_core::event::{EndReason, Envelope, Event, EventFrame, LeaveReason};
use signaling_core::grants::Grants;
use signaling_core::id::{ParticipantId, Secret, TrackId};
use signaling_core::info::{TrackInfo, TrackSource};
use signaling_core::interest::Interest;
use signaling_core::media::{MediaAnswer, MediaCommand, MediaEvent};
use signaling_core::reply::{Done, Joined, Outcome, Reply};
use signaling_core::request::{Chat, Mute, Offer, Publish, Request, SetRoom, Unpublish};
use signaling_core::room::{Config, Input, Now, Output, Room};
use signaling_core::{Admission, AttachmentId};

/// What a door was given, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Seen {
    Reply(u64, Outcome),
    Event(EventFrame),
    Closed(LeaveReason),
    /// It belongs to another room now.
    HandedOver,
}

/// One door.
#[derive(Debug, Default)]
pub(crate) struct Door {
    pub(crate) participant: Option<ParticipantId>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) is_gone: bool,
}

pub(crate) struct World {
    pub(crate) room: Room,
    pub(crate) now: Now,
    pub(crate) doors: BTreeMap<AttachmentId, Door>,
    /// Commands that the media plane has not looked at.
    pub(crate) media: Vec<MediaCommand>,
    /// Every event, whoever saw it.
    pub(crate) events: Vec<Arc<Envelope>>,
    pub(crate) ended: Option<EndReason>,
    /// Those on their way to another room.
    pub(crate) moves: Vec<Moving>,
    /// Those who were sent away: issuer, identity, until when.
    pub(crate) barred: Vec<(String, String, u64)>,
    secrets: BTreeMap<ParticipantId, Secret>,
    next: u64,
}

/// An [`Output::Move`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moving {
    pub(crate) participant: ParticipantId,
    pub(crate) attachment: AttachmentId,
    pub(crate) admission: Admission,
    pub(crate) room: String,
}

/// Somebody in the room.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Somebody {
    pub(crate) door: AttachmentId,
    pub(crate) id: ParticipantId,
}

/// An identity with everything that a guest may do, in a room that is not open.
pub(crate) fn admission(identity: &str) -> Admission {
    Admission {
        identity: identity.to_owned(),
        name: String::new(),
        metadata: String::new(),
        attributes: BTreeMap::new(),
        grants: Grants::default(),
        guest: false,
        headless: false,
        interest: Interest::All,
        ice_servers: Vec::new(),
        issuer: "key".to_owned(),
        expires_at: 1_700_003_600,
        password: None,
        resume: Secret(0),
        moved_from: None,
    }
}

/// One who comes into an open room.
pub(crate) fn guest(identity: &str) -> Admission {
    Admission { guest: true, ..admission(identity) }
}

/// An encoder or a player.
pub(crate) fn headless(identity: &str, interest: Interest) -> Admission {
    Admission { headless: true, interest, ..admission(identity) }
}

/// One whom nobody sees.
pub(crate) fn hidden(identity: &str) -> Admission {
    let grants = Grants { hidden: true, ..Grants::default() };
    Admission { grants, ..admission(identity) }
}

/// One who steers by its token.
pub(crate) fn admin(identity: &str) -> Admission {
    let grants = Grants { room_admin: true, ..Grants::default() };
    Admission { grants, ..admission(identity) }
}

/// A request that leaves everything as it is.
pub(crate) fn no_change() -> SetRoom {
    SetRoom { locked: None, lobby: None, password: None }
}

pub(crate) fn lobby(is_there: bool) -> Request {
    Request::SetRoom(SetRoom { lobby: Some(is_there), ..no_change() })
}

pub(crate) fn offer() -> Request {
    Request::Offer(Offer { sdp: "v=0".to_owned() })
}

pub(crate) fn publish(mid: &str, source: TrackSource) -> Request {
    Request::Publish(Publish {
        mid: mid.to_owned(),
        kind: source.kind(),
        source,
        name: None,
        muted: false,
    })
}

pub(crate) fn chat(text: impl Into<String>) -> Request {
    Request::Chat(Chat { text: text.into(), to: None })
}

pub(crate) fn mute(track: TrackId, muted: bool) -> Request {
    Request::Mute(Mute { track, muted })
}

pub(crate) fn unpublish(track: TrackId) -> Request {
    Request::Unpublish(Unpublish { track })
}

pub(crate) fn small() -> Config {
    Config {
        max_participants: 3,
        max_tracks_per_participant: 2,
        max_pending_per_participant: 3,
        ..Config::default()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        World::with(Config::default())
    }

    pub(crate) fn with(config: Config) -> Self {
        let now = Now { monotonic: Duration::from_secs(100), unix_ms: 1_700_000_000_000 };
        let mut world = World {
            room: Room::new(config, "team".to_owned(), 42, now),
            now,
            doors: BTreeMap::new(),
            media: Vec::new(),
            events: Vec::new(),
            ended: None,
            moves: Vec::new(),
            barred: Vec::new(),
            secrets: BTreeMap::new(),
            next: 0,
        };
        world.drain();
        world
    }

    /// A number that no request and no attachment had before.
    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.now.unix_ms += time.as_millis() as u64;
    }

    pub(crate) fn handle(&mut self, input: Input) {
        self.room.handle(self.now, input);
        self.drain();
    }

    /// Knocks; what comes of it is with the door.
    pub(crate) fn knock(&mut self, admission: Admission) -> AttachmentId {
        let attachment = self.open_door();
        let request = self.number();
        let admission = Admission { resume: Secret(self.number().into()), ..admission };
        self.handle(Input::Join { attachment, request, admission: Box::new(admission) });
        attachment
    }

    pub(crate) fn open_door(&mut self) -> AttachmentId {
        let attachment = AttachmentId(self.number());
        self.doors.insert(attachment, Door::default());
        attachment
    }

    /// Comes back by another door, which has the rest.
    pub(crate) fn resume(&mut self, who: Somebody, cursor: &str) -> AttachmentId {
        self.resume_with(self.secrets[&who.id], cursor)
    }

    pub(crate) fn resume_with(&mut self, secret: Secret, cursor: &str) -> AttachmentId {
        let attachment = self.open_door();
        let request = self.number();
        let (cursor, ice_servers) = (cursor.to_owned(), Vec::new());
        self.handle(Input::Resume { attachment, request, secret, cursor, ice_servers });
        attachment
    }

    /// The place that the journal has come to.
    pub(crate) fn cursor(&self) -> String {
        self.room.journal().cursor().to_string()
    }

    /// What opens the way back for `who`.
    pub(crate) fn secret(&self, who: Somebody) -> Secret {
        self.secrets[&who.id]
    }

    /// Comes in, and forgets what came along.
    pub(crate) fn join(&mut self, admission: Admission) -> Somebody {
        let (somebody, _) = self.enter(admission);
        self.seen(somebody.door);
        somebody
    }

    /// Comes in.
    pub(crate) fn enter(&mut self, admission: Admission) -> (Somebody, Joined) {
        let door = self.knock(admission);
        match self.doors[&door].seen.last() {
            Some(Seen::Reply(_, Outcome::Ok(Reply::Joined(joined)))) => {
                (Somebody { door, id: joined.snapshot.participant.id }, joined.as_ref().clone())
            }
            other => panic!("not let in: {other:?}"),
        }
    }

    /// Knocks where nobody is let in; returns why.
    pub(crate) fn turned_away(&mut self, admission: Admission) -> ErrorCode {
        let door = self.knock(admission);
        match &self.seen(door)[..] {
            [Seen::Reply(_, Outcome::Error(error))] => error.code,
            other => panic!("not turned away: {other:?}"),
        }
    }

    /// Knocks and waits in the lobby.
    pub(crate) fn waits(&mut self, admission: Admission) -> Somebody {
        let door = self.knock(admission);
        match &self.seen(door)[..] {
            [Seen::Reply(_, Outcome::Ok(Reply::InLobby(lobby)))] => {
                Somebody { door, id: lobby.waiting }
            }
            other => panic!("does not wait: {other:?}"),
        }
    }

    /// Asks; returns the number of the request.
    pub(crate) fn ask(&mut self, door: AttachmentId, body: Request) -> u64 {
        let request = self.number();
        self.ask_as(door, request, body);
        request
    }

    /// Asks with a number of one's own choosing.
    pub(crate) fn ask_as(&mut self, door: AttachmentId, request: u64, body: Request) {
        self.handle(Input::Request { attachment: door, request, body });
    }

    /// Asks what is answered at once, and forgets what else there was.
    pub(crate) fn asks(&mut self, somebody: Somebody, body: Request) -> Outcome {
        let number = self.ask(somebody.door, body);
        self.outcome(somebody.door, number).expect("an answer at once")
    }

    /// Asks for what is done at once and has nothing to tell, and forgets what else there was.
    pub(crate) fn does(&mut self, somebody: Somebody, body: Request) {
        assert_eq!(self.asks(somebody, body), Outcome::Ok(Reply::Done(Done {})));
    }

    /// The code with which a request is refused.
    pub(crate) fn refusal(&mut self, somebody: Somebody, body: Request) -> ErrorCode {
        match self.asks(somebody, body) {
            Outcome::Error(error) => error.code,
            Outcome::Ok(reply) => panic!("granted: {reply:?}"),
        }
    }

    /// The answer to one request. What came before it and after it is forgotten.
    pub(crate) fn outcome(&mut self, door: AttachmentId, request: u64) -> Option<Outcome> {
        self.seen(door).into_iter().find_map(|seen| match seen {
            Seen::Reply(number, outcome) if number == request => Some(outcome),
            _ => None,
        })
    }

    /// What a door was given since it was last asked.
    pub(crate) fn seen(&mut self, door: AttachmentId) -> Vec<Seen> {
        std::mem::take(&mut self.doors.get_mut(&door).expect("a door").seen)
    }

    /// The events among them.
    pub(crate) fn events(&mut self, somebody: Somebody) -> Vec<Event> {
        self.seen(somebody.door)
            .into_iter()
            .filter_map(|seen| match seen {
                Seen::Event(frame) => Some(frame.event),
                _ => None,
            })
            .collect()
    }

    /// What the media plane was asked since it last was, about sessions and tracks.
    pub(crate) fn commands(&mut self) -> Vec<MediaCommand> {
        let all = std::mem::take(&mut self.media);
        all.into_iter().filter(|command| !is_about_members(command)).collect()
    }

    /// What it was told since it last was, about who is there.
    pub(crate) fn members(&mut self) -> Vec<MediaCommand> {
        let all = std::mem::take(&mut self.media);
        all.into_iter().filter(is_about_members).collect()
    }

    /// The media plane grants everything that it was asked.
    pub(crate) fn grant_media(&mut self) {
        while !self.media.is_empty() {
            for command in self.commands() {
                match command {
                    MediaCommand::Offer { session, request, .. } => {
                        let answer = MediaAnswer { sdp: "v=0".to_owned(), lines: Vec::new() };
                        let result = Ok(answer);
                        self.tell(MediaEvent::Answered { session, request, result });
                    }
                    MediaCommand::Publish { session, request, .. } => {
                        self.tell(MediaEvent::Published { session, request, result: Ok(()) });
                    }
                    _ => {}
                }
            }
        }
    }

    /// Has its peer connection up, and nobody has anything left to read.
    pub(crate) fn negotiated(&mut self, admission: Admission) -> Somebody {
        let somebody = self.join(admission);
        self.ask(somebody.door, offer());
        self.grant_media();
        self.forget();
        somebody
    }

    /// Publishes, and nobody has anything left to read.
    pub(crate) fn published(&mut self, who: Somebody, mid: &str, source: TrackSource) -> TrackInfo {
        let number = self.ask(who.door, publish(mid, source));
        self.grant_media();
        let outcome = self.outcome(who.door, number);
        self.forget();
        match outcome {
            Some(Outcome::Ok(Reply::Published(published))) => published.track,
            other => panic!("not published: {other:?}"),
        }
    }

    /// Everybody has read everything.
    pub(crate) fn forget(&mut self) {
        for door in self.doors.values_mut() {
            door.seen.clear();
        }
        self.media.clear();
    }

    pub(crate) fn tell(&mut self, event: MediaEvent) {
        self.handle(Input::Media(event));
    }

    pub(crate) fn detach(&mut self, door: AttachmentId) {
        self.doors.get_mut(&door).expect("a door").is_gone = true;
        self.handle(Input::Detached { attachment: door });
    }

    fn drain(&mut self) {
        while let Some(output) = self.room.poll() {
            let refusal = matches!(&output, Output::Reply { outcome: Outcome::Error(_), .. });
            assert!(self.ended.is_none() || refusal, "after the end: {output:?}");
            match output {
                Output::Attached { attachment, participant } => {
                    let door = self.doors.get_mut(&attachment).expect("a door");
                    assert_eq!(door.participant.replace(participant), None);
                }
                Output::Reply { attachment, request, outcome } => {
                    self.give(attachment, Seen::Reply(request, outcome));
                }
                Output::Event(envelope) => self.announce(envelope),
                Output::Tell { attachment, envelope } => {
                    self.give(attachment, Seen::Event(envelope.frame.clone()));
                }
                Output::Close { attachment, reason } => {
                    self.give(attachment, Seen::Closed(reason));
                    self.doors.get_mut(&attachment).expect("a door").is_gone = true;
                }
                Output::HandOver { attachment } => {
                    self.give(attachment, Seen::HandedOver);
                    self.doors.get_mut(&attachment).expect("a door").is_gone = true;
                }
                Output::Move { participant, attachment, admission, room } => {
                    let admission = *admission;
                    self.moves.push(Moving { participant, attachment, admission, room });
                }
                Output::Bar { issuer, identity, until } => {
                    self.barred.push((issuer, identity, until));
                }
                Output::Media(command) => self.media.push(command),
                Output::Ended(reason) => self.ended = Some(reason),
            }
        }
    }

    fn give(&mut self, attachment: AttachmentId, seen: Seen) {
        if let Seen::Event(EventFrame { event: Event::LobbyAdmitted { joined }, .. })
        | Seen::Reply(_, Outcome::Ok(Reply::Joined(joined))) = &seen
        {
            self.secrets.insert(joined.snapshot.participant.id, joined.resume);
        }
        let door = self.doors.get_mut(&attachment).expect("a door");
        // What comes from a door that was closed is refused, and nobody is there to hear it.
        let refusal = matches!(seen, Seen::Reply(_, Outcome::Error(_)));
        assert!(!door.is_gone || refusal, "a door that is gone was given {seen:?}");
        if !door.is_gone {
            door.seen.push(seen);
        }
    }

    fn announce(&mut self, envelope: Arc<Envelope>) {
        for door in self.doors.values_mut().filter(|door| !door.is_gone) {
            if door.participant.is_some_and(|reader| envelope.audience.includes(reader)) {
                door.seen.push(Seen::Event(envelope.frame.clone()));
            }
        }
        self.events.push(envelope);
    }
}

fn is_about_members(command: &MediaCommand) -> bool {
    matches!(
        command,
        MediaCommand::Admit { .. } | MediaCommand::Listen { .. } | MediaCommand::Dismiss { .. }
    )
}

/// A session is lost.
pub(crate) fn failed(session: ParticipantId) -> MediaEvent {
    MediaEvent::Failed { session, reason: "consent ended".to_owned() }
}
