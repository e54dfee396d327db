//! Members whose data messages come and go by a link, beside those who have data channels or neither.

#![allow(clippy::unwrap_used)]

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use sfu_core::envelope::Envelope;
use sfu_core::stats::DropReason;
use sfu_core::{Channel, Command, Event, LinkEnd, LinkKey, SessionKey};
use world::World;

/// A room with data channels for some, all admitted.
fn room(with_channels: &[u64], without: &[u64]) -> World {
    let mut world = World::new(1);
    for &number in with_channels {
        world.join_with_data(number, 65_536);
    }
    for &number in with_channels.iter().chain(without) {
        admit(&mut world, number, true);
    }
    world
}

fn admit(world: &mut World, member: u64, may_send: bool) {
    world.command(Command::Admit { member: SessionKey(member), may_send });
}

fn link(world: &mut World, member: u64, link: u64) {
    world.command(Command::Link { member: SessionKey(member), link: LinkKey(link) });
}

fn message(id: u64, channel: Channel) -> Vec<u8> {
    let lossy = channel == Channel::Lossy;
    Envelope { id: Some(id), lossy, payload: b"payload", ..Envelope::default() }.encode().unwrap()
}

fn label(channel: Channel) -> Option<&'static str> {
    Some(if channel == Channel::Lossy { "lossy" } else { "reliable" })
}

#[test]
fn a_message_by_a_link_reaches_channels_links_and_those_with_neither() {
    for channel in [Channel::Reliable, Channel::Lossy] {
        let mut world = room(&[1], &[2, 3, 4]);
        link(&mut world, 2, 20);
        link(&mut world, 3, 30);
        world.send_by_link(2, 20, channel, &message(7, channel));
        world.run(Duration::from_millis(30), &[], &[]);
        let outgoing = Envelope {
            id: Some(7),
            sender: Some(2),
            lossy: channel == Channel::Lossy,
            payload: b"payload",
            ..Envelope::default()
        };
        let outgoing = outgoing.encode().unwrap();
        assert_eq!(world.linked, [(30, channel, outgoing.clone())]);
        assert_eq!(world.clients[&1].messages, [(channel as usize, outgoing)]);
        let redirected = |event: &Event| match event {
            Event::Data { to, message } => to == &[SessionKey(4)] && message.id == Some(7),
            _ => false,
        };
        assert_eq!(world.events.iter().filter(|event| redirected(event)).count(), 1);
        assert_eq!(world.count("data_received", label(channel)), 1);
        assert_eq!(world.count("data_copies", label(channel)), 3);
    }
}

#[test]
fn who_has_a_link_gets_nothing_by_its_channels_until_the_link_is_over() {
    let mut world = room(&[1, 2], &[]);
    link(&mut world, 2, 20);
    assert!(world.send_data(1, 1, &message(1, Channel::Lossy)));
    world.run(Duration::from_millis(30), &[], &[]);
    assert_eq!(world.linked.len(), 1);
    assert!(world.clients[&2].messages.is_empty());
    world.command(Command::Unlink { member: SessionKey(2), link: LinkKey(20) });
    assert!(world.send_data(1, 1, &message(2, Channel::Lossy)));
    world.run(Duration::from_millis(30), &[], &[]);
    assert_eq!(world.linked.len(), 1);
    assert_eq!(world.clients[&2].messages.len(), 1);
    assert_eq!(world.ended_links, []);
}

#[test]
fn what_comes_by_a_link_is_refused_as_on_a_channel() {
    let mut world = room(&[], &[1, 2, 3]);
    for number in [1, 2, 3] {
        link(&mut world, number, number);
    }
    admit(&mut world, 3, false);
    let lossy = message(1, Channel::Lossy);
    for (member, by, channel, bytes, reason) in [
        (1, 1, Channel::Reliable, &lossy[..], "data_malformed"),
        (1, 1, Channel::Lossy, &b"\x01"[..], "data_malformed"),
        (1, 2, Channel::Lossy, &lossy[..], "data_closed"),
        (9, 1, Channel::Lossy, &lossy[..], "data_closed"),
        (3, 3, Channel::Lossy, &lossy[..], "data_forbidden"),
    ] {
        let before = world.count("packets_dropped", Some(reason));
        world.send_by_link(member, by, channel, bytes);
        assert_eq!(world.count("packets_dropped", Some(reason)), before + 1, "{reason}");
    }
    // A link may be there before its member.
    link(&mut world, 4, 4);
    world.send_by_link(4, 4, Channel::Lossy, &lossy);
    assert_eq!(world.count("packets_dropped", Some("data_not_admitted")), 1);
    assert_eq!(world.linked, []);
}

#[test]
fn a_flood_of_lossy_messages_is_thinned_and_one_of_reliable_ones_ends_the_link() {
    let mut world = World::with(1, |config| config.data_messages_per_second = 10);
    for number in [1, 2] {
        admit(&mut world, number, true);
        link(&mut world, number, number);
    }
    for id in 0..25 {
        world.send_by_link(1, 1, Channel::Lossy, &message(id, Channel::Lossy));
    }
    assert_eq!(world.linked.len(), 10);
    assert_eq!(world.count("packets_dropped", Some("data_flood")), 15);
    assert_eq!(world.ended_links, []);
    world.run(Duration::from_secs(1), &[], &[]);
    for id in 0..12 {
        world.send_by_link(1, 1, Channel::Reliable, &message(id, Channel::Reliable));
    }
    assert_eq!(world.linked.len(), 20);
    assert_eq!(world.ended_links, [(1, LinkEnd::Flooded)]);
    assert_eq!(world.count("packets_dropped", Some("data_flood")), 16);
    assert_eq!(world.count("packets_dropped", Some("data_closed")), 1);
}

#[test]
fn a_bulk_stream_is_for_those_with_links_of_whom_its_head_is() {
    let mut world = room(&[1], &[2, 3, 4, 5]);
    for number in [2, 3, 4] {
        link(&mut world, number, 10 * number);
    }
    let head = |lossy, destinations: &[u64], payload: &[u8]| {
        let destinations = destinations.to_vec();
        Envelope { lossy, destinations, topic: "file", payload, ..Envelope::default() }
            .encode()
            .unwrap()
    };
    let of = |world: &mut World, from, link, head: &[u8]| {
        world.open_bulk(from, link, head);
        world.bulk.pop().unwrap().1
    };
    let (links, told) = of(&mut world, 2, 20, &head(false, &[], b"4 GB")).unwrap();
    assert_eq!(links, [LinkKey(30), LinkKey(40)]);
    let told = Envelope::parse(&told).unwrap();
    assert_eq!((told.sender, told.topic, told.payload), (Some(2), "file", &b"4 GB"[..]));
    let (links, _) = of(&mut world, 2, 20, &head(false, &[4, 1, 5, 9], b"")).unwrap();
    assert_eq!(links, [LinkKey(40)]);
    assert_eq!(world.count("bulk_streams", None), 2);

    let refused = |result: Result<_, DropReason>| result.err();
    let large = head(false, &[], &[0; 4_097]);
    assert_eq!(refused(of(&mut world, 2, 20, &large)), Some(DropReason::DataMalformed));
    let lossy = head(true, &[], b"");
    assert_eq!(refused(of(&mut world, 2, 20, &lossy)), Some(DropReason::DataMalformed));
    let fine = head(false, &[], b"");
    assert_eq!(refused(of(&mut world, 5, 50, &fine)), Some(DropReason::DataClosed));
    admit(&mut world, 2, false);
    assert_eq!(refused(of(&mut world, 2, 20, &fine)), Some(DropReason::DataForbidden));
    assert_eq!(world.count("bulk_streams", None), 2);
}

/// What becomes of members and their links.
#[derive(Debug, Clone)]
enum Step {
    Admit(u64),
    Dismiss(u64),
    Link(u64),
    /// The newest link of a member, or the one before.
    Unlink(u64, bool),
    Send(u64, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (1u64..6).prop_map(Step::Admit),
        1 => (1u64..6).prop_map(Step::Dismiss),
        2 => (1u64..6).prop_map(Step::Link),
        1 => (1u64..6, any::<bool>()).prop_map(|(member, newest)| Step::Unlink(member, newest)),
        5 => (1u64..6, any::<bool>()).prop_map(|(member, lossy)| Step::Send(member, lossy)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A member gets each message once: by its newest link, and elsewhere if it has none. A link that is
    /// over is told so exactly once, unless it was given up.
    #[test]
    fn a_message_takes_the_newest_link_or_none(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new(1);
        let mut members = BTreeSet::new();
        let mut links: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        let mut live: BTreeMap<u64, u64> = BTreeMap::new();
        let mut next = 0;
        for (number, step) in steps.into_iter().enumerate() {
            let mut over = Vec::new();
            match step {
                Step::Admit(member) => {
                    members.insert(member);
                    admit(&mut world, member, true);
                }
                Step::Dismiss(member) => {
                    // Who is not in the room is not dismissed.
                    if members.remove(&member) {
                        let link = live.remove(&member);
                        over.extend(link.map(|link| (link, LinkEnd::Dismissed)));
                        world.command(Command::Dismiss { member: SessionKey(member) });
                    }
                }
                Step::Link(member) => {
                    next += 1;
                    links.entry(member).or_default().push(next);
                    let before = live.insert(member, next);
                    over.extend(before.map(|link| (link, LinkEnd::Replaced)));
                    link(&mut world, member, next);
                }
                Step::Unlink(member, newest) => {
                    let of_member = links.get(&member).map(Vec::as_slice).unwrap_or_default();
                    let back = if newest { 1 } else { 2 };
                    let Some(&link) = of_member.iter().rev().nth(back - 1) else { continue };
                    if live.get(&member) == Some(&link) {
                        live.remove(&member);
                    }
                    let command = Command::Unlink { member: SessionKey(member), link: LinkKey(link) };
                    world.command(command);
                }
                Step::Send(from, lossy) => {
                    let Some(&by) = live.get(&from) else { continue };
                    let channel = Channel::of(lossy);
                    world.send_by_link(from, by, channel, &message(number as u64, channel));
                    let mut got = Vec::new();
                    for (link, way, bytes) in std::mem::take(&mut world.linked) {
                        let envelope = Envelope::parse(&bytes).unwrap();
                        prop_assert_eq!((way, envelope.sender), (channel, Some(from)));
                        prop_assert_eq!(envelope.id, Some(number as u64));
                        let of = live.iter().find(|(_, one)| **one == link);
                        got.push(*of.expect("a link that is live").0);
                    }
                    for event in std::mem::take(&mut world.events) {
                        let Event::Data { to, .. } = event else { continue };
                        let away = to.iter().filter(|member| live.contains_key(&member.0));
                        prop_assert_eq!(away.count(), 0);
                        got.extend(to.iter().map(|member| member.0));
                    }
                    got.sort_unstable();
                    let mut expected: Vec<u64> = members.iter().copied().collect();
                    expected.retain(|&member| member != from && members.contains(&from));
                    prop_assert_eq!(got, expected);
                }
            }
            prop_assert_eq!(std::mem::take(&mut world.ended_links), over);
        }
    }
}
