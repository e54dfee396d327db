//! Allocate and Refresh: what is granted, what is refused, and when it ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use stun::attributes::{self as kind, AttrType};
use stun::message::{METHOD_ALLOCATE, METHOD_REFRESH};
use turn_core::{BindError, Input, Port};
use world::*;

fn family(number: u8) -> (AttrType, Vec<u8>) {
    (kind::ATTR_REQUESTED_ADDRESS_FAMILY, vec![number, 0, 0, 0])
}

fn additional(number: u8) -> (AttrType, Vec<u8>) {
    (AttrType(0x8000), vec![number, 0, 0, 0])
}

fn even_port(bits: u8) -> (AttrType, Vec<u8>) {
    (kind::ATTR_EVEN_PORT, vec![bits])
}

fn token(length: usize) -> (AttrType, Vec<u8>) {
    (kind::ATTR_RESERVATION_TOKEN, vec![9; length])
}

/// The error code that these attributes beside REQUESTED-TRANSPORT get.
fn code(attributes: &[(AttrType, Vec<u8>)]) -> Option<u16> {
    let attributes = [&[udp()], attributes].concat();
    World::new(config()).request(&mut Client::new(1), METHOD_ALLOCATE, &attributes).code
}

#[test]
fn what_cannot_be_granted_has_its_code() {
    let mut world = World::new(config());
    let transport = |number| (kind::ATTR_REQUESTED_TRANSPORT, vec![number, 0, 0, 0]);
    let mut request = |attribute: &[(AttrType, Vec<u8>)]| {
        world.request(&mut Client::new(1), METHOD_ALLOCATE, attribute).code
    };
    assert_eq!(request(&[]), Some(400));
    assert_eq!(request(&[transport(6)]), Some(400), "TCP is for clients of TCP");
    assert_eq!(request(&[transport(132)]), Some(442));
    assert_eq!(code(&[family(3)]), Some(440));
    assert_eq!(code(&[additional(1)]), Some(400));
    assert_eq!(code(&[additional(2), family(1)]), Some(400));
    assert_eq!(code(&[additional(2), even_port(0x80)]), Some(400));
    assert_eq!(code(&[token(8), even_port(0)]), Some(400));
    assert_eq!(code(&[token(8), family(1)]), Some(400));
    assert_eq!(code(&[token(7)]), Some(400));
    assert_eq!(code(&[(kind::ATTR_LIFETIME, vec![0; 3])]), Some(400));
    assert_eq!(code(&[(AttrType(0x8030), vec![])]), Some(405), "mobility");
    assert_eq!(code(&[(AttrType(0x7F01), vec![1])]), Some(420));
    assert_eq!(code(&[(AttrType(0xFF01), vec![1])]), None, "need not be understood");
    assert_eq!(code(&[(kind::ATTR_DONT_FRAGMENT, vec![])]), None);
}

#[test]
fn unknown_attributes_are_listed() {
    let attributes = [udp(), (AttrType(0x7F01), vec![]), (AttrType(0x0055), vec![1, 2])];
    let mut world = World::new(config());
    let answer = world.request(&mut Client::new(1), METHOD_ALLOCATE, &attributes);
    let listed = answer.message.get(kind::ATTR_UNKNOWN_ATTRIBUTES).unwrap();
    assert_eq!(listed, [0x7F, 0x01, 0x00, 0x55]);
}

#[test]
fn a_family_that_the_server_has_not_is_refused_or_named() {
    let mut only_v4 = config();
    only_v4.families = [true, false];
    let mut world = World::new(only_v4);
    let answer = world.request(&mut Client::new(1), METHOD_ALLOCATE, &[udp(), family(2)]);
    assert_eq!(answer.code, Some(440));
}

#[test]
fn both_families_come_with_one_allocation_and_one_can_end() {
    let mut world = World::new(config());
    let mut client = Client::new(1);
    let answer = world.request(&mut client, METHOD_ALLOCATE, &[udp(), additional(2)]);
    assert_eq!(answer.relayed.len(), 2);
    assert!(answer.relayed[0].is_ipv4() && answer.relayed[1].is_ipv6());
    let refresh = |world: &mut World, client: &mut Client, attributes: &[_]| {
        world.request(client, METHOD_REFRESH, attributes).code
    };
    assert_eq!(refresh(&mut world, &mut client, &[lifetime(600), family(2)]), None);
    assert_eq!(refresh(&mut world, &mut client, &[lifetime(0), family(2)]), None);
    assert_eq!(world.relays.len(), 1);
    assert_eq!(refresh(&mut world, &mut client, &[lifetime(600), family(2)]), Some(443));
    assert_eq!(refresh(&mut world, &mut client, &[lifetime(600), family(1)]), None);
    assert_eq!(refresh(&mut world, &mut client, &[lifetime(0), family(1)]), None);
    assert!(world.relays.is_empty());
    assert_eq!(world.ended, 1);
}

#[test]
fn the_second_family_may_be_asked_for_as_the_drafts_did() {
    let mut world = World::new(config());
    let draft = (AttrType(0x8032), vec![2, 0, 0, 0]);
    let answer = world.request(&mut Client::new(1), METHOD_ALLOCATE, &[udp(), draft]);
    assert_eq!(answer.relayed.len(), 2);
}

#[test]
fn ports_are_asked_for_as_wished() {
    let mut world = World::new(config());
    let answer = world.request(&mut Client::new(1), METHOD_ALLOCATE, &[udp(), even_port(0x80)]);
    assert_eq!(answer.message.get(kind::ATTR_RESERVATION_TOKEN).unwrap(), [9; 8]);
    world.request(&mut Client::new(2), METHOD_ALLOCATE, &[udp(), even_port(0)]);
    world.request(&mut Client::new(3), METHOD_ALLOCATE, &[udp(), token(8)]);
    let wished =
        [Port::Even { reserve: true }, Port::Even { reserve: false }, Port::Reserved([9; 8])];
    assert_eq!(world.ports, wished);
}

#[test]
fn a_server_without_room_says_whose_fault_it_is() {
    let mut world = World::new(config());
    for (error, code) in [(BindError::Quota, 486), (BindError::Capacity, 508)] {
        world.refuse = Some(error);
        let answer = world.request(&mut Client::new(1), METHOD_ALLOCATE, &[udp()]);
        assert_eq!(answer.code, Some(code));
    }
    world.refuse = None;
    world.allocate(&mut Client::new(1));
}

#[test]
fn a_request_that_comes_twice_is_answered_twice_and_another_one_is_refused() {
    let mut world = World::new(config());
    let mut client = Client::new(1);
    let relayed = world.allocate(&mut client);
    client.serial.set(client.serial.get() - 1);
    let again = client.request(METHOD_ALLOCATE, &[udp()]);
    assert_eq!(world.ask(&client, &again).relayed, [relayed]);
    let other = client.request(METHOD_ALLOCATE, &[udp()]);
    assert_eq!(world.ask(&client, &other).code, Some(437));
    assert_eq!(world.relays.len(), 1);
}

#[test]
fn lifetimes_have_bounds_and_allocations_end_with_them() {
    let mut world = World::new(config());
    for (wish, granted) in [(1, 600), (700, 700), (u32::MAX, 3_600)] {
        let mut client = Client::new(wish as u16);
        let answer = world.request(&mut client, METHOD_ALLOCATE, &[udp(), lifetime(wish)]);
        assert_eq!(answer.lifetime, Some(granted));
    }
    world.pass(599);
    assert_eq!(world.relays.len(), 3);
    for (seconds, left) in [(1, 2), (100, 1), (2_900, 0)] {
        world.pass(seconds);
        assert_eq!(world.relays.len(), left);
    }
    assert_eq!((world.ended, world.server.deadline()), (3, None));
}

#[test]
fn a_refresh_shortens_and_lengthens() {
    let mut world = World::new(config());
    let mut client = Client::new(1);
    world.request(&mut client, METHOD_ALLOCATE, &[udp(), lifetime(3_600)]);
    assert_eq!(world.request(&mut client, METHOD_REFRESH, &[lifetime(600)]).lifetime, Some(600));
    world.pass(500);
    assert_eq!(world.request(&mut client, METHOD_REFRESH, &[lifetime(700)]).lifetime, Some(700));
    world.pass(699);
    assert_eq!(world.relays.len(), 1);
    world.pass(1);
    assert!(world.relays.is_empty());
    assert_eq!(world.request(&mut client, METHOD_REFRESH, &[]).code, Some(437));
    let answer = world.request(&mut client, METHOD_REFRESH, &[lifetime(0)]);
    assert_eq!((answer.code, answer.lifetime), (None, Some(0)), "the end may be asked for twice");
}

#[test]
fn an_allocation_ends_with_its_connection() {
    let mut world = World::new(config());
    let mut client = Client::new(1);
    world.allocate(&mut client);
    world.handle(Input::Closed { from: client.tuple });
    assert_eq!((world.relays.len(), world.ended), (0, 1));
}

#[test]
fn a_draining_server_serves_whom_it_has_and_sends_others_elsewhere() {
    let mut elsewhere = config();
    elsewhere.alternate_server = Some("1.2.3.4:3478".parse().unwrap());
    for (config, code) in [(config(), 508), (elsewhere, 300)] {
        let mut world = World::new(config);
        let mut client = Client::new(1);
        world.allocate(&mut client);
        world.handle(Input::Drain);
        assert_eq!(world.request(&mut client, METHOD_REFRESH, &[]).code, None);
        let answer = world.request(&mut Client::new(2), METHOD_ALLOCATE, &[udp()]);
        assert_eq!(answer.code, Some(code));
        assert_eq!(answer.message.contains(kind::ATTR_ALTERNATE_SERVER), code == 300);
    }
}
