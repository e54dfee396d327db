//! Data messages where the network loses, and where receivers are slow or gone.

#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use sfu_core::envelope::Envelope;
use sfu_core::{Command, Event, SessionKey};
use str0m::channel::ChannelConfig;
use world::World;

const RELIABLE: usize = 0;
const LOSSY: usize = 1;

fn room(clients: &[u64]) -> World {
    let mut world = World::new(1);
    for &number in clients {
        world.join_with_data(number, 65_536);
        world.command(Command::Admit { member: SessionKey(number), may_send: true });
    }
    world
}

/// The `number`th message of a sender.
fn message(number: u64, lossy: bool, length: usize) -> Vec<u8> {
    let payload: Vec<u8> = (0..length).map(|at| (at as u64 * 31 + number * 7) as u8).collect();
    Envelope { id: Some(number), lossy, payload: &payload, ..Envelope::default() }.encode().unwrap()
}

/// The ids of what a client got on a channel, whose bytes must be as they were sent.
fn ids(world: &World, client: u64, place: usize) -> Vec<u64> {
    let messages = world.clients[&client].messages.iter().filter(|(of, _)| *of == place);
    messages
        .map(|(_, bytes)| {
            let got = Envelope::parse(bytes).unwrap();
            let id = got.id.unwrap();
            let sent = message(id, place == LOSSY, got.payload.len());
            assert_eq!(Envelope { sender: None, ..got }.encode().unwrap(), sent);
            id
        })
        .collect()
}

fn count(world: &World, name: &str, channel: usize) -> u64 {
    world.count(name, Some(["reliable", "lossy"][channel]))
}

fn dropped(world: &World, reason: &str) -> u64 {
    world.count("packets_dropped", Some(reason))
}

#[test]
fn two_megabytes_arrive_whole_and_in_order_where_a_tenth_is_lost() {
    const MESSAGES: u64 = 100;
    let mut world = room(&[1, 2]);
    world.loss = 10;
    world.tick = Duration::from_millis(5);
    let mut next = 0;
    for _ in 0..600_000 {
        while next < MESSAGES && world.send_data(1, RELIABLE, &message(next, false, 20_000)) {
            next += 1;
        }
        if world.clients[&2].messages.len() == MESSAGES as usize {
            break;
        }
        world.step();
    }
    let all: Vec<u64> = (0..MESSAGES).collect();
    assert_eq!(ids(&world, 2, RELIABLE), all);
    assert!(!world.events.iter().any(|event| matches!(event, Event::Overrun { .. })));
    assert_eq!(count(&world, "data_copies", RELIABLE), MESSAGES);
    assert_eq!(count(&world, "data_delivered", RELIABLE), MESSAGES);
}

#[test]
fn a_lossy_message_gets_too_old_for_a_stalled_receiver_and_for_nobody_else() {
    let mut world = room(&[1, 2, 3]);
    world.cut.insert(3);
    // 2,000 messages of 500 bytes in two seconds.
    for number in 0..2_000 {
        assert!(world.send_data(1, LOSSY, &message(number, true, 500)));
        world.step();
    }
    world.run(Duration::from_millis(150), &[], &[]);
    assert_eq!(ids(&world, 2, LOSSY), (0..2_000).collect::<Vec<_>>());
    assert!(ids(&world, 3, LOSSY).is_empty());
    // SCTP holds 64 KiB of them; the others have waited, and nothing waits any more.
    let held = (64 << 10) / (message(0, true, 500).len() as u64 + 8);
    assert_eq!(dropped(&world, "data_too_old"), 2_000 - held);
    assert_eq!(count(&world, "data_received", LOSSY), 2_000);
    assert_eq!(count(&world, "data_copies", LOSSY), 4_000);
    assert_eq!(
        count(&world, "data_delivered", LOSSY) + dropped(&world, "data_too_old"),
        4_000,
        "each copy was delivered or dropped by its age"
    );
    assert_eq!(count(&world, "data_dropped", LOSSY), dropped(&world, "data_too_old"));

    // When it is back it gets what is new.
    world.cut.clear();
    world.run(Duration::from_secs(10), &[], &[]);
    let before = world.clients[&3].messages.len();
    for number in 2_000..2_100 {
        assert!(world.send_data(1, LOSSY, &message(number, true, 500)));
        world.step();
    }
    world.run(Duration::from_millis(200), &[], &[]);
    assert_eq!(world.clients[&3].messages.len(), before + 100);
}

#[test]
fn a_stalled_receiver_is_overrun_at_a_mebibyte_and_nobody_else_notices() {
    const LENGTH: usize = 10_000;
    let mut world = room(&[1, 2, 3]);
    world.cut.insert(3);
    let overrun = Event::Overrun { session: SessionKey(3) };
    let size = message(0, false, LENGTH).len() as u64 + 8;
    let fit = (1 << 20) / size;
    for number in 0..fit + 20 {
        assert!(world.send_data(1, RELIABLE, &message(number, false, LENGTH)));
        // 700 KB a second.
        world.run(Duration::from_millis(14), &[], &[]);
        assert_eq!(world.events.contains(&overrun), number >= fit, "message {number}");
    }
    world.run(Duration::from_millis(500), &[], &[]);
    assert_eq!(ids(&world, 2, RELIABLE), (0..fit + 20).collect::<Vec<_>>());
    // It is said once, and every copy is accounted for.
    assert_eq!(world.events.iter().filter(|event| **event == overrun).count(), 1);
    let delivered = count(&world, "data_delivered", RELIABLE);
    assert_eq!(delivered + dropped(&world, "data_overrun"), 2 * (fit + 20));
    assert!(delivered <= fit + 20 + (256 << 10) / size, "{delivered}");

    // Back again, it has a beginning without a gap, and nothing more comes on that channel.
    world.cut.clear();
    world.run(Duration::from_secs(20), &[], &[]);
    let got = ids(&world, 3, RELIABLE);
    assert_eq!(got, (0..got.len() as u64).collect::<Vec<_>>());
    assert_eq!(got.len() as u64, delivered - (fit + 20));
}

#[test]
fn who_leaves_while_messages_are_under_way_leaves_nothing_behind() {
    let mut world = room(&[1, 2, 3]);
    world.cut.insert(3);
    for number in 0..50 {
        assert!(world.send_data(1, RELIABLE, &message(number, false, 10_000)));
        assert!(world.send_data(1, LOSSY, &message(number, true, 1_000)));
        world.run(Duration::from_millis(20), &[], &[]);
    }
    let waiting = |world: &World, channel| {
        count(world, "data_copies", channel)
            - count(world, "data_delivered", channel)
            - count(world, "data_dropped", channel)
    };
    assert!(waiting(&world, RELIABLE) > 20);
    // The session ends first, the member stays for a while.
    world.command(Command::Close { session: SessionKey(3) });
    assert_eq!(waiting(&world, RELIABLE), 0);
    assert_eq!(waiting(&world, LOSSY), 0);
    assert!(dropped(&world, "data_closed") > 20);
    assert!(world.send_data(1, RELIABLE, &message(50, false, 10)));
    world.run(Duration::from_millis(50), &[], &[]);
    assert_eq!(count(&world, "data_redirected", RELIABLE), 1);
    world.command(Command::Dismiss { member: SessionKey(3) });
    assert!(world.send_data(1, RELIABLE, &message(51, false, 10)));
    // And the sender goes, too, with a message under way.
    world.command(Command::Dismiss { member: SessionKey(1) });
    world.command(Command::Close { session: SessionKey(1) });
    world.run(Duration::from_millis(500), &[], &[]);
    assert_eq!(count(&world, "data_redirected", RELIABLE), 1);
    assert_eq!(ids(&world, 2, RELIABLE), (0..51).collect::<Vec<_>>());
    assert_eq!(ids(&world, 2, LOSSY).len(), 50);
}

/// Has a client send a message on an SCTP stream that the server has not opened.
fn send_on_stream(world: &mut World, client: u64, stream: u16) {
    let rtc = &mut world.clients.get_mut(&client).unwrap().rtc;
    let config = ChannelConfig { negotiated: Some(stream), ..ChannelConfig::default() };
    let channel = rtc.direct_api().create_data_channel(config);
    world.step();
    let rtc = &mut world.clients.get_mut(&client).unwrap().rtc;
    let mut channel = rtc.channel(channel).unwrap();
    assert!(channel.write(true, &message(0, false, 10)).unwrap());
    world.run(Duration::from_millis(300), &[], &[]);
}

#[test]
fn streams_that_nobody_has_opened_lead_nowhere() {
    let mut world = room(&[1, 2]);
    for stream in [2, 7] {
        send_on_stream(&mut world, 1, stream);
    }
    assert_eq!(count(&world, "data_received", RELIABLE), 0);
    assert!(world.send_data(1, RELIABLE, &message(1, false, 10)));
    world.run(Duration::from_millis(50), &[], &[]);
    assert_eq!(ids(&world, 2, RELIABLE), [1]);
    // A client that goes on with that is cut off: the stack would keep something of each.
    let has_failed = |world: &World| {
        let of_it = |e: &Event| matches!(e, Event::Failed { session: SessionKey(1), .. });
        world.events.iter().any(of_it)
    };
    assert!(!has_failed(&world));
    send_on_stream(&mut world, 1, 8);
    assert!(has_failed(&world));
    assert_eq!(world.count("sessions", None), 1);
}
