//! Binding, and how clients find out about the NAT in between (RFC 5780).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use stun::attributes::{self as kind, AttrType};
use stun::message::METHOD_BINDING;
use turn_core::{Discovery, Input};
use world::*;

fn discovering() -> World {
    let mut config = config();
    config.discovery = Some(Discovery {
        bound: ["5.6.7.8".parse().unwrap(), "5.6.7.9".parse().unwrap()],
        advertised: ["6.6.7.8".parse().unwrap(), "6.6.7.9".parse().unwrap()],
        ports: [3_478, 5_349],
    });
    World::new(config)
}

fn plain(address: &str) -> Vec<u8> {
    let address: std::net::SocketAddr = address.parse().unwrap();
    let std::net::IpAddr::V4(ip) = address.ip() else { panic!("IPv4 only") };
    [&[0, 1][..], &address.port().to_be_bytes(), &ip.octets()].concat()
}

#[test]
fn a_binding_request_tells_the_clients_address() {
    let mut world = World::new(config());
    let client = Client::new(7);
    let request = client.request(METHOD_BINDING, &[]);
    let answer = world.ask(&client, &request);
    assert_eq!(answer.mapped, Some(client.tuple.client));
    assert_eq!(answer.message.raw.len(), 32, "nothing that was not asked for");
}

#[test]
fn without_two_addresses_what_needs_them_is_unknown() {
    let mut world = World::new(config());
    let client = Client::new(7);
    let change = (kind::ATTR_CHANGE_REQUEST, vec![0, 0, 0, 6]);
    let answer = world.ask(&client, &client.request(METHOD_BINDING, &[change]));
    assert_eq!(answer.code, Some(420));
    assert_eq!(answer.message.get(kind::ATTR_UNKNOWN_ATTRIBUTES).unwrap(), [0, 3]);
}

#[test]
fn answers_come_from_where_they_are_asked_to() {
    for (bits, from, advertised) in [
        (0, "5.6.7.8:3478", "6.6.7.8:3478"),
        (2, "5.6.7.8:5349", "6.6.7.8:5349"),
        (4, "5.6.7.9:3478", "6.6.7.9:3478"),
        (6, "5.6.7.9:5349", "6.6.7.9:5349"),
    ] {
        let mut world = discovering();
        let client = Client::new(7);
        let change = (kind::ATTR_CHANGE_REQUEST, vec![0, 0, 0, bits]);
        let contents = &client.request(METHOD_BINDING, &[change]);
        world.handle(Input::Message { from: client.tuple, contents });
        let [Sent::ToClient(to, bytes)] = &world.sent[..] else { panic!("{:?}", world.sent) };
        assert_eq!((to.server, to.client), (from.parse().unwrap(), client.tuple.client));
        let answer = Answer::read(bytes);
        assert_eq!(answer.message.get(AttrType(0x802B)).unwrap(), plain(advertised));
        assert_eq!(answer.message.get(AttrType(0x802C)).unwrap(), plain("6.6.7.9:5349"));
    }
}

#[test]
fn another_port_of_the_client_and_padding_are_for_one_request_each() {
    let mut world = discovering();
    let client = Client::new(7);
    let port = (kind::ATTR_RESPONSE_PORT, vec![0, 99, 0, 0]);
    let padding = (kind::ATTR_PADDING, vec![0; 64]);
    let contents = &client.request(METHOD_BINDING, std::slice::from_ref(&port));
    world.handle(Input::Message { from: client.tuple, contents });
    let [Sent::ToClient(to, _)] = &world.sent[..] else { panic!("{:?}", world.sent) };
    assert_eq!(to.client.port(), 99);
    let answer =
        world.ask(&client, &client.request(METHOD_BINDING, std::slice::from_ref(&padding)));
    assert_eq!(answer.message.get(kind::ATTR_PADDING).unwrap().len(), 64);
    let answer = world.ask(&client, &client.request(METHOD_BINDING, &[port, padding]));
    assert_eq!(answer.code, Some(400));
}
