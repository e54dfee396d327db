//! Who may allocate, and who may touch an allocation.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::time::Duration;

use stun::attributes as kind;
use stun::message::{METHOD_ALLOCATE, METHOD_REFRESH};
use turn_core::stats::DropReason;
use world::*;

fn rest(client: &mut Client, secret: &str, ttl: u64) {
    (client.username, client.password) =
        turn_core::mint(secret, "ada", UNIX, Duration::from_secs(ttl));
}

#[test]
fn a_stranger_is_asked_for_a_credential() {
    let mut world = World::new(config());
    let client = Client::new(1);
    let request = client.request(METHOD_ALLOCATE, &[udp()]);
    let answer = world.ask(&client, &request);
    assert_eq!(answer.code, Some(401));
    assert_eq!(answer.message.get(kind::ATTR_REALM).unwrap(), REALM.as_bytes());
    assert!(answer.nonce.unwrap().starts_with("obMatJos2gAAA"));
    assert!(!answer.message.contains(kind::ATTR_SOFTWARE), "what is not needed is not sent");
    assert!(answer.message.raw.len() <= 100, "{} bytes", answer.message.raw.len());
}

#[test]
fn old_and_new_clients_get_in_and_their_answers_are_signed_alike() {
    for is_modern in [false, true] {
        let mut world = World::new(config());
        let mut client = Client { is_modern, ..Client::new(1) };
        let answer = world.request(&mut client, METHOD_ALLOCATE, &[udp()]);
        assert_eq!(answer.code, None);
        assert_eq!(answer.mapped, Some(client.tuple.client));
        assert_eq!(answer.lifetime, Some(600));
        assert_eq!(answer.message.contains(kind::ATTR_MESSAGE_INTEGRITY_SHA256), is_modern);
        assert_eq!(answer.message.contains(kind::ATTR_MESSAGE_INTEGRITY), !is_modern);
    }
}

#[test]
fn a_list_of_algorithms_that_was_changed_on_the_way_is_refused() {
    let mut world = World::new(config());
    let mut client = Client { is_modern: true, ..Client::new(1) };
    client.algorithms = vec![0, 2, 0, 0, 0, 1, 0, 0];
    assert_eq!(world.request(&mut client, METHOD_ALLOCATE, &[udp()]).code, Some(400));
}

#[test]
fn a_wrong_password_an_unknown_user_and_a_foreign_realm_look_alike() {
    let mut world = World::new(config());
    for (username, password) in [("ada", "wrong"), ("bob", "lovelace"), ("", "")] {
        let mut client = Client::new(1);
        client.username = username.into();
        client.password = password.into();
        let answer = world.request(&mut client, METHOD_ALLOCATE, &[udp()]);
        assert_eq!(answer.code, Some(401), "{username}");
    }
}

#[test]
fn a_nonce_ends_and_is_its_clients_alone() {
    let mut world = World::new(config());
    let mut client = Client::new(1);
    world.allocate(&mut client);
    let stolen = Client { nonce: client.nonce.clone(), ..Client::new(2) };
    let request = stolen.request(METHOD_ALLOCATE, &[udp()]);
    assert_eq!(world.ask(&stolen, &request).code, Some(438));
    world.pass(600 - 1);
    assert_eq!(world.ask(&client, &client.request(METHOD_REFRESH, &[])).code, None);
    world.pass(1);
    let answer = world.ask(&client, &client.request(METHOD_REFRESH, &[]));
    assert_eq!(answer.code, Some(438));
    client.nonce = answer.nonce.unwrap();
    assert_eq!(world.ask(&client, &client.request(METHOD_REFRESH, &[])).code, None);
}

#[test]
fn a_credential_of_any_secret_is_good_for_its_time() {
    for secret in ["north", "south"] {
        let mut world = World::new(config());
        let mut client = Client::new(1);
        rest(&mut client, secret, 100);
        world.pass(99);
        world.allocate(&mut client);
    }
    let mut world = World::new(config());
    let mut client = Client::new(1);
    rest(&mut client, "east", 100);
    assert_eq!(world.request(&mut client, METHOD_ALLOCATE, &[udp()]).code, Some(401));
    rest(&mut client, "north", 100);
    world.pass(100);
    assert_eq!(world.request(&mut client, METHOD_ALLOCATE, &[udp()]).code, Some(401));
}

#[test]
fn an_expired_credential_keeps_its_allocation_up_to_the_cap() {
    let mut world = World::new(config());
    let mut client = Client::new(1);
    rest(&mut client, "north", 100);
    world.allocate(&mut client);
    for _ in 0..13 {
        world.pass(550);
        assert_eq!(world.request(&mut client, METHOD_REFRESH, &[]).code, None);
    }
    world.pass(50);
    assert_eq!(world.request(&mut client, METHOD_REFRESH, &[]).code, Some(401), "2 hours");
}

#[test]
fn another_users_allocation_cannot_be_touched() {
    let mut world = World::new(config());
    let mut client = Client::new(1);
    world.allocate(&mut client);
    client.username = "eve".into();
    client.password = "drop".into();
    assert_eq!(world.request(&mut client, METHOD_REFRESH, &[lifetime(0)]).code, Some(441));
    assert_eq!(world.server.stats().allocations(), 1);
}

#[test]
fn whoever_began_with_sha_256_does_not_come_back_with_md5() {
    let mut world = World::new(config());
    let mut client = Client { is_modern: true, ..Client::new(1) };
    world.allocate(&mut client);
    client.is_modern = false;
    assert_eq!(world.request(&mut client, METHOD_REFRESH, &[]).code, Some(441));
}

#[test]
fn strangers_of_one_network_are_answered_at_a_rate() {
    let mut world = World::new(config());
    let mut answered = 0;
    for port in 1..=2_000 {
        let client = Client::new(port);
        let contents = &client.request(METHOD_ALLOCATE, &[udp()]);
        world.sent.clear();
        world.handle(turn_core::Input::Message { from: client.tuple, contents });
        answered += world.sent.len();
    }
    assert_eq!(answered, 500, "five seconds' worth of 100");
    assert_eq!(world.dropped(DropReason::RateLimited), 1_500);
    world.pass(1);
    world.allocate(&mut Client::new(1));
}
