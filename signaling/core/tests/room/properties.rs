//! Whatever happens in whatever order, some things hold.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use signaling_core::event::{
    Audience, EndReason, Event, Outcome, ParticipantInfo, Reply, Role, TrackSource,
};
use signaling_core::grants::Grants;
use signaling_core::id::{ParticipantId, TrackId};
use signaling_core::interest::Interest;
use signaling_core::media::MediaEvent;
use signaling_core::request::{Candidate, Join, Publish, Request};
use signaling_core::room::{Config, Input};
use signaling_core::{Admission, AttachmentId};

use crate::mirror::Mirror;
use crate::plane::Plane;
use crate::world::{
    Seen, World, admission, chat, guest, headless, hidden, mute, offer, publish, unpublish,
};

/// Something that may happen. Numbers choose among what is there, whatever is there.
#[derive(Debug, Clone)]
enum Step {
    Join {
        identity: u8,
        how: How,
    },
    Ask {
        door: usize,
        what: What,
    },
    Detach {
        door: usize,
    },
    /// The media plane tells the next thing.
    Tell,
    Fail {
        session: usize,
    },
    Bind {
        subscription: usize,
        mid: u8,
    },
    Report {
        session: usize,
        is_short: bool,
    },
    Pass {
        seconds: u64,
    },
}

#[derive(Debug, Clone, Copy)]
enum How {
    Guest,
    Token,
    Admin,
    Hidden,
    Encoder,
    Player { of: u8 },
    Silent,
}

#[derive(Debug, Clone)]
enum What {
    Leave,
    Offer,
    Candidate { is_last: bool },
    Publish { mid: u8, source: TrackSource, muted: bool },
    Unpublish { track: usize },
    Mute { track: usize, muted: bool },
    Chat { bytes: usize },
    JoinAgain,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let how = prop_oneof![
        4 => Just(How::Guest),
        2 => Just(How::Token),
        1 => Just(How::Admin),
        1 => Just(How::Hidden),
        1 => Just(How::Encoder),
        1 => (0u8..5).prop_map(|of| How::Player { of }),
        1 => Just(How::Silent),
    ];
    let what = prop_oneof![
        1 => Just(What::Leave),
        6 => Just(What::Offer),
        1 => any::<bool>().prop_map(|is_last| What::Candidate { is_last }),
        8 => (0u8..4, prop::sample::select(TrackSource::ALL.to_vec()), any::<bool>())
            .prop_map(|(mid, source, muted)| What::Publish { mid, source, muted }),
        2 => any::<usize>().prop_map(|track| What::Unpublish { track }),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(track, muted)| What::Mute { track, muted }),
        2 => (0usize..3).prop_map(|bytes| What::Chat { bytes }),
        1 => Just(What::JoinAgain),
    ];
    let step = prop_oneof![
        4 => (0u8..5, how).prop_map(|(identity, how)| Step::Join { identity, how }),
        14 => (any::<usize>(), what).prop_map(|(door, what)| Step::Ask { door, what }),
        1 => any::<usize>().prop_map(|door| Step::Detach { door }),
        14 => Just(Step::Tell),
        1 => any::<usize>().prop_map(|session| Step::Fail { session }),
        6 => (any::<usize>(), 0u8..3)
            .prop_map(|(subscription, mid)| Step::Bind { subscription, mid }),
        1 => (any::<usize>(), any::<bool>())
            .prop_map(|(session, is_short)| Step::Report { session, is_short }),
        1 => (0u64..40).prop_map(|seconds| Step::Pass { seconds }),
    ];
    prop::collection::vec(step, 1..150)
}

/// Everything that is checked, and what is needed for it.
struct Watch {
    world: World,
    plane: Plane,
    mirrors: BTreeMap<AttachmentId, Mirror>,
    /// Requests without a reply.
    open: BTreeMap<AttachmentId, BTreeSet<u64>>,
    guests: BTreeSet<ParticipantId>,
    hidden: BTreeSet<ParticipantId>,
    /// Every track there ever was: requests about tracks that are gone must be taken, too.
    tracks: Vec<TrackId>,
    checked: usize,
}

impl Watch {
    fn new() -> Self {
        // Small, so that limits are met.
        let config = Config {
            max_participants: 4,
            max_tracks_per_participant: 3,
            max_pending_per_participant: 3,
            ..Config::default()
        };
        Watch {
            world: World::with(config),
            plane: Plane::default(),
            mirrors: BTreeMap::new(),
            open: BTreeMap::new(),
            guests: BTreeSet::new(),
            hidden: BTreeSet::new(),
            tracks: Vec::new(),
            checked: 0,
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Join { identity, how } => self.join(identity, how),
            Step::Ask { door, what } => {
                if let Some(door) = self.door(door) {
                    let body = self.request(what);
                    let number = self.world.number();
                    self.open.entry(door).or_default().insert(number);
                    self.world.handle(Input::Request { attachment: door, request: number, body });
                }
            }
            Step::Detach { door } => {
                if let Some(door) = self.door(door) {
                    self.open.remove(&door);
                    self.mirrors.remove(&door);
                    self.world.detach(door);
                }
            }
            Step::Tell => {
                if let Some(event) = self.plane.next() {
                    self.world.tell(event.clone());
                    self.read();
                    if let MediaEvent::Failed { session } = event {
                        self.check_loss(session);
                    }
                }
            }
            Step::Fail { session } => self.plane.fail(session),
            Step::Bind { subscription, mid } => self.plane.bind(subscription, mid),
            Step::Report { session, is_short } => self.plane.report(session, is_short),
            Step::Pass { seconds } => {
                self.world.pass(std::time::Duration::from_secs(seconds));
                self.world.handle(Input::Timeout);
            }
        }
        self.check();
    }

    fn join(&mut self, identity: u8, how: How) {
        let identity = identity.to_string();
        let admission = match how {
            How::Guest => guest(&identity),
            How::Token => admission(&identity),
            How::Admin => Admission {
                grants: Grants { room_admin: true, ..Grants::default() },
                ..admission(&identity)
            },
            How::Hidden => hidden(&identity),
            How::Encoder => headless(&identity, Interest::None),
            How::Player { of } => headless(&identity, Interest::Identity(of.to_string())),
            How::Silent => Admission {
                grants: Grants {
                    can_publish: Vec::new(),
                    can_publish_data: false,
                    can_subscribe: false,
                    ..Grants::default()
                },
                ..guest(&identity)
            },
        };
        let (is_guest, is_hidden) = (admission.guest, admission.grants.hidden);
        let door = self.world.knock(admission);
        let Some(id) = self.world.doors[&door].participant else {
            assert!(matches!(self.world.seen(door)[..], [Seen::Reply(_, Outcome::Error(_))]));
            self.world.doors.remove(&door);
            return;
        };
        if is_guest {
            self.guests.insert(id);
        }
        if is_hidden {
            self.hidden.insert(id);
        }
        let seen = &mut self.world.doors.get_mut(&door).expect("a door").seen;
        // The reply comes before any event.
        let Seen::Reply(_, Outcome::Ok(Reply::Joined(joined))) = seen.remove(0) else {
            panic!("the first thing is the snapshot")
        };
        assert_eq!(joined.participant.id, id);
        assert_eq!(joined.cursor.split_once('.').map(|(epoch, _)| epoch), self.epoch().as_deref());
        self.mirrors.insert(door, Mirror::new(&joined));
    }

    fn request(&self, what: What) -> Request {
        let track = |nth: usize| {
            self.tracks.get(nth % self.tracks.len().max(1)).copied().unwrap_or(TrackId(nth as u64))
        };
        match what {
            What::Leave => Request::Leave,
            What::Offer => offer(),
            What::Candidate { is_last: true } => {
                Request::Candidate(Candidate { candidate: String::new() })
            }
            What::Candidate { is_last: false } => {
                Request::Candidate(Candidate { candidate: "candidate:1".to_owned() })
            }
            What::Publish { mid, source, muted } => match publish(&mid.to_string(), source) {
                Request::Publish(publish) => Request::Publish(Publish { muted, ..publish }),
                _ => unreachable!("it publishes"),
            },
            What::Unpublish { track: nth } => unpublish(track(nth)),
            What::Mute { track: nth, muted } => mute(track(nth), muted),
            What::Chat { bytes } => chat("x".repeat(bytes)),
            What::JoinAgain => Request::Join(Join {
                token: String::new(),
                room: None,
                identity: None,
                name: None,
                attributes: None,
            }),
        }
    }

    /// One of the doors that are there.
    fn door(&self, nth: usize) -> Option<AttachmentId> {
        self.mirrors.keys().nth(nth % self.mirrors.len().max(1)).copied()
    }

    fn epoch(&self) -> Option<String> {
        let cursor = self.world.room.journal().cursor().to_string();
        cursor.split_once('.').map(|(epoch, _)| epoch.to_owned())
    }

    fn check(&mut self) {
        for command in self.world.commands() {
            self.plane.take(command);
        }
        self.read();
        self.check_numbers();
        self.check_secrets();
        self.check_mirrors();
        self.check_steering();
        let is_empty = self.world.room.participant_count() == 0;
        let has_ended = self.world.ended.is_some();
        assert_eq!(self.world.room.deadline().is_some(), is_empty && !has_ended);
    }

    /// Every door reads what it was given.
    fn read(&mut self) {
        for door in self.mirrors.keys().copied().collect::<Vec<_>>() {
            for seen in self.world.seen(door) {
                match seen {
                    Seen::Reply(number, outcome) => {
                        let open = self.open.entry(door).or_default();
                        assert!(open.remove(&number), "a reply to nothing: {number} {outcome:?}");
                        if let Outcome::Ok(Reply::Published(published)) = outcome {
                            self.tracks.push(published.track.id);
                            let mirror = self.mirrors.get_mut(&door).expect("a mirror");
                            mirror.published(published.track);
                        }
                    }
                    Seen::Event(frame) => {
                        let mirror = self.mirrors.get_mut(&door).expect("a mirror");
                        mirror.apply(frame.seq, &frame.event);
                    }
                    Seen::Closed(_) => {
                        let open = self.open.remove(&door).unwrap_or_default();
                        assert!(open.is_empty(), "closed without a reply to {open:?}");
                        self.mirrors.remove(&door);
                    }
                }
            }
        }
    }

    /// The journal has no hole: what a reader misses went to somebody else.
    fn check_numbers(&self) {
        let durable = self.world.events.iter().filter_map(|envelope| envelope.frame.seq);
        assert!(durable.eq(1..=self.world.room.journal().cursor().seq));
    }

    /// Nobody hears of the hidden, except they of themselves.
    fn check_secrets(&mut self) {
        let hidden: Vec<(ParticipantId, String)> =
            self.hidden.iter().map(|id| (*id, id.to_string())).collect();
        for envelope in &self.world.events[self.checked..] {
            let text = serde_json::to_string(&envelope.frame).expect("JSON");
            for (id, word) in &hidden {
                let to_itself = envelope.audience == Audience::Participant(*id);
                assert!(to_itself || !text.contains(word), "{text} tells of {word}");
            }
        }
        self.checked = self.world.events.len();
        let snapshot = serde_json::to_string(&self.world.room.snapshot()).expect("JSON");
        assert!(hidden.iter().all(|(_, word)| !snapshot.contains(word)), "{snapshot}");
    }

    /// Whoever applies the events to its snapshot knows what the room knows.
    fn check_mirrors(&self) {
        if self.world.ended.is_some() {
            return;
        }
        let truth = sorted(self.world.room.snapshot().participants);
        for mirror in self.mirrors.values() {
            let own_is_hidden = self.hidden.contains(&mirror.own);
            let known = mirror.participants.iter();
            let known = known.filter(|one| !(own_is_hidden && one.id == mirror.own)).cloned();
            assert_eq!(sorted(known.collect()), truth);
        }
    }

    /// Whoever has lost its session neither sends nor receives.
    fn check_loss(&self, session: ParticipantId) {
        for mirror in self.mirrors.values() {
            let lost = mirror.participants.iter().filter(|one| one.id == session);
            assert!(lost.flat_map(|one| &one.tracks).count() == 0, "{session} still publishes");
            assert!(mirror.own != session || mirror.slots.is_empty(), "{:?}", mirror.slots);
        }
    }

    /// Where there is a guest, somebody whom all can see steers.
    fn check_steering(&self) {
        let visible = self.world.room.snapshot().participants;
        let has_guest = visible.iter().any(|one| self.guests.contains(&one.id));
        let is_steered = visible.iter().any(|one| one.role == Role::Moderator);
        assert!(is_steered || !has_guest, "{visible:?}");
    }

    /// Nothing is left over when the room ends.
    fn finish(mut self) {
        self.world.handle(Input::Stop { reason: EndReason::ServerStopping });
        self.check();
        assert!(self.mirrors.is_empty(), "closed: {:?}", self.mirrors.keys());
        assert!(self.open.is_empty(), "answered: {:?}", self.open);
        assert!(self.plane.has_no_session());
        let ends = self.world.events.iter();
        let ends = ends.filter(|one| matches!(one.frame.event, Event::RoomEnded { .. }));
        assert_eq!(ends.count(), 1);
    }
}

fn sorted(mut participants: Vec<ParticipantInfo>) -> Vec<ParticipantInfo> {
    participants.sort_by_key(|one| one.id);
    participants
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_everybody_knows_the_same(steps in steps()) {
        let mut watch = Watch::new();
        for step in steps {
            watch.step(step);
        }
        watch.finish();
    }
}
