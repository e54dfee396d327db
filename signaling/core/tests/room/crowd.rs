//! Many clients of one room, with what each knows, has asked and has heard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use signaling_core::AttachmentId;
use signaling_core::error::RequestError;
use signaling_core::event::{EndReason, Event, EventFrame};
use signaling_core::id::{ParticipantId, Secret, TrackId};
use signaling_core::media::MediaEvent;
use signaling_core::reply::{Joined, Outcome, Reply, Resumed};
use signaling_core::request::Request;
use signaling_core::room::{Config, Input};

use crate::mirror::Mirror;
use crate::oracle::Oracle;
use crate::plane::Plane;
use crate::steps::{Choice, How, Place, Step, What, pick};
use crate::world::{Seen, World, chat};

mod checks;

/// One client.
#[derive(Debug)]
struct Member {
    secret: Secret,
    door: AttachmentId,
    /// What the door is given arrives.
    hears: bool,
    /// The server takes the door for live.
    attached: bool,
    mirror: Mirror,
    /// Asked by this door, and not answered.
    open: BTreeSet<u64>,
    /// Asked by any door, and not answered, in order.
    unanswered: Vec<(u64, Request)>,
    /// Answered, and by which door it was asked first.
    answered: Vec<(u64, AttachmentId, Request)>,
    asked_first: BTreeMap<u64, AttachmentId>,
}

/// One who waits before the room.
#[derive(Debug)]
struct Waiter {
    id: ParticipantId,
    open: BTreeSet<u64>,
}

pub(crate) struct Crowd {
    world: World,
    plane: Plane,
    oracle: Oracle,
    members: BTreeMap<ParticipantId, Member>,
    lobby: BTreeMap<AttachmentId, Waiter>,
    /// Given up by their clients.
    old_doors: Vec<AttachmentId>,
    guests: BTreeSet<ParticipantId>,
    hidden: BTreeSet<ParticipantId>,
    /// Everybody and everything there ever was.
    people: Vec<ParticipantId>,
    tracks: Vec<TrackId>,
    /// Events that were looked at, and the number of the last durable one.
    checked: usize,
    numbered: u64,
}

impl Crowd {
    pub(crate) fn new() -> Self {
        // Small, so that limits are met.
        let config = Config {
            max_participants: 5,
            max_tracks_per_participant: 3,
            max_pending_per_participant: 3,
            journal_bytes: 5000,
            chat_history: 4,
            chat_history_bytes: 20,
            max_waiting: 2,
            ..Config::default()
        };
        Crowd {
            world: World::with(config),
            plane: Plane::default(),
            oracle: Oracle::default(),
            members: BTreeMap::new(),
            lobby: BTreeMap::new(),
            old_doors: Vec::new(),
            guests: BTreeSet::new(),
            hidden: BTreeSet::new(),
            people: Vec::new(),
            tracks: Vec::new(),
            checked: 0,
            numbered: 0,
        }
    }

    pub(crate) fn step(&mut self, step: Step) {
        match step {
            Step::Join { identity, how, password } => self.join(identity, how, password),
            Step::Ask { member, what } => self.ask(member, what),
            Step::AskAgain { member, nth } => self.ask_again(member, nth),
            Step::Lose { member } => {
                if let Some(member) = self.hearing(member).and_then(|id| self.members.get_mut(&id))
                {
                    member.hears = false;
                }
            }
            Step::Detach { member } => self.detach(member),
            Step::LateWord { nth } => self.late_word(nth),
            Step::Resume { member, from } => self.resume(member, from),
            Step::Intrude => {
                let cursor = self.world.cursor();
                let door = self.world.resume_with(Secret(0), &cursor);
                let seen = self.world.seen(door);
                assert!(matches!(&seen[..], [Seen::Reply(_, Outcome::Error(_))]), "{seen:?}");
            }
            Step::AskFromLobby { nth, leave } => {
                let doors: Vec<AttachmentId> = self.lobby.keys().copied().collect();
                if let Some(door) = pick(&doors, nth) {
                    let number = self.world.number();
                    self.lobby.get_mut(&door).expect("a waiter").open.insert(number);
                    let body = if leave { Request::Leave } else { chat("let me in") };
                    self.world.ask_as(door, number, body);
                }
            }
            Step::LeaveLobby { nth } => {
                let doors: Vec<AttachmentId> = self.lobby.keys().copied().collect();
                if let Some(door) = pick(&doors, nth) {
                    self.lobby.remove(&door);
                    self.world.detach(door);
                }
            }
            Step::Tell => {
                if let Some(event) = self.plane.next() {
                    self.world.tell(event.clone());
                    self.settle();
                    if let MediaEvent::Failed { session, .. } = event {
                        self.check_loss(session);
                    }
                }
            }
            Step::Fail { session } => self.plane.fail(session),
            Step::Restart => self.plane.restart(),
            Step::Overrun { session } => self.plane.overrun(session),
            Step::Bind { subscription, mid } => self.plane.bind(subscription, mid),
            Step::Report { session, is_short } => self.plane.report(session, is_short),
            Step::Data { member, lossy } => {
                let text = format!("data {}", self.world.number());
                let to = self.plane.send(member, &text, lossy);
                self.oracle.ask_by_channel(text, to);
            }
            Step::Moved { is_taken } => {
                if let Some(moving) = self.world.moves.pop() {
                    let full = RequestError::new(signaling_core::error::ErrorCode::Full, "full");
                    let result = if is_taken { Ok(()) } else { Err(full) };
                    self.world.handle(Input::Moved { participant: moving.participant, result });
                }
            }
            Step::Pass { seconds } => {
                self.world.pass(Duration::from_secs(seconds));
                self.world.handle(Input::Timeout);
            }
            Step::Drain => {
                // Late, or there would be little to see.
                if self.world.events.len() > 60 {
                    self.world.handle(Input::Drain { deadline: 1_700_000_060_000 });
                }
            }
        }
        self.settle();
        self.check();
    }

    fn join(&mut self, identity: u8, how: How, password: Option<bool>) {
        let admission = how.admission(identity, password);
        let (is_guest, is_hidden) = (admission.guest, admission.grants.hidden);
        let door = self.world.knock(admission);
        let first = self.world.doors.get_mut(&door).expect("a door").seen.remove(0);
        // The answer comes before any event.
        let id = match first {
            Seen::Reply(_, Outcome::Ok(Reply::Joined(joined))) => self.welcome(door, &joined),
            Seen::Reply(_, Outcome::Ok(Reply::InLobby(waiting))) => {
                assert!(!is_hidden);
                let open = BTreeSet::new();
                self.lobby.insert(door, Waiter { id: waiting.waiting, open });
                waiting.waiting
            }
            Seen::Reply(_, Outcome::Error(_)) => return,
            other => panic!("the first thing is the answer: {other:?}"),
        };
        self.people.push(id);
        if is_guest {
            self.guests.insert(id);
        }
        if is_hidden {
            self.hidden.insert(id);
        }
    }

    fn welcome(&mut self, door: AttachmentId, joined: &Joined) -> ParticipantId {
        let mirror = Mirror::new(&joined.snapshot);
        let id = mirror.own;
        let member = Member {
            secret: joined.resume,
            door,
            hears: true,
            attached: true,
            mirror,
            open: BTreeSet::new(),
            unanswered: Vec::new(),
            answered: Vec::new(),
            asked_first: BTreeMap::new(),
        };
        self.oracle.begin(id);
        self.members.insert(id, member);
        id
    }

    fn ask(&mut self, nth: usize, what: What) {
        let Some(id) = self.hearing(nth) else { return };
        let number = self.world.number();
        let waiting: Vec<ParticipantId> = self.lobby.values().map(|waiter| waiter.id).collect();
        let (tracks, people) = (&self.tracks, &self.people);
        let text = format!("m{number}");
        let body = what.request(Choice { tracks, people, waiting: &waiting, text });
        self.oracle.ask(id, &body);
        let member = self.members.get_mut(&id).expect("a member");
        member.unanswered.push((number, body.clone()));
        member.asked_first.insert(number, member.door);
        self.put(id, number, body);
    }

    fn ask_again(&mut self, nth: usize, request: usize) {
        let Some(id) = self.hearing(nth) else { return };
        let member = &self.members[&id];
        // The room keeps the newest 64.
        let newest = member.answered.iter().rev().take(30);
        let earlier = newest.filter(|(_, first, _)| *first != member.door);
        let earlier: Vec<(u64, Request)> =
            earlier.map(|(number, _, body)| (*number, body.clone())).collect();
        if let Some((number, body)) = earlier.get(request % earlier.len().max(1)).cloned() {
            self.members.get_mut(&id).expect("a member").unanswered.push((number, body.clone()));
            self.put(id, number, body);
        }
    }

    fn put(&mut self, id: ParticipantId, number: u64, body: Request) {
        let Some(member) = self.members.get_mut(&id).filter(|member| member.hears) else { return };
        member.open.insert(number);
        let door = member.door;
        self.world.ask_as(door, number, body);
        self.settle();
    }

    fn detach(&mut self, nth: usize) {
        let attached = self.members.iter().filter(|(_, member)| member.attached);
        let attached: Vec<ParticipantId> = attached.map(|(id, _)| *id).collect();
        let Some(id) = pick(&attached, nth) else { return };
        let member = self.members.get_mut(&id).expect("a member");
        (member.hears, member.attached) = (false, false);
        // Whatever was still on its way to a deaf one has gone nowhere.
        if !self.world.doors[&member.door].is_gone {
            self.world.detach(member.door);
        }
    }

    fn late_word(&mut self, nth: usize) {
        let Some(door) = pick(&self.old_doors, nth) else { return };
        let number = self.world.number();
        self.world.ask_as(door, number, chat("is anybody there?"));
        self.world.handle(Input::Detached { attachment: door });
        self.old_doors.retain(|old| *old != door);
    }

    fn resume(&mut self, nth: usize, from: Place) {
        let ids: Vec<ParticipantId> = self.members.keys().copied().collect();
        let Some(id) = pick(&ids, nth) else { return };
        let member = &self.members[&id];
        let place = member.mirror.cursor();
        let cursor = match from {
            Place::True => place.to_string(),
            Place::Beginning => signaling_core::journal::Cursor { seq: 0, ..place }.to_string(),
            Place::Foreign => {
                signaling_core::journal::Cursor { epoch: place.epoch ^ 1, ..place }.to_string()
            }
            Place::Future => {
                let seq = place.seq + 100_000;
                signaling_core::journal::Cursor { seq, ..place }.to_string()
            }
            Place::Unreadable => "yesterday".to_owned(),
        };
        let (old, end) = (member.door, self.world.room.journal().cursor().seq);
        let door = self.world.resume_with(member.secret, &cursor);
        if self.world.room.snapshot(id).is_none() {
            let seen = self.world.seen(door);
            assert!(matches!(&seen[..], [Seen::Reply(_, Outcome::Error(_))]), "{seen:?}");
            self.members.remove(&id);
            return;
        }
        assert!(self.world.doors[&old].is_gone, "of two doors the newest is the participant's");
        self.old_doors.push(old);
        let seen = &mut self.world.doors.get_mut(&door).expect("a door").seen;
        let Seen::Reply(_, Outcome::Ok(Reply::Resumed(resumed))) = seen.remove(0) else {
            panic!("the first thing is the answer")
        };
        let Resumed { participant, after, to, .. } = resumed;
        let known = matches!(from, Place::True | Place::Beginning);
        assert_eq!((participant, to, after <= to), (id, end, true));
        assert!(known || after == 0, "{from:?}");
        let gap = |seen: &Seen| {
            matches!(seen, Seen::Event(EventFrame { event: Event::Gap { after: a, to: t, .. }, .. })
                if (*a, *t) == (after, to))
        };
        match &seen[..] {
            [only] if gap(only) => {}
            events => {
                assert_eq!(from, Place::True, "{events:?}");
                assert!(!events.iter().any(gap));
            }
        }
        let member = self.members.get_mut(&id).expect("a member");
        (member.door, member.hears, member.attached) = (door, true, true);
        member.open.clear();
        let unanswered = member.unanswered.clone();
        self.settle();
        self.check();
        for (number, body) in unanswered {
            self.put(id, number, body);
        }
    }

    /// One of those whose connection is good.
    fn hearing(&self, nth: usize) -> Option<ParticipantId> {
        let hearing = self.members.iter().filter(|(_, member)| member.hears);
        pick(&hearing.map(|(id, _)| *id).collect::<Vec<_>>(), nth)
    }

    /// What the room wanted is done, and everybody reads what there is.
    fn settle(&mut self) {
        for command in std::mem::take(&mut self.world.media) {
            self.plane.take(command);
        }
        self.look();
        self.read_lobby();
        for id in self.members.keys().copied().collect::<Vec<_>>() {
            self.read(id);
        }
    }

    fn read_lobby(&mut self) {
        for door in self.lobby.keys().copied().collect::<Vec<_>>() {
            let mut seen = self.world.seen(door).into_iter();
            while let Some(one) = seen.next() {
                let waiter = self.lobby.get_mut(&door).expect("a waiter");
                match one {
                    Seen::Reply(number, _) => assert!(waiter.open.remove(&number)),
                    Seen::Event(EventFrame { seq, event: Event::LobbyAdmitted { joined } }) => {
                        assert_eq!((seq, joined.snapshot.participant.id), (None, waiter.id));
                        self.lobby.remove(&door);
                        self.welcome(door, &joined);
                        // The rest is for the member that it is now.
                        self.world.doors.get_mut(&door).expect("a door").seen = seen.collect();
                        break;
                    }
                    Seen::Event(frame) => {
                        assert!(matches!(frame.event, Event::Disconnected { .. }), "{frame:?}");
                    }
                    Seen::Closed(_) => {
                        assert!(waiter.open.is_empty());
                        self.lobby.remove(&door);
                    }
                    Seen::HandedOver => panic!("nobody who waits is moved"),
                }
            }
        }
    }

    fn read(&mut self, id: ParticipantId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let seen = self.world.seen(member.door);
        if !member.hears {
            if self.world.room.snapshot(id).is_none() {
                self.members.remove(&id);
            }
            return;
        }
        for one in seen {
            let member = self.members.get_mut(&id).expect("a member");
            match one {
                Seen::Reply(number, outcome) => {
                    assert!(member.open.remove(&number), "a reply to nothing: {number}");
                    let at = member.unanswered.iter().position(|(other, _)| *other == number);
                    let (_, body) = member.unanswered.remove(at.expect("it was asked"));
                    self.oracle.answered(&body, matches!(outcome, Outcome::Ok(_)));
                    member.answered.push((number, member.asked_first[&number], body));
                    if let Outcome::Ok(Reply::Published(published)) = outcome {
                        self.tracks.push(published.track.id);
                        member.mirror.published(published.track);
                    }
                }
                Seen::Event(EventFrame { seq, event }) => {
                    member.mirror.apply(seq, &event);
                    if matches!(event, Event::Gap { .. }) {
                        self.oracle.begin(id);
                    }
                }
                Seen::Closed(_) | Seen::HandedOver => {
                    assert!(member.open.is_empty(), "closed without a reply: {:?}", member.open);
                    self.members.remove(&id);
                    return;
                }
            }
        }
    }

    /// Nothing is left over when the room ends.
    pub(crate) fn finish(mut self) {
        self.world.handle(Input::Stop { reason: EndReason::ServerStopping });
        self.settle();
        self.check();
        assert!(self.members.is_empty(), "closed: {:?}", self.members.keys());
        assert!(self.lobby.is_empty(), "sent away: {:?}", self.lobby.keys());
        assert!(self.plane.has_nothing());
        let ends = self.world.events.iter();
        let ends = ends.filter(|one| matches!(one.frame.event, Event::RoomEnded { .. }));
        assert_eq!(ends.count(), 1);
    }
}
