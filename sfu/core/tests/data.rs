//! Data messages: who gets them, who may send them, and what is refused.

#![allow(clippy::unwrap_used)]

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use sfu_core::envelope::Envelope;
use sfu_core::{Command, DataMessage, Event, FailReason, Input, RoomKey, SessionKey};
use str0m::channel::ChannelConfig;
use str0m::media::MediaKind::Audio;
use world::World;

const RELIABLE: usize = 0;
const LOSSY: usize = 1;

/// A room with clients that have data channels, all admitted.
fn room(clients: &[u64]) -> World {
    let mut world = World::new(1);
    for &number in clients {
        world.join_with_data(number, 65_536);
        admit(&mut world, number, true);
    }
    world
}

fn admit(world: &mut World, member: u64, may_send: bool) {
    world.command(Command::Admit { member: SessionKey(member), may_send });
}

fn listen(world: &mut World, member: u64, topics: &[&str]) {
    let topics = topics.iter().map(|topic| topic.to_string()).collect();
    world.command(Command::Listen { member: SessionKey(member), topics });
}

fn send(world: &mut World, from: u64, envelope: &Envelope<'_>) {
    let place = if envelope.lossy { LOSSY } else { RELIABLE };
    assert!(world.send_data(from, place, &envelope.encode().unwrap()));
    world.run(Duration::from_millis(30), &[], &[]);
}

fn plain(payload: &[u8]) -> Envelope<'_> {
    Envelope { payload, ..Envelope::default() }
}

/// What has come by channels since the last time: receiver, channel, bytes.
fn arrived(world: &mut World) -> Vec<(u64, usize, Vec<u8>)> {
    let mut all = Vec::new();
    for (number, client) in &mut world.clients {
        all.extend(client.messages.drain(..).map(|(place, bytes)| (*number, place, bytes)));
    }
    all
}

/// What was to be brought by another door since the last time.
fn redirected(world: &mut World) -> Vec<(Vec<SessionKey>, DataMessage)> {
    let (data, others) = std::mem::take(&mut world.events)
        .into_iter()
        .partition(|e| matches!(e, Event::Data { .. }));
    world.events = others;
    let data: Vec<Event> = data;
    data.into_iter()
        .filter_map(|event| match event {
            Event::Data { to, message } => Some((to, message)),
            _ => None,
        })
        .collect()
}

/// Each copy has been delivered, redirected or dropped, once nothing is under way.
fn assert_every_copy_is_counted(world: &World) {
    for channel in ["reliable", "lossy"] {
        let count = |name| world.count(name, Some(channel));
        assert_eq!(
            count("data_copies"),
            count("data_delivered") + count("data_redirected") + count("data_dropped"),
            "{channel}"
        );
    }
}

#[test]
fn a_message_goes_to_all_others_with_its_sender_named() {
    let mut world = room(&[1, 2, 3]);
    for lossy in [false, true] {
        let sent = Envelope { id: Some(7), topic: "t", lossy, ..plain(b"hello") };
        send(&mut world, 1, &sent);
        let place = usize::from(lossy);
        let expected = Envelope { sender: Some(1), ..sent }.encode().unwrap();
        assert_eq!(arrived(&mut world), [(2, place, expected.clone()), (3, place, expected)]);
    }
    assert!(redirected(&mut world).is_empty());
    assert_eq!(world.count("data_received", Some("lossy")), 1);
    assert_eq!(world.count("data_delivered", Some("reliable")), 2);
    assert_every_copy_is_counted(&world);
}

#[test]
fn a_named_message_tells_nobody_who_else_got_it() {
    let mut world = room(&[1, 2, 3, 4]);
    let sent = Envelope { destinations: vec![4, 2, 99, 1, 2], ..plain(b"secret") };
    send(&mut world, 1, &sent);
    let expected = Envelope { sender: Some(1), ..plain(b"secret") }.encode().unwrap();
    assert_eq!(arrived(&mut world), [(2, RELIABLE, expected.clone()), (4, RELIABLE, expected)]);
}

#[test]
fn listeners_alone_get_what_is_for_listeners() {
    let mut world = room(&[1, 2, 3]);
    listen(&mut world, 2, &["a", "b"]);
    listen(&mut world, 3, &["b"]);
    let heard = |world: &mut World, topic| {
        send(world, 1, &Envelope { listeners: true, topic, ..plain(b"x") });
        arrived(world).into_iter().map(|(number, ..)| number).collect::<Vec<_>>()
    };
    assert_eq!(heard(&mut world, "a"), [2]);
    assert_eq!(heard(&mut world, "b"), [2, 3]);
    assert!(heard(&mut world, "c").is_empty());
    // The topics are replaced, and admitting again keeps them.
    listen(&mut world, 2, &["c"]);
    admit(&mut world, 2, false);
    assert!(heard(&mut world, "a").is_empty());
    assert_eq!(heard(&mut world, "c"), [2]);
}

#[test]
fn a_member_without_a_channel_is_reached_by_another_door() {
    let mut world = room(&[1, 2]);
    // Without data channels, without a session, and with a session that has ended.
    world.join(3, &[Audio], 1);
    for member in [3, 4] {
        admit(&mut world, member, true);
    }
    let sent = Envelope { id: Some(5), topic: "t", ..plain(b"hi") };
    send(&mut world, 1, &sent);
    let message = DataMessage {
        from: SessionKey(1),
        id: Some(5),
        lossy: false,
        topic: "t".into(),
        payload: b"hi"[..].into(),
    };
    let to = |members: &[u64]| members.iter().map(|&m| SessionKey(m)).collect::<Vec<_>>();
    assert_eq!(redirected(&mut world), [(to(&[3, 4]), message.clone())]);
    assert_eq!(arrived(&mut world).len(), 1);

    world.command(Command::Close { session: SessionKey(2) });
    send(&mut world, 1, &sent);
    assert_eq!(redirected(&mut world), [(to(&[2, 3, 4]), message)]);
    assert_eq!(world.count("data_redirected", Some("reliable")), 5);
    assert_every_copy_is_counted(&world);
}

#[test]
fn a_room_ends_with_its_last_session_and_member() {
    let mut world = room(&[1]);
    admit(&mut world, 2, true);
    let rooms = |world: &World| world.engines[0].rooms().count();
    world.command(Command::Dismiss { member: SessionKey(1) });
    world.command(Command::Close { session: SessionKey(1) });
    assert_eq!(rooms(&world), 1);
    world.command(Command::Dismiss { member: SessionKey(2) });
    assert_eq!(rooms(&world), 0);
    admit(&mut world, 2, true);
    world.command(Command::Dismiss { member: SessionKey(2) });
    assert_eq!(rooms(&world), 0);
}

#[test]
fn who_may_not_send_is_heard_by_nobody() {
    let mut world = room(&[1, 2]);
    world.join_with_data(3, 65_536);
    send(&mut world, 3, &plain(b"not admitted yet"));
    assert_eq!(world.count("packets_dropped", Some("data_not_admitted")), 1);
    admit(&mut world, 3, false);
    send(&mut world, 3, &plain(b"may not"));
    send(&mut world, 3, &Envelope { lossy: true, ..plain(b"may not") });
    assert_eq!(world.count("packets_dropped", Some("data_forbidden")), 2);
    assert!(arrived(&mut world).is_empty());
    admit(&mut world, 3, true);
    send(&mut world, 3, &plain(b"may"));
    assert_eq!(arrived(&mut world).len(), 2);
    // It still gets what others send when it may not send, and nothing once it has left.
    admit(&mut world, 3, false);
    send(&mut world, 1, &plain(b"to all"));
    assert_eq!(arrived(&mut world).len(), 2);
    world.command(Command::Dismiss { member: SessionKey(3) });
    send(&mut world, 1, &plain(b"to all"));
    assert_eq!(arrived(&mut world).iter().map(|(number, ..)| *number).collect::<Vec<_>>(), [2]);
    send(&mut world, 3, &plain(b"has left"));
    assert_eq!(world.count("packets_dropped", Some("data_not_admitted")), 2);
}

#[test]
fn what_is_no_envelope_for_its_channel_goes_nowhere() {
    let mut world = room(&[1, 2]);
    let bytes = |envelope: Envelope<'_>| envelope.encode().unwrap();
    let largest = vec![0; 65_536 - 3];
    let wrong = [
        (RELIABLE, b"no envelope".to_vec()),
        (RELIABLE, bytes(Envelope { lossy: true, ..plain(b"x") })),
        (LOSSY, bytes(plain(b"x"))),
        (RELIABLE, bytes(Envelope { sender: Some(2), ..plain(b"x") })),
        (RELIABLE, bytes(Envelope { seq: Some(2), ..plain(b"x") })),
        // It has no room for what the server adds.
        (RELIABLE, bytes(plain(&largest))),
    ];
    for (place, message) in &wrong {
        assert!(world.send_data(1, *place, message));
        world.run(Duration::from_millis(100), &[], &[]);
    }
    // Text is none of ours, even if its bytes are an envelope.
    let client = world.clients.get_mut(&1).unwrap();
    let text = bytes(plain(b"text"));
    assert!(client.rtc.channel(client.channels[0]).unwrap().write(false, &text).unwrap());
    world.run(Duration::from_millis(100), &[], &[]);
    assert!(arrived(&mut world).is_empty() && redirected(&mut world).is_empty());
    assert_eq!(world.count("packets_dropped", Some("data_malformed")), wrong.len() as u64 + 1);
    // The channels work as before.
    send(&mut world, 1, &plain(&largest[..65_520 - 3]));
    world.run(Duration::from_millis(200), &[], &[]);
    assert_eq!(arrived(&mut world).len(), 1);
}

#[test]
fn other_channels_are_closed_and_too_many_end_the_session() {
    let mut world = room(&[1, 2]);
    let failed = |world: &World| {
        world.events.iter().any(|e| matches!(e, Event::Failed { session, .. } if session.0 == 1))
    };
    for opened in 1..=3 {
        assert!(!failed(&world), "after {opened}");
        let client = world.clients.get_mut(&1).unwrap();
        client.rtc.direct_api().create_data_channel(ChannelConfig::default());
        world.run(Duration::from_millis(200), &[], &[]);
        assert_eq!(world.count("packets_dropped", Some("data_unknown_channel")), opened);
    }
    assert!(failed(&world));
    send(&mut world, 2, &plain(b"others go on"));
    assert_eq!(redirected(&mut world).len(), 1);
}

#[test]
fn a_receiver_gets_nothing_larger_than_it_takes() {
    let mut world = room(&[1, 2]);
    world.join_with_data(3, 1_000);
    admit(&mut world, 3, true);
    send(&mut world, 1, &plain(&[1; 2_000]));
    send(&mut world, 1, &plain(&[1; 500]));
    let got: Vec<u64> = arrived(&mut world).iter().map(|(number, ..)| *number).collect();
    assert_eq!(got, [2, 2, 3]);
    assert_eq!(world.count("packets_dropped", Some("data_refused")), 1);
    assert_every_copy_is_counted(&world);
}

#[test]
fn a_lossy_message_that_does_not_fit_into_a_packet_goes_nowhere() {
    let mut world = room(&[1, 2]);
    for (length, lossy) in [(1_100 - 3, true), (1_100 - 2, true), (1_100 - 2, false)] {
        let payload = vec![1; length];
        send(&mut world, 1, &Envelope { lossy, ..plain(&payload) });
    }
    let lengths: Vec<usize> = arrived(&mut world).iter().map(|(.., bytes)| bytes.len()).collect();
    assert_eq!(lengths, [1_100 + 8, 1_101 + 8]);
    assert_eq!(world.count("packets_dropped", Some("data_too_large")), 1);
    assert_every_copy_is_counted(&world);
}

#[test]
fn more_than_is_allowed_is_not_relayed() {
    let mut world = World::with(1, |config| config.data_messages_per_second = 10);
    for number in [1, 2] {
        world.join_with_data(number, 65_536);
        admit(&mut world, number, true);
    }
    for _ in 0..25 {
        let message = Envelope { lossy: true, ..plain(b"x") }.encode().unwrap();
        assert!(world.send_data(1, LOSSY, &message));
    }
    world.run(Duration::from_millis(100), &[], &[]);
    assert_eq!(world.count("packets_dropped", Some("data_flood")), 15);
    assert_eq!(arrived(&mut world).len(), 10);
    // A second later it may again, and a reliable message too many is the end.
    world.run(Duration::from_secs(1), &[], &[]);
    for _ in 0..11 {
        assert!(world.send_data(1, RELIABLE, &plain(b"x").encode().unwrap()));
    }
    world.run(Duration::from_millis(100), &[], &[]);
    assert_eq!(arrived(&mut world).len(), 10);
    assert!(
        world
            .events
            .contains(&Event::Failed { session: SessionKey(1), reason: FailReason::DataFlood })
    );
    assert_eq!(world.count("sessions", None), 1);
}

/// What a room's members do, and what it is told of them.
#[derive(Debug, Clone)]
enum Step {
    Admit(u64, bool),
    Dismiss(u64),
    Listen(u64, Vec<u8>),
    Send { from: u64, listeners: bool, destinations: Vec<u64>, topic: u8, lossy: bool },
}

/// Members 1 to 4 have data channels, 5 and 6 have none, 7 never comes and 8 is in another room.
fn step() -> impl Strategy<Value = Step> {
    let topics = prop::collection::vec(0u8..4, 0..3);
    let destinations = prop_oneof![Just(Vec::new()), prop::collection::vec(1u64..9, 1..5)];
    prop_oneof![
        2 => (1u64..7, any::<bool>()).prop_map(|(member, may)| Step::Admit(member, may)),
        1 => (1u64..7).prop_map(Step::Dismiss),
        2 => (1u64..7, topics).prop_map(|(member, topics)| Step::Listen(member, topics)),
        6 => (1u64..5, any::<bool>(), destinations, 0u8..4, any::<bool>()).prop_map(
            |(from, listeners, destinations, topic, lossy)| Step::Send {
                from,
                listeners: listeners && destinations.is_empty(),
                destinations,
                topic,
                lossy,
            }
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// The ones for whom a message is get it, each once; nobody else gets anything.
    #[test]
    fn a_message_reaches_exactly_those_for_whom_it_is(
        steps in prop::collection::vec(step(), 80),
    ) {
        let mut world = room(&[1, 2, 3, 4]);
        for member in [5, 6] {
            admit(&mut world, member, true);
        }
        let elsewhere = Command::Admit { member: SessionKey(8), may_send: true };
        let input = Input::Command { room: RoomKey(2), command: elsewhere };
        world.engines[0].handle(world.now, input);
        let mut members: BTreeMap<u64, (bool, BTreeSet<u8>)> =
            (1..7).map(|member| (member, (true, BTreeSet::new()))).collect();
        let names = ["", "a", "b", "c"];
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Admit(member, may_send) => {
                    members.entry(member).or_default().0 = may_send;
                    admit(&mut world, member, may_send);
                }
                Step::Dismiss(member) => {
                    members.remove(&member);
                    world.command(Command::Dismiss { member: SessionKey(member) });
                }
                Step::Listen(member, topics) => {
                    let texts: Vec<&str> = topics.iter().map(|t| names[usize::from(*t)]).collect();
                    listen(&mut world, member, &texts);
                    if let Some(member) = members.get_mut(&member) {
                        member.1 = topics.into_iter().collect();
                    }
                }
                Step::Send { from, listeners, destinations, topic, lossy } => {
                    let mut expected: Vec<u64> = members
                        .iter()
                        .filter(|(member, (_, topics))| {
                            **member != from
                                && (!listeners || topics.contains(&topic))
                                && (destinations.is_empty() || destinations.contains(member))
                        })
                        .map(|(member, _)| *member)
                        .collect();
                    if !members.get(&from).is_some_and(|(may_send, _)| *may_send) {
                        expected.clear();
                    }
                    let id = number as u64;
                    send(&mut world, from, &Envelope {
                        id: Some(id),
                        topic: names[usize::from(topic)],
                        lossy, listeners, destinations,
                        ..plain(b"payload")
                    });
                    let mut got = Vec::new();
                    for (receiver, place, bytes) in arrived(&mut world) {
                        let envelope = Envelope::parse(&bytes).unwrap();
                        prop_assert_eq!(envelope.id, Some(id));
                        prop_assert_eq!(envelope.sender, Some(from));
                        prop_assert!(envelope.destinations.is_empty());
                        prop_assert_eq!(place, usize::from(lossy));
                        got.push(receiver);
                    }
                    for (to, message) in redirected(&mut world) {
                        prop_assert_eq!(message.id, Some(id));
                        got.extend(to.iter().map(|member| member.0));
                    }
                    got.sort_unstable();
                    prop_assert_eq!(got, expected);
                }
            }
        }
        assert_every_copy_is_counted(&world);
    }
}
