//! Paths that break, move and end: cuts, NAT rebinding, consent (RFC 7675).

#![allow(clippy::unwrap_used)]

mod world;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sfu_core::{Event, FailReason, SessionKey};
use str0m::media::MediaKind::{Audio, Video};
use world::{World, is_check, is_stun};

const SECOND: Duration = Duration::from_secs(1);

/// Client 1 sends a camera to client 2.
fn a_call(lite: bool) -> World {
    let mut world = World::with(1, |config| config.ice_lite = lite);
    world.join(1, &[Audio, Video], 0);
    world.join(2, &[Audio], 1);
    assert!(world.publish(1, Video, 12));
    world.subscribe(2, 12);
    world.run(2 * SECOND, &[1], &[]);
    assert!(received(&mut world) > 100);
    world
}

/// How many packets client 2 has got since it was asked last.
fn received(world: &mut World) -> usize {
    let (mid, _) = world.bound(2, 12).unwrap();
    world.take_received(2, mid).len()
}

fn failed(world: &World, number: u64) -> Option<FailReason> {
    world.events.iter().find_map(|event| match event {
        Event::Failed { session, reason } if *session == SessionKey(number) => Some(reason.clone()),
        _ => None,
    })
}

/// Runs until client 2 gets something; the time that took.
fn until_media(world: &mut World) -> Duration {
    let start = world.now;
    while received(world) == 0 {
        assert!(world.now < start + 60 * SECOND, "nothing came");
        world.run(SECOND / 20, &[1], &[]);
    }
    world.now - start
}

#[test]
fn a_path_that_is_cut_for_a_while_comes_back_by_itself() {
    for lite in [false, true] {
        for seconds in [5, 20] {
            let mut world = a_call(lite);
            world.is_cut = true;
            world.run(seconds * SECOND, &[1], &[]);
            received(&mut world);
            world.is_cut = false;
            let gap = until_media(&mut world);
            assert!(gap <= 3 * SECOND, "{gap:?} after {seconds} s, lite: {lite}");
            world.run(40 * SECOND, &[1], &[]);
            assert!(received(&mut world) > 3_000, "after {seconds} s, lite: {lite}");
            assert_eq!((failed(&world, 1), failed(&world, 2)), (None, None));
        }
    }
}

#[test]
fn a_longer_cut_is_the_end() {
    let mut world = a_call(false);
    world.is_cut = true;
    world.run(28 * SECOND, &[1], &[]);
    assert_eq!(failed(&world, 2), None);
    world.run(5 * SECOND, &[1], &[]);
    assert_eq!(failed(&world, 2), Some(FailReason::ConsentLost));
}

/// Runs until client 2 has failed, which must take thirty seconds after `since` and no longer.
/// Nothing may be sent to it afterwards.
fn ends_in_time(world: &mut World, since: Instant) {
    let address = world.clients[&2].address;
    while failed(world, 2).is_none() {
        assert!(world.now <= since + 31 * SECOND, "still sending");
        world.run(SECOND / 10, &[1], &[]);
    }
    assert_eq!(failed(world, 2), Some(FailReason::ConsentLost));
    assert!(world.now >= since + 26 * SECOND, "too early: {:?}", world.now - since);
    assert!(world.sent_at(address).unwrap() <= since + 30 * SECOND);
    world.run(5 * SECOND, &[1], &[]);
    assert!(world.sent_at(address).unwrap() <= since + 30 * SECOND, "nothing more");
    assert_eq!(failed(world, 1), None, "the other one is well");
}

#[test]
fn without_answers_all_sending_ends_though_checks_go_on() {
    let mut world = a_call(false);
    let client = world.clients[&2].address;
    world.filter = Some(Box::new(move |source, datagram| {
        source != client || !is_stun(datagram) || is_check(datagram)
    }));
    let since = world.now;
    ends_in_time(&mut world, since);
}

#[test]
fn forged_answers_are_no_consent() {
    let mut world = a_call(false);
    let client = world.clients[&2].address;
    world.filter = Some(Box::new(move |source, datagram| source != client || !is_stun(datagram)));
    let since = world.now;
    let mut forged = 0;
    while world.now < since + 29 * SECOND {
        // To every check an answer in the client's name, without the password.
        for check in world.take_checks_to(client) {
            let mut answer = vec![1, 1, 0, 44];
            answer.extend(&check[4..20]);
            answer.extend([0, 0x20, 0, 8, 0, 1, 0, 1, 0, 0, 0, 1]);
            answer.extend([0, 8, 0, 20]);
            answer.extend([7; 20]);
            answer.extend([0x80, 0x28, 0, 4, 1, 2, 3, 4]);
            world.inject(0, client, &answer);
            forged += 1;
        }
        world.run(SECOND / 10, &[1], &[]);
    }
    assert!(forged > 9);
    let refused = world.count("packets_dropped", Some("bad_integrity"))
        + world.count("packets_dropped", Some("malformed"));
    assert!(refused >= forged, "{refused} of {forged}");
    ends_in_time(&mut world, since);
}

#[test]
fn an_old_answer_that_comes_again_is_no_consent() {
    let mut world = a_call(false);
    let client = world.clients[&2].address;
    world.run(5 * SECOND, &[1], &[]);
    let old = world.take_answers_from(client);
    assert!(!old.is_empty());
    world.filter = Some(Box::new(move |source, datagram| source != client || !is_stun(datagram)));
    let since = world.now;
    while world.now < since + 29 * SECOND {
        for answer in &old {
            world.inject(0, client, answer);
        }
        world.run(SECOND, &[1], &[]);
    }
    ends_in_time(&mut world, since);
}

#[test]
fn with_ice_lite_sending_ends_without_checks_and_media_is_none() {
    let mut world = a_call(true);
    let client = world.clients[&2].address;
    let checks = world.take_checks_from(client);
    world.filter = Some(Box::new(move |source, datagram| source != client || !is_stun(datagram)));
    let since = world.now;
    while world.now < since + 29 * SECOND {
        // A check whose integrity is spoilt.
        let mut forged = checks[0].clone();
        let at = forged.len() - 20;
        forged[at] ^= 1;
        world.inject(0, client, &forged);
        world.run(SECOND, &[1], &[2]);
    }
    assert!(world.count("packets_dropped", Some("bad_integrity")) >= 28);
    ends_in_time(&mut world, since);
}

#[test]
fn a_client_behind_a_nat_that_changes_its_mapping_is_followed() {
    for lite in [false, true] {
        for who in [1, 2] {
            let mut world = a_call(lite);
            let old = world.clients[&who].address;
            let new = SocketAddr::from(([10, 0, 9, who as u8], 1_024));
            world.rebind(old, new);
            received(&mut world);
            // What is under way still comes.
            world.run(SECOND / 20, &[1], &[]);
            received(&mut world);
            let gap = until_media(&mut world);
            // One check interval, and the round trips of a check each way.
            let most = Duration::from_millis(2_500) + SECOND / 5;
            assert!(gap <= most, "{gap:?} for client {who}, lite: {lite}");
            world.run(60 * SECOND, &[1], &[]);
            assert!(received(&mut world) > 5_000);
            assert_eq!((failed(&world, 1), failed(&world, 2)), (None, None));
            // And once more, to the address before.
            world.rebind(old, old);
            world.run(SECOND / 20, &[1], &[]);
            received(&mut world);
            let gap = until_media(&mut world);
            assert!(gap <= most, "{gap:?} back again, client {who}, lite: {lite}");
        }
    }
}

#[test]
fn a_source_that_only_repeats_what_it_has_heard_gets_no_media() {
    let mut world = a_call(false);
    let stranger = SocketAddr::from(([192, 0, 2, 66], 666));
    let client = world.clients[&2].address;
    for _ in 0..10 {
        world.run(SECOND, &[1], &[]);
        for check in world.take_checks_from(client) {
            world.inject(0, stranger, &check);
        }
    }
    assert!(world.checks_sent_to(stranger) > 0, "it is asked to prove itself");
    assert_eq!(world.media_sent_to(stranger), 0);
    world.filter = Some(Box::new(move |source, _| source != client));
    world.run(20 * SECOND, &[1], &[]);
    assert_eq!(world.media_sent_to(stranger), 0, "nor when the client is silent");
}

#[test]
fn a_session_comes_from_a_bounded_number_of_new_addresses() {
    let mut world = a_call(false);
    let client = world.clients[&2].address;
    world.run(3 * SECOND, &[1], &[]);
    let check = world.take_checks_from(client).pop().unwrap();
    for port in 1..1_000 {
        world.inject(0, SocketAddr::from(([192, 0, 2, 9], port)), &check);
    }
    assert!(world.count("packets_dropped", Some("too_many_addresses")) > 900);
    received(&mut world);
    world.run(5 * SECOND, &[1], &[]);
    assert!(received(&mut world) > 400);
}
