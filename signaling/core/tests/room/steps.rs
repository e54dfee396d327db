//! What may happen, in any order. Numbers choose among what is there, whatever is there.

use std::collections::BTreeMap;

use proptest::prelude::*;
use signaling_core::Admission;
use signaling_core::grants::Grants;
use signaling_core::id::{ParticipantId, TrackId};
use signaling_core::info::{Role, TrackSource};
use signaling_core::interest::Interest;
use signaling_core::request::{
    Admit, AskToUnmute, Candidate, Chat, Deny, Hand, Join, Listen, Move, Publish, Remove, Request,
    Send, SetGrants, SetRole, SetRoom, Signal, Tracks, Update, Viewport, ViewportSize,
};

use crate::world::{admission, guest, headless, hidden, mute, offer, publish, unpublish};

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Join {
        identity: u8,
        how: How,
        password: Option<bool>,
    },
    Ask {
        member: usize,
        what: What,
    },
    /// A member asks again what it has asked by an earlier connection, though it has the answer.
    AskAgain {
        member: usize,
        nth: usize,
    },
    /// A member's connection is dead, and the server has not noticed.
    Lose {
        member: usize,
    },
    /// A member's connection is gone.
    Detach {
        member: usize,
    },
    /// A connection that was given up asks something and is then found to be gone.
    LateWord {
        nth: usize,
    },
    Resume {
        member: usize,
        from: Place,
    },
    /// Somebody has made up a secret.
    Intrude,
    /// One who waits in the lobby asks for what it may have, or may not.
    AskFromLobby {
        nth: usize,
        leave: bool,
    },
    LeaveLobby {
        nth: usize,
    },
    /// The media plane tells the next thing.
    Tell,
    Fail {
        session: usize,
    },
    Restart,
    Overrun {
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
    Data {
        member: usize,
        lossy: bool,
    },
    /// The other room answers.
    Moved {
        is_taken: bool,
    },
    Pass {
        seconds: u64,
    },
    Drain,
}

/// Where a member says that it has read to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Place {
    /// Where it has.
    True,
    /// Before it came.
    Beginning,
    /// In another journal.
    Foreign,
    Future,
    Unreadable,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum How {
    Guest,
    Token,
    Admin,
    Hidden,
    HiddenAdmin,
    Encoder,
    Player { of: u8 },
    Silent,
    Moved,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Ping,
    Leave,
    Offer,
    Candidate { is_last: bool },
    Publish { mid: u8, source: TrackSource, muted: bool },
    Unpublish { track: usize },
    Mute { track: usize, muted: bool },
    Subscribe { track: usize, wanted: bool },
    Viewport { track: usize },
    Chat { to: Option<usize> },
    Hand { raised: bool, of: Option<usize> },
    Update { of: Option<usize>, name: u8, seat: Option<u8> },
    Send { to: Option<usize>, listeners: bool, lossy: bool },
    Retain { topic: u8, clear: bool },
    Listen { topic: Option<u8> },
    Signal { to: usize },
    AskToUnmute { track: usize },
    Remove { who: usize },
    SetRole { who: usize, role: Role },
    SetGrants { who: usize, publish: Option<bool>, subscribe: Option<bool>, data: Option<bool> },
    Move { who: usize, room: u8 },
    SetRoom { locked: Option<bool>, lobby: Option<bool>, password: Option<bool> },
    Admit { nth: usize },
    Deny { nth: usize },
    End,
    JoinAgain,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let any = any::<usize>;
    let step = prop_oneof![
        8 => (0u8..6, how(), maybe()).prop_map(|(identity, how, password)| {
            Step::Join { identity, how, password }
        }),
        40 => (any(), what()).prop_map(|(member, what)| Step::Ask { member, what }),
        2 => (any(), any()).prop_map(|(member, nth)| Step::AskAgain { member, nth }),
        5 => any().prop_map(|member| Step::Lose { member }),
        3 => any().prop_map(|member| Step::Detach { member }),
        2 => any().prop_map(|nth| Step::LateWord { nth }),
        8 => (any(), place()).prop_map(|(member, from)| Step::Resume { member, from }),
        1 => Just(Step::Intrude),
        1 => (any(), bool()).prop_map(|(nth, leave)| Step::AskFromLobby { nth, leave }),
        1 => any().prop_map(|nth| Step::LeaveLobby { nth }),
        24 => Just(Step::Tell),
        1 => any().prop_map(|session| Step::Fail { session }),
        1 => Just(Step::Restart),
        1 => any().prop_map(|session| Step::Overrun { session }),
        8 => (any(), 0u8..3).prop_map(|(subscription, mid)| Step::Bind { subscription, mid }),
        1 => (any(), bool()).prop_map(|(session, is_short)| Step::Report { session, is_short }),
        2 => (any(), bool()).prop_map(|(member, lossy)| Step::Data { member, lossy }),
        2 => bool().prop_map(|is_taken| Step::Moved { is_taken }),
        3 => (0u64..40).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Drain),
    ];
    prop::collection::vec(step, 1..150)
}

fn bool() -> impl Strategy<Value = bool> {
    any::<bool>()
}

fn maybe() -> impl Strategy<Value = Option<bool>> {
    prop::option::of(any::<bool>())
}

fn place() -> impl Strategy<Value = Place> {
    let wrong = [Place::Beginning, Place::Foreign, Place::Future, Place::Unreadable];
    prop_oneof![5 => Just(Place::True), 1 => prop::sample::select(wrong.to_vec())]
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![
        6 => Just(How::Guest),
        3 => Just(How::Token),
        2 => Just(How::Admin),
        1 => Just(How::Hidden),
        1 => Just(How::HiddenAdmin),
        1 => Just(How::Encoder),
        1 => (0u8..6).prop_map(|of| How::Player { of }),
        1 => Just(How::Silent),
        1 => Just(How::Moved),
    ]
}

fn what() -> impl Strategy<Value = What> {
    let any = any::<usize>;
    let some = || prop::option::of(any());
    let media = prop_oneof![
        8 => Just(What::Offer),
        1 => bool().prop_map(|is_last| What::Candidate { is_last }),
        10 => (0u8..4, prop::sample::select(TrackSource::ALL.to_vec()), bool())
            .prop_map(|(mid, source, muted)| What::Publish { mid, source, muted }),
        2 => any().prop_map(|track| What::Unpublish { track }),
        3 => (any(), bool()).prop_map(|(track, muted)| What::Mute { track, muted }),
        3 => (any(), bool()).prop_map(|(track, wanted)| What::Subscribe { track, wanted }),
        1 => any().prop_map(|track| What::Viewport { track }),
    ];
    let words = prop_oneof![
        4 => some().prop_map(|to| What::Chat { to }),
        2 => (bool(), some()).prop_map(|(raised, of)| What::Hand { raised, of }),
        2 => (some(), 0u8..3, prop::option::of(0u8..2))
            .prop_map(|(of, name, seat)| What::Update { of, name, seat }),
        4 => (some(), bool(), bool())
            .prop_map(|(to, listeners, lossy)| What::Send { to, listeners, lossy }),
        3 => (0u8..3, prop::bool::weighted(0.3))
            .prop_map(|(topic, clear)| What::Retain { topic, clear }),
        1 => prop::option::of(0u8..2).prop_map(|topic| What::Listen { topic }),
        2 => any().prop_map(|to| What::Signal { to }),
        1 => Just(What::Ping),
        1 => Just(What::Leave),
        1 => Just(What::JoinAgain),
    ];
    let steering = prop_oneof![
        20 => any().prop_map(|track| What::AskToUnmute { track }),
        10 => any().prop_map(|who| What::Remove { who }),
        20 => (any(), prop::sample::select(vec![Role::Moderator, Role::Participant]))
            .prop_map(|(who, role)| What::SetRole { who, role }),
        40 => (any(), maybe(), maybe(), maybe()).prop_map(|(who, publish, subscribe, data)| {
            What::SetGrants { who, publish, subscribe, data }
        }),
        20 => (any(), 0u8..3).prop_map(|(who, room)| What::Move { who, room }),
        40 => (maybe(), maybe(), maybe()).prop_map(|(locked, lobby, password)| {
            What::SetRoom { locked, lobby, password }
        }),
        40 => any().prop_map(|nth| What::Admit { nth }),
        20 => any().prop_map(|nth| What::Deny { nth }),
        1 => Just(What::End),
    ];
    prop_oneof![5 => media, 4 => words, 3 => steering]
}

impl How {
    pub(crate) fn admission(self, identity: u8, password: Option<bool>) -> Admission {
        let identity = identity.to_string();
        let with = |grants| Admission { grants, ..admission(&identity) };
        let admission = match self {
            How::Guest => guest(&identity),
            How::Token => admission(&identity),
            How::Admin => with(Grants { room_admin: true, ..Grants::default() }),
            How::Hidden => hidden(&identity),
            How::HiddenAdmin => {
                let grants = hidden(&identity).grants;
                with(Grants { room_admin: true, ..grants })
            }
            How::Encoder => headless(&identity, Interest::None),
            How::Player { of } => headless(&identity, Interest::Identity(of.to_string())),
            How::Silent => Admission {
                grants: Grants {
                    can_publish: Vec::new(),
                    can_publish_data: false,
                    can_subscribe: false,
                    can_update_own_metadata: false,
                    ..Grants::default()
                },
                ..guest(&identity)
            },
            How::Moved => Admission { moved_from: Some("lobby".to_owned()), ..guest(&identity) },
        };
        Admission { password: password.map(word), ..admission }
    }
}

/// The password, or a wrong one.
fn word(is_right: bool) -> String {
    if is_right { "sesame" } else { "simsim" }.to_owned()
}

/// What there is to choose from: everybody and everything that ever was, since requests about what is
/// gone must be taken, too.
pub(crate) struct Choice<'a> {
    pub(crate) tracks: &'a [TrackId],
    pub(crate) people: &'a [ParticipantId],
    pub(crate) waiting: &'a [ParticipantId],
    /// Never used before.
    pub(crate) text: String,
}

impl What {
    pub(crate) fn request(self, from: Choice<'_>) -> Request {
        let track = |nth: usize| pick(from.tracks, nth).unwrap_or(TrackId(nth as u64));
        let person = |nth: usize| pick(from.people, nth).unwrap_or(ParticipantId(nth as u64));
        let waiting = |nth: usize| pick(from.waiting, nth).unwrap_or(ParticipantId(nth as u64));
        let text = from.text;
        match self {
            What::Ping => Request::Ping,
            What::Leave => Request::Leave,
            What::Offer => offer(),
            What::Candidate { is_last } => {
                let candidate = if is_last { "" } else { "candidate:1" }.to_owned();
                Request::Candidate(Candidate { candidate })
            }
            What::Publish { mid, source, muted } => match publish(&mid.to_string(), source) {
                Request::Publish(publish) => Request::Publish(Publish { muted, ..publish }),
                _ => unreachable!("it publishes"),
            },
            What::Unpublish { track: nth } => unpublish(track(nth)),
            What::Mute { track: nth, muted } => mute(track(nth), muted),
            What::Subscribe { track: nth, wanted } => {
                let tracks = Tracks { tracks: vec![track(nth), track(nth + 1)] };
                if wanted { Request::Subscribe(tracks) } else { Request::Unsubscribe(tracks) }
            }
            What::Viewport { track: nth } => {
                let size = ViewportSize { track: track(nth), width: 320, height: 180 };
                Request::Viewport(Viewport { sizes: vec![size] })
            }
            What::Chat { to } => Request::Chat(Chat { text, to: to.map(|nth| vec![person(nth)]) }),
            What::Hand { raised, of } => {
                Request::Hand(Hand { raised, participant: of.map(person) })
            }
            What::Update { of, name, seat } => Request::Update(Update {
                participant: of.map(person),
                name: Some(format!("name {name}")),
                metadata: None,
                attributes: seat.map(|seat| {
                    let seat = if seat == 0 { String::new() } else { seat.to_string() };
                    BTreeMap::from([("seat".to_owned(), seat)])
                }),
            }),
            What::Send { to, listeners, lossy } => Request::Send(Send {
                topic: "topic 0".to_owned(),
                payload: text.as_bytes().into(),
                to: to.map(|nth| vec![person(nth), person(nth + 1)]),
                listeners,
                lossy,
                retain: false,
                message: None,
            }),
            What::Retain { topic, clear } => Request::Send(Send {
                topic: format!("topic {topic}"),
                payload: if clear { Vec::new() } else { text.into_bytes() }.into(),
                to: None,
                listeners: false,
                lossy: false,
                retain: true,
                message: None,
            }),
            What::Listen { topic } => Request::Listen(Listen {
                topics: topic.map(|topic| format!("topic {topic}")).into_iter().collect(),
            }),
            What::Signal { to } => Request::Signal(Signal { to: person(to), data: text }),
            What::AskToUnmute { track: nth } => {
                Request::AskToUnmute(AskToUnmute { track: track(nth) })
            }
            What::Remove { who } => Request::Remove(Remove { participant: person(who) }),
            What::SetRole { who, role } => {
                Request::SetRole(SetRole { participant: person(who), role })
            }
            What::SetGrants { who, publish, subscribe, data } => Request::SetGrants(SetGrants {
                participant: person(who),
                can_publish: publish.map(|all| match all {
                    true => TrackSource::ALL.to_vec(),
                    false => vec![TrackSource::Microphone],
                }),
                can_subscribe: subscribe,
                can_publish_data: data,
            }),
            What::Move { who, room } => Request::Move(Move {
                participant: person(who),
                room: ["team.1", "lobby", "elsewhere"][usize::from(room)].to_owned(),
            }),
            What::SetRoom { locked, lobby, password } => Request::SetRoom(SetRoom {
                locked,
                lobby,
                password: password.map(|set| if set { word(true) } else { String::new() }),
            }),
            What::Admit { nth } => Request::Admit(Admit { participant: waiting(nth) }),
            What::Deny { nth } => Request::Deny(Deny { participant: waiting(nth) }),
            What::End => Request::End,
            What::JoinAgain => Request::Join(Join {
                token: String::new(),
                room: None,
                identity: None,
                name: None,
                attributes: None,
                password: None,
                auto_subscribe: None,
            }),
        }
    }
}

pub(crate) fn pick<T: Copy>(from: &[T], nth: usize) -> Option<T> {
    from.get(nth % from.len().max(1)).copied()
}
