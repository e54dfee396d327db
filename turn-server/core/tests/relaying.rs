//! What goes from clients to peers and back, and what does not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::net::SocketAddr;

use stun::attributes::{self as kind, AttrType};
use stun::message::{METHOD_ALLOCATE, METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION, Message};
use turn_core::stats::DropReason;
use turn_core::{FiveTuple, Input, Protocol, Transport};
use world::*;

const PEER: &str = "1.2.3.4:9000";

fn allocated() -> (World, Client, SocketAddr) {
    let mut world = World::new(config());
    let mut client = Client::new(1);
    let relayed = world.allocate(&mut client);
    (world, client, relayed)
}

fn permit(world: &mut World, client: &mut Client, peers: &[&str]) -> Option<u16> {
    let peers: Vec<_> = peers.iter().map(|address| peer(address)).collect();
    world.request(client, METHOD_CREATE_PERMISSION, &peers).code
}

fn bind(world: &mut World, client: &mut Client, number: u16, address: &str) -> Option<u16> {
    world.request(client, METHOD_CHANNEL_BIND, &[channel(number), peer(address)]).code
}

fn say(world: &mut World, client: &Client, contents: &[u8]) {
    world.sent.clear();
    world.handle(Input::Message { from: client.tuple, contents });
}

fn hear(world: &mut World, relayed: SocketAddr, from: &str, contents: &[u8]) -> Vec<Vec<u8>> {
    world.sent.clear();
    let to = world.relays[&relayed];
    world.handle(Input::Peer { to, from: from.parse().unwrap(), contents });
    let sent = std::mem::take(&mut world.sent);
    sent.into_iter()
        .map(|sent| match sent {
            Sent::ToClient(_, bytes) => bytes,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_send_indication_needs_a_permission_and_comes_out_as_it_went_in() {
    let (mut world, mut client, relayed) = allocated();
    say(&mut world, &client, &send_indication(PEER, b"hello"));
    assert!(world.sent.is_empty());
    assert_eq!(world.dropped(DropReason::NoPermission), 1);
    assert_eq!(permit(&mut world, &mut client, &[PEER]), None);
    say(&mut world, &client, &send_indication(PEER, b"hello"));
    assert_eq!(world.take_for_peers(), [(PEER.parse().unwrap(), b"hello".to_vec())]);
    say(&mut world, &client, &send_indication("1.2.3.4:1", b""));
    assert_eq!(
        world.take_for_peers(),
        [("1.2.3.4:1".parse().unwrap(), vec![])],
        "any port, any length"
    );

    let heard = hear(&mut world, relayed, "1.2.3.4:77", b"back");
    let mut message = Message::new();
    message.unmarshal_binary(&heard[0]).unwrap();
    assert_eq!(message.typ.method, stun::message::METHOD_DATA);
    assert_eq!(message.get(kind::ATTR_DATA).unwrap(), b"back");
    assert!(hear(&mut world, relayed, "1.2.3.5:77", b"back").is_empty());
    world.pass(300);
    assert!(hear(&mut world, relayed, "1.2.3.4:77", b"back").is_empty(), "it has ended");
    assert_eq!(world.dropped(DropReason::NoPermission), 3);
}

#[test]
fn a_channel_is_a_short_header_both_ways() {
    let (mut world, mut client, relayed) = allocated();
    assert_eq!(bind(&mut world, &mut client, 0x4001, PEER), None);
    say(&mut world, &client, &channel_data(0x4001, b"hello"));
    assert_eq!(world.take_for_peers(), [(PEER.parse().unwrap(), b"hello".to_vec())]);
    assert_eq!(hear(&mut world, relayed, PEER, b"back"), [channel_data(0x4001, b"back")]);
    let other_port = hear(&mut world, relayed, "1.2.3.4:1", b"back");
    assert_eq!(other_port[0][..2], [0, 0x17], "another port has no channel");
    say(&mut world, &client, &channel_data(0x4002, b"hello"));
    assert_eq!(world.dropped(DropReason::NoChannel), 1);
    world.pass(300);
    say(&mut world, &client, &channel_data(0x4001, b"hello"));
    assert_eq!(world.dropped(DropReason::NoPermission), 1, "the channel lives, the permission not");
}

#[test]
fn channels_have_numbers_and_one_peer() {
    let (mut world, mut client, _) = allocated();
    for number in [0x3FFF, 0x8000, 0xFFFF, 0] {
        assert_eq!(bind(&mut world, &mut client, number, PEER), Some(400), "{number:x}");
    }
    assert_eq!(bind(&mut world, &mut client, 0x4000, PEER), None);
    assert_eq!(bind(&mut world, &mut client, 0x4000, PEER), None);
    assert_eq!(bind(&mut world, &mut client, 0x4000, "1.2.3.4:1"), Some(400));
    assert_eq!(bind(&mut world, &mut client, 0x7FFF, PEER), Some(400));
    let no_peer = world.request(&mut client, METHOD_CHANNEL_BIND, &[channel(0x4001)]);
    assert_eq!(no_peer.code, Some(400));
    let no_number = world.request(&mut client, METHOD_CHANNEL_BIND, &[peer(PEER)]);
    assert_eq!(no_number.code, Some(400));
    for number in 1..4 {
        assert_eq!(
            bind(&mut world, &mut client, 0x4000 + number, &format!("1.2.3.4:{number}")),
            None
        );
    }
    assert_eq!(bind(&mut world, &mut client, 0x4009, "1.2.3.4:10"), Some(508));
}

#[test]
fn permissions_come_all_or_none_and_have_a_limit() {
    let (mut world, mut client, _) = allocated();
    assert_eq!(permit(&mut world, &mut client, &[]), Some(400));
    assert_eq!(permit(&mut world, &mut client, &["1.2.3.4:1", "10.0.0.1:1"]), Some(403));
    say(&mut world, &client, &send_indication("1.2.3.4:1", b"hello"));
    assert!(world.sent.is_empty());
    let five = ["1.0.0.1:1", "1.0.0.2:1", "1.0.0.3:1", "1.0.0.4:1", "1.0.0.5:1"];
    assert_eq!(permit(&mut world, &mut client, &five), Some(508));
    assert_eq!(permit(&mut world, &mut client, &five[..4]), None);
    assert_eq!(permit(&mut world, &mut client, &five[4..]), Some(508));
}

#[test]
fn a_family_that_the_allocation_has_not_is_refused() {
    let (mut world, mut client, _) = allocated();
    let attribute = peer_v6(&client, "[2606:4700::1]:9");
    let answer = world.request(&mut client, METHOD_CREATE_PERMISSION, &[attribute]);
    assert_eq!(answer.code, Some(443));
}

#[test]
fn private_peers_are_refused_by_every_way() {
    let (mut world, mut client, relayed) = allocated();
    for address in [
        "127.0.0.1:22",
        "10.0.0.1:80",
        "192.168.1.1:80",
        "169.254.169.254:80",
        "0.0.0.0:1",
        "100.64.0.1:1",
        "172.16.0.1:1",
        "198.18.0.1:1",
        "224.0.0.1:1",
        "255.255.255.255:1",
        "5.6.7.8:22",
        "5.6.7.8:3478",
    ] {
        assert_eq!(permit(&mut world, &mut client, &[address]), Some(403), "{address}");
        assert_eq!(bind(&mut world, &mut client, 0x4000, address), Some(403), "{address}");
        say(&mut world, &client, &send_indication(address, b"hello"));
        assert!(hear(&mut world, relayed, address, b"back").is_empty());
        assert!(world.take_for_peers().is_empty());
    }
    assert_eq!(world.dropped(DropReason::Denied), 12);
}

#[test]
fn a_permission_for_the_sfu_opens_its_port_and_no_other() {
    let mut config = config();
    config.policy.exceptions = vec!["5.6.7.8:7882".parse().unwrap()];
    let mut world = World::new(config);
    let mut client = Client::new(1);
    let relayed = world.allocate(&mut client);
    assert_eq!(permit(&mut world, &mut client, &["5.6.7.8:7882"]), None);
    say(&mut world, &client, &send_indication("5.6.7.8:7882", b"media"));
    assert_eq!(world.take_for_peers().len(), 1);
    say(&mut world, &client, &send_indication("5.6.7.8:22", b"ssh"));
    assert!(world.take_for_peers().is_empty());
    assert!(hear(&mut world, relayed, "5.6.7.8:22", b"ssh").is_empty());
    assert_eq!(hear(&mut world, relayed, "5.6.7.8:7882", b"media").len(), 1);
    assert_eq!(world.dropped(DropReason::Denied), 2);
}

#[test]
fn two_clients_that_can_only_relay_reach_each_other_within_the_process() {
    let (mut world, mut ada, of_ada) = allocated();
    let mut eve = Client::new(2);
    let of_eve = world.allocate(&mut eve);
    assert_eq!(permit(&mut world, &mut ada, &[&of_eve.to_string()]), None);
    assert_eq!(bind(&mut world, &mut eve, 0x4000, &of_ada.to_string()), None);
    say(&mut world, &ada, &send_indication(&of_eve.to_string(), b"hello"));
    let to_eve = Sent::ToClient(eve.tuple, channel_data(0x4000, b"hello"));
    assert_eq!(world.sent, [to_eve]);
    say(&mut world, &eve, &channel_data(0x4000, b"hi"));
    assert!(matches!(&world.sent[..], [Sent::ToClient(to, _)] if *to == ada.tuple));

    world.handle(Input::Closed { from: eve.tuple });
    say(&mut world, &ada, &send_indication(&of_eve.to_string(), b"hello"));
    assert!(world.sent.is_empty(), "its port is nobody's now");
    assert_eq!(world.dropped(DropReason::Denied), 1);
}

#[test]
fn an_allocation_of_another_worker_is_reached_through_it() {
    let (mut world, mut client, relayed) = allocated();
    let relay: SocketAddr = "5.6.7.8:60000".parse().unwrap();
    world.handle(Input::Announced { protocol: Protocol::Udp, worker: 3, relay, open: true });
    assert_eq!(permit(&mut world, &mut client, &["5.6.7.8:60000"]), None);
    say(&mut world, &client, &send_indication("5.6.7.8:60000", b"hello"));
    assert_eq!(world.sent, [Sent::HandedOver(3, relayed, relay, b"hello".to_vec())]);
    world.sent.clear();
    world.handle(Input::HandedOver { from: relay, to: relayed, contents: b"back" });
    assert!(matches!(&world.sent[..], [Sent::ToClient(to, _)] if *to == client.tuple));
    world.handle(Input::Announced { protocol: Protocol::Udp, worker: 2, relay, open: false });
    say(&mut world, &client, &send_indication("5.6.7.8:60000", b"hello"));
    assert_eq!(world.sent.len(), 1, "another worker's word does not close it");
    world.handle(Input::Announced { protocol: Protocol::Udp, worker: 3, relay, open: false });
    say(&mut world, &client, &send_indication("5.6.7.8:60000", b"hello"));
    assert!(world.sent.is_empty());
}

#[test]
fn bytes_have_a_limit_per_second() {
    let mut limited = config();
    limited.max_bandwidth = 1_000;
    let mut world = World::new(limited);
    let mut client = Client::new(1);
    world.allocate(&mut client);
    permit(&mut world, &mut client, &[PEER]);
    for _ in 0..3 {
        let contents = send_indication(PEER, &[0; 400]);
        world.handle(Input::Message { from: client.tuple, contents: &contents });
    }
    assert_eq!(world.dropped(DropReason::Bandwidth), 1);
    world.pass(1);
    say(&mut world, &client, &send_indication(PEER, &[0; 1_000]));
    assert_eq!(world.take_for_peers().len(), 1);
}

#[test]
fn channel_data_in_a_stream_is_padded() {
    let mut world = World::new(config());
    let mut client = Client::new(1);
    client.tuple = FiveTuple { transport: Transport::Tls, ..client.tuple };
    let relayed = world.allocate(&mut client);
    bind(&mut world, &mut client, 0x4000, PEER);
    let heard = hear(&mut world, relayed, PEER, b"hello");
    assert_eq!(heard, [[&channel_data(0x4000, b"hello")[..], &[0, 0, 0]].concat()]);
}

#[test]
fn strangers_relay_nothing() {
    let mut world = World::new(config());
    let client = Client::new(1);
    say(&mut world, &client, &send_indication(PEER, b"hello"));
    say(&mut world, &client, &channel_data(0x4000, b"hello"));
    say(&mut world, &client, &[0x40, 0, 0, 9, 1]);
    say(&mut world, &client, b"\xFFnoise");
    assert!(world.sent.is_empty());
    assert_eq!(world.dropped(DropReason::NoAllocation), 2);
    assert_eq!(world.dropped(DropReason::Malformed), 2);
}

#[test]
fn an_unknown_method_is_refused() {
    let (mut world, mut client, _) = allocated();
    let method = stun::message::METHOD_DATA;
    assert_eq!(world.request(&mut client, method, &[peer(PEER)]).code, Some(400));
    let attribute: (AttrType, Vec<u8>) = udp();
    assert_eq!(world.request(&mut client, METHOD_ALLOCATE, &[attribute]).code, Some(437));
}
