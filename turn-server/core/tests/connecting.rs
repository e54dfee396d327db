//! TCP allocations (RFC 6062): who connects to whom, whose a connection is, and when it ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use std::net::SocketAddr;

use stun::attributes::{self as kind, AttrType};
use stun::message::{
    METHOD_ALLOCATE, METHOD_CHANNEL_BIND, METHOD_CONNECT, METHOD_CONNECTION_BIND,
    METHOD_CREATE_PERMISSION, METHOD_REFRESH, Method,
};
use turn_core::stats::{Direction, DropReason};
use turn_core::{ConnectionId, Input};
use world::*;

const PEER: &str = "1.2.3.4:9000";

fn allocated() -> (World, Client, SocketAddr) {
    let mut world = World::new(config());
    let mut client = Client::by_tcp(1);
    let answer = world.request(&mut client, METHOD_ALLOCATE, &[tcp()]);
    assert_eq!(answer.code, None);
    (world, client, answer.relayed[0])
}

/// What a request leads to besides an answer to be waited for.
fn ask_for(world: &mut World, client: &Client, method: Method, attribute: (AttrType, Vec<u8>)) {
    world.sent.clear();
    let contents = client.request(method, &[attribute]);
    world.handle(Input::Message { from: client.tuple, contents: &contents });
}

/// Asks for a connection, which the shell begins.
fn connect(world: &mut World, client: &Client, to: &str) -> ConnectionId {
    ask_for(world, client, METHOD_CONNECT, peer(to));
    match world.sent.as_slice() {
        [Sent::Connect(id, address)] if *address == to.parse().unwrap() => *id,
        other => panic!("{other:?}"),
    }
}

/// The only message to this client since the last request.
fn answer(world: &mut World, client: &Client) -> Answer {
    match world.sent.as_slice() {
        [Sent::ToClient(to, bytes)] if *to == client.tuple => Answer::read(bytes),
        other => panic!("{other:?}"),
    }
}

fn connected(world: &mut World, client: &Client, to: &str) -> (ConnectionId, Vec<u8>) {
    let connection = connect(world, client, to);
    world.sent.clear();
    world.handle(Input::Connected { connection });
    let answer = answer(world, client);
    assert_eq!(answer.code, None);
    (connection, answer.message.get(kind::ATTR_CONNECTION_ID).unwrap())
}

fn connection_bind(world: &mut World, client: &mut Client, id: &[u8]) -> Option<u16> {
    // A nonce of its own first: the answer may come with more than itself.
    if client.nonce.is_empty() {
        let answer = world.ask(client, &client.request(METHOD_CONNECTION_BIND, &[]));
        client.nonce = answer.nonce.unwrap();
    }
    ask_for(world, client, METHOD_CONNECTION_BIND, (kind::ATTR_CONNECTION_ID, id.to_vec()));
    match &world.sent[0] {
        Sent::ToClient(to, bytes) if *to == client.tuple => Answer::read(bytes).code,
        other => panic!("{other:?}"),
    }
}

/// A peer connects; what the server says to it.
fn accept(world: &mut World, relayed: SocketAddr, from: &str, socket: usize) -> Vec<Sent> {
    world.sent.clear();
    let to = world.relays[&relayed];
    world.handle(Input::Accepted { to, from: from.parse().unwrap(), socket });
    std::mem::take(&mut world.sent)
}

#[test]
fn tcp_is_relayed_for_clients_of_tcp_alone_and_from_any_port() {
    let mut world = World::new(config());
    let even = (kind::ATTR_EVEN_PORT, vec![0]);
    let whole = (kind::ATTR_DONT_FRAGMENT, vec![]);
    for (mut client, attributes, code) in [
        (Client::new(1), vec![tcp()], Some(400)),
        (Client::by_tcp(2), vec![tcp(), even], Some(400)),
        (Client::by_tcp(3), vec![tcp(), whole], Some(400)),
        (Client::by_tcp(4), vec![tcp()], None),
    ] {
        assert_eq!(world.request(&mut client, METHOD_ALLOCATE, &attributes).code, code);
    }
    let mut without = config();
    without.max_peer_connections = 0;
    let answer = World::new(without).request(&mut Client::by_tcp(1), METHOD_ALLOCATE, &[tcp()]);
    assert_eq!(answer.code, Some(442));
}

#[test]
fn a_client_connects_and_binds_a_stream_of_its_own() {
    let (mut world, client, _) = allocated();
    let (id, name) = connected(&mut world, &client, PEER);
    let mut data = Client::by_tcp(2);
    assert_eq!(connection_bind(&mut world, &mut data, &name), None);
    assert_eq!(world.sent[1..], [Sent::Joined(data.tuple, id)], "after the answer");
    world.handle(Input::Streamed { connection: id, to: Direction::ToPeer, bytes: 700 });
    let rows = world.server.stats().rows().map(|row| (row.name, row.value)).collect::<Vec<_>>();
    assert!(rows.contains(&("payload_bytes_relayed", 700)));
    // It lasts as long as its allocation.
    for _ in 0..3 {
        world.pass(500);
        assert_eq!(
            world
                .request(
                    &mut Client { nonce: client.nonce.clone(), ..Client::by_tcp(1) },
                    METHOD_REFRESH,
                    &[]
                )
                .code,
            None
        );
    }
    assert!(world.server.may_stream(id));
    world.sent.clear();
    world.handle(Input::Closed { from: client.tuple });
    assert_eq!(world.sent, [Sent::Disconnected(id)]);
    assert!(!world.server.may_stream(id));
}

#[test]
fn a_name_is_good_once_and_for_its_user() {
    let (mut world, client, _) = allocated();
    let (connection, name) = connected(&mut world, &client, PEER);
    let mut eve = Client::by_tcp(2);
    eve.username = "eve".into();
    eve.password = "drop".into();
    assert_eq!(connection_bind(&mut world, &mut eve, &name), Some(441));
    let mut by_udp = Client::new(3);
    assert_eq!(connection_bind(&mut world, &mut by_udp, &name), Some(400));
    let mut control = Client { nonce: client.nonce.clone(), ..Client::by_tcp(1) };
    assert_eq!(connection_bind(&mut world, &mut control, &name), Some(400));
    let mut wrong = name.clone();
    wrong[3] ^= 1;
    assert_eq!(connection_bind(&mut world, &mut Client::by_tcp(4), &wrong), Some(400));
    assert_eq!(connection_bind(&mut world, &mut Client::by_tcp(5), &name[..3]), Some(400));
    assert_eq!(connection_bind(&mut world, &mut Client::by_tcp(6), &name), None);
    assert_eq!(connection_bind(&mut world, &mut Client::by_tcp(7), &name), Some(400));
    world.handle(Input::Connected { connection });
    assert_eq!(connection_bind(&mut world, &mut Client::by_tcp(8), &name), Some(400));
}

#[test]
fn the_nonce_of_the_control_connection_is_good_for_its_data_connections() {
    let (mut world, client, _) = allocated();
    let (_, name) = connected(&mut world, &client, PEER);
    let mut data = Client { nonce: client.nonce.clone(), ..Client::by_tcp(2) };
    let id = (kind::ATTR_CONNECTION_ID, name);
    ask_for(&mut world, &data, METHOD_REFRESH, id.clone());
    assert_eq!(answer(&mut world, &data).code, Some(438), "for nothing else");
    let other = (kind::ATTR_CONNECTION_ID, vec![0xFF; 4]);
    ask_for(&mut world, &data, METHOD_CONNECTION_BIND, other);
    assert_eq!(answer(&mut world, &data).code, Some(438), "nor for another connection");
    assert_eq!(connection_bind(&mut world, &mut data, &id.1), None);
}

#[test]
fn a_connection_of_another_worker_is_bound_there() {
    let (mut world, client, _) = allocated();
    let (_, mut name) = connected(&mut world, &client, PEER);
    let mut data = Client::by_tcp(2);
    assert_eq!(connection_bind(&mut world, &mut data, &[0xFF; 4]), Some(400), "no such worker");
    // The upper ten bits are the worker: 3 of 4.
    name[0] = 0;
    name[1] = name[1] & 0x3F | 3 << 6;
    ask_for(&mut world, &data, METHOD_CONNECTION_BIND, (kind::ATTR_CONNECTION_ID, name));
    let [Sent::ClientHandedOver(3, client, request)] = world.sent.as_slice() else {
        panic!("{:?}", world.sent)
    };
    assert_eq!((*client, &request[..2]), (data.tuple, &[0, 0x0B][..]));
}

#[test]
fn a_connection_that_cannot_be_or_is_already_has_its_code() {
    let (mut world, mut client, _) = allocated();
    for (address, code) in [("10.0.0.1:80", 403), ("127.0.0.1:80", 403), ("5.6.7.8:22", 403)] {
        assert_eq!(world.request(&mut client, METHOD_CONNECT, &[peer(address)]).code, Some(code));
    }
    assert_eq!(world.request(&mut client, METHOD_CONNECT, &[]).code, Some(400));
    let v6 = peer_v6(&client, "[2606:4700::1]:80");
    assert_eq!(world.request(&mut client, METHOD_CONNECT, &[v6]).code, Some(443));
    let id = connect(&mut world, &client, PEER);
    assert_eq!(world.request(&mut client, METHOD_CONNECT, &[peer(PEER)]).code, Some(446));
    world.sent.clear();
    world.handle(Input::Disconnected { connection: id });
    assert_eq!(answer(&mut world, &client).code, Some(447));
    connected(&mut world, &client, PEER);
    assert_eq!(world.request(&mut client, METHOD_CONNECT, &[peer(PEER)]).code, Some(446));
    connected(&mut world, &client, "1.2.3.4:2");
    let third = world.request(&mut client, METHOD_CONNECT, &[peer("1.2.3.4:3")]);
    assert_eq!(third.code, Some(508));
    let mut nobody = Client::by_tcp(9);
    assert_eq!(world.request(&mut nobody, METHOD_CONNECT, &[peer(PEER)]).code, Some(437));
}

#[test]
fn the_sfus_port_of_udp_is_not_open_to_connections() {
    let mut config = config();
    config.policy.exceptions = vec!["5.6.7.8:7882".parse().unwrap()];
    let mut world = World::new(config);
    let mut client = Client::by_tcp(1);
    assert_eq!(world.request(&mut client, METHOD_ALLOCATE, &[tcp()]).code, None);
    let answer = world.request(&mut client, METHOD_CONNECT, &[peer("5.6.7.8:7882")]);
    assert_eq!(answer.code, Some(403));
}

#[test]
fn an_allocation_relays_one_protocol() {
    let (mut world, mut client, _) = allocated();
    assert_eq!(
        world.request(&mut client, METHOD_CHANNEL_BIND, &[channel(0x4000), peer(PEER)]).code,
        Some(400)
    );
    assert_eq!(world.request(&mut client, METHOD_CREATE_PERMISSION, &[peer(PEER)]).code, None);
    let contents = &send_indication(PEER, b"hello");
    world.handle(Input::Message { from: client.tuple, contents });
    assert_eq!(world.dropped(DropReason::TcpAllocation), 1);
    let mut datagrams = Client::by_tcp(2);
    world.allocate(&mut datagrams);
    assert_eq!(world.request(&mut datagrams, METHOD_CONNECT, &[peer(PEER)]).code, Some(437));
}

#[test]
fn a_peer_connects_with_a_permission_and_is_announced() {
    let (mut world, mut client, relayed) = allocated();
    assert_eq!(accept(&mut world, relayed, PEER, 7), [Sent::Refused(7)]);
    assert_eq!(world.dropped(DropReason::NoPermission), 1);
    assert_eq!(world.request(&mut client, METHOD_CREATE_PERMISSION, &[peer(PEER)]).code, None);
    let sent = accept(&mut world, relayed, PEER, 8);
    let [Sent::Accepted(8, id), Sent::ToClient(to, bytes)] = sent.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!((*to, &bytes[..2]), (client.tuple, &[0, 0x1C][..]), "a ConnectionAttempt");
    let name = bytes[24..28].to_vec();
    let mut data = Client::by_tcp(2);
    assert_eq!(connection_bind(&mut world, &mut data, &name), None);
    assert_eq!(world.sent[1..], [Sent::Joined(data.tuple, *id)]);
    // The end of the data connection is the end of the peer's.
    world.sent.clear();
    world.handle(Input::Closed { from: data.tuple });
    assert_eq!(world.sent, [Sent::Disconnected(*id)]);
    accept(&mut world, relayed, "1.2.3.4:1", 9);
    accept(&mut world, relayed, "1.2.3.4:2", 10);
    assert_eq!(accept(&mut world, relayed, "1.2.3.4:3", 11), [Sent::Refused(11)]);
    assert_eq!(world.dropped(DropReason::ConnectionsFull), 1);
}

#[test]
fn what_is_not_made_or_not_bound_in_time_ends() {
    let (mut world, client, _) = allocated();
    let unmade = connect(&mut world, &client, PEER);
    world.pass(29);
    let (unbound, _) = connected(&mut world, &client, "1.2.3.4:1");
    world.sent.clear();
    world.pass(1);
    let [Sent::ToClient(_, bytes), Sent::Disconnected(id)] = world.sent.as_slice() else {
        panic!("{:?}", world.sent)
    };
    assert_eq!((Answer::read(bytes).code, *id), (Some(447), unmade));
    world.sent.clear();
    world.pass(28);
    assert!(world.sent.is_empty());
    world.pass(1);
    assert_eq!(world.sent, [Sent::Disconnected(unbound)]);
}

#[test]
fn bytes_of_streams_have_the_same_limit_per_second() {
    let mut limited = config();
    limited.max_bandwidth = 1_000;
    let mut world = World::new(limited);
    let mut client = Client::by_tcp(1);
    world.request(&mut client, METHOD_ALLOCATE, &[tcp()]);
    let (id, _) = connected(&mut world, &client, PEER);
    assert!(world.server.may_stream(id));
    world.handle(Input::Streamed { connection: id, to: Direction::ToClient, bytes: 1_001 });
    assert!(!world.server.may_stream(id));
    world.pass(1);
    assert!(world.server.may_stream(id));
}
