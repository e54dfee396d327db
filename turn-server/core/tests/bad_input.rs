//! Requests that are not as they should be: cut, too long, twice, out of range, or signed by somebody
//! else. Each is dropped under its name or refused with its code, and changes nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use stun::attributes::{self as kind, AttrType};
use stun::message::{
    METHOD_ALLOCATE, METHOD_BINDING, METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION, METHOD_REFRESH,
};
use turn_core::stats::DropReason;
use turn_core::{Input, frame_length};
use world::*;

const PEER: &str = "1.2.3.4:9000";

fn allocated() -> (World, Client) {
    let mut world = World::new(config());
    let mut client = Client::new(1);
    world.allocate(&mut client);
    (world, client)
}

/// Whether a message is dropped as malformed, without a word.
fn is_malformed(world: &mut World, client: &Client, contents: &[u8]) -> bool {
    world.sent.clear();
    let before = world.dropped(DropReason::Malformed);
    world.handle(Input::Message { from: client.tuple, contents });
    world.sent.is_empty() && world.dropped(DropReason::Malformed) == before + 1
}

#[test]
fn what_is_cut_or_has_a_tail_is_dropped() {
    let (mut world, client) = allocated();
    let whole = client.request(METHOD_CREATE_PERMISSION, &[peer(PEER)]);
    for length in 0..whole.len() {
        assert!(is_malformed(&mut world, &client, &whole[..length]), "{length}");
    }
    let longer = [&whole[..], &[0; 4]].concat();
    assert!(is_malformed(&mut world, &client, &longer));
    assert_eq!(world.ask(&client, &whole).code, None);
}

#[test]
fn an_attribute_longer_than_its_message_is_dropped() {
    let (mut world, client) = allocated();
    let mut request = client.request(METHOD_BINDING, &[(kind::ATTR_USERNAME, vec![b'a'; 8])]);
    for length in [9_u16, 12, 0x7FFF, 0xFFFF] {
        request[22..24].copy_from_slice(&length.to_be_bytes());
        assert!(is_malformed(&mut world, &client, &request), "{length}");
    }
}

#[test]
fn what_is_too_much_for_any_request_is_dropped() {
    let (mut world, client) = allocated();
    let many = vec![(AttrType(0x8FFF), Vec::new()); 97];
    let request = client.request(METHOD_BINDING, &many);
    assert!(is_malformed(&mut world, &client, &request));
    let most = client.request(METHOD_BINDING, &[(AttrType(0x8FFF), vec![0; 65_000])]);
    assert_eq!(world.ask(&client, &most).code, None, "it is long, and whole");
}

#[test]
fn names_that_are_too_long_are_refused() {
    let (mut world, mut client) = allocated();
    client.username = "a".repeat(508);
    assert_eq!(world.request(&mut client, METHOD_REFRESH, &[]).code, Some(401));
    client.username = "a".repeat(509);
    assert_eq!(world.request(&mut client, METHOD_REFRESH, &[]).code, Some(400));
    client.username = "ada".into();
    client.nonce = "n".repeat(764);
    assert_eq!(world.ask(&client, &client.request(METHOD_REFRESH, &[])).code, Some(400));
    client.nonce = "n".repeat(763);
    assert_eq!(world.ask(&client, &client.request(METHOD_REFRESH, &[])).code, Some(438));
}

#[test]
fn values_of_a_wrong_length_are_refused() {
    let (mut world, mut client) = allocated();
    for (method, kind, value) in [
        (METHOD_ALLOCATE, kind::ATTR_REQUESTED_TRANSPORT, vec![17, 0, 0]),
        (METHOD_REFRESH, kind::ATTR_LIFETIME, vec![0; 3]),
        (METHOD_REFRESH, kind::ATTR_REQUESTED_ADDRESS_FAMILY, vec![1]),
        (METHOD_CREATE_PERMISSION, kind::ATTR_XOR_PEER_ADDRESS, vec![0, 1, 2, 3, 4, 5, 6]),
        (METHOD_CREATE_PERMISSION, kind::ATTR_XOR_PEER_ADDRESS, vec![0, 3, 2, 3, 4, 5, 6, 7]),
        (METHOD_CHANNEL_BIND, kind::ATTR_CHANNEL_NUMBER, vec![0x40]),
    ] {
        let mut stranger = Client::new(2);
        let asking = if method == METHOD_ALLOCATE { &mut stranger } else { &mut client };
        let answer = world.request(asking, method, &[(kind, value.clone())]);
        assert_eq!(answer.code, Some(400), "{kind:?} {value:?}");
    }
    assert_eq!(world.request(&mut client, METHOD_REFRESH, &[]).code, None);
}

#[test]
fn of_an_attribute_that_comes_twice_the_first_counts() {
    let (mut world, mut client) = allocated();
    let twice = [lifetime(700), lifetime(0)];
    assert_eq!(world.request(&mut client, METHOD_REFRESH, &twice).lifetime, Some(700));
    assert_eq!(world.ended, 0);
    let two = [channel(0x4000), peer(PEER), peer("1.2.3.5:9000")];
    assert_eq!(world.request(&mut client, METHOD_CHANNEL_BIND, &two).code, Some(400));
    let numbers = [channel(0x3FFF), channel(0x4000), peer(PEER)];
    assert_eq!(world.request(&mut client, METHOD_CHANNEL_BIND, &numbers).code, Some(400));
    // A second name is none that anybody has signed in with.
    let name = [(kind::ATTR_USERNAME, b"eve".to_vec())];
    assert_eq!(world.request(&mut client, METHOD_REFRESH, &name).code, Some(401));
}

#[test]
fn channel_numbers_have_their_range() {
    let (mut world, mut client) = allocated();
    for number in [0, 1, 0x3FFF, 0x8000, 0xFFFF] {
        let attributes = [channel(number), peer(PEER)];
        let answer = world.request(&mut client, METHOD_CHANNEL_BIND, &attributes);
        assert_eq!(answer.code, Some(400), "{number:#x}");
    }
    for (index, number) in [0x4000, 0x7FFF].into_iter().enumerate() {
        let attributes = [channel(number), peer(&format!("1.2.3.{index}:9000"))];
        assert_eq!(world.request(&mut client, METHOD_CHANNEL_BIND, &attributes).code, None);
    }
}

#[test]
fn no_byte_of_a_signed_request_can_be_changed() {
    let (mut world, client) = allocated();
    let whole = client.request(METHOD_CREATE_PERMISSION, &[peer("8.8.8.8:9000")]);
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x55;
        world.sent.clear();
        world.handle(Input::Message { from: client.tuple, contents: &changed });
        for sent in &world.sent {
            match sent {
                Sent::ToClient(_, bytes) => {
                    assert!(Answer::read(bytes).code.is_some(), "byte {at}")
                }
                other => panic!("byte {at}: {other:?}"),
            }
        }
    }
    // Nor has any of them let the peer in.
    assert!(is_dropped(&mut world, &client));
    assert_eq!(world.ask(&client, &whole).code, None);
    assert!(!is_dropped(&mut world, &client));
}

fn is_dropped(world: &mut World, client: &Client) -> bool {
    let contents = send_indication("8.8.8.8:9000", b"hello");
    world.handle(Input::Message { from: client.tuple, contents: &contents });
    world.take_for_peers().is_empty()
}

#[test]
fn a_nonce_of_somebody_else_or_of_an_earlier_server_is_refused() {
    let (mut world, client) = allocated();
    let mut other = Client::new(2);
    other.nonce.clone_from(&client.nonce);
    assert_eq!(world.ask(&other, &other.request(METHOD_ALLOCATE, &[udp()])).code, Some(438));
    let secret = turn_core::Config { nonce_secret: [8; 32], ..config() };
    let mut restarted = World::new(secret);
    assert_eq!(restarted.ask(&client, &client.request(METHOD_REFRESH, &[])).code, Some(438));
    world.pass(601);
    assert_eq!(world.ask(&client, &client.request(METHOD_REFRESH, &[])).code, Some(438));
}

#[test]
fn a_stream_ends_at_what_no_message_begins_with() {
    let (_, client) = allocated();
    let whole = client.request(METHOD_BINDING, &[]);
    assert_eq!(frame_length(&whole), Ok(Some(whole.len())));
    let mut odd = whole.clone();
    odd[3] = 1;
    assert!(frame_length(&odd).is_err(), "lengths are multiples of four");
    let mut cookie = whole;
    cookie[4] ^= 1;
    assert!(frame_length(&cookie).is_err());
    assert!(frame_length(&[0x80, 0, 0, 4]).is_err());
}
