//! Whatever clients and peers send: nothing panics, nothing leaks, nothing private is reached.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use proptest::prelude::*;
use stun::attributes as kind;
use stun::message::{
    METHOD_ALLOCATE, METHOD_CHANNEL_BIND, METHOD_CREATE_PERMISSION, METHOD_REFRESH,
};
use turn_core::Input;
use world::*;

/// Peers of every sort: public, private, the server's own.
const PEERS: [&str; 6] =
    ["1.2.3.4:9", "1.2.3.4:10", "8.8.8.8:53", "10.0.0.1:9", "5.6.7.8:22", "127.0.0.1:9"];

#[derive(Debug, Clone)]
enum Step {
    Allocate(u16, u8),
    Refresh(u16, u32),
    Permit(u16, usize),
    Bind(u16, u16, usize),
    Send(u16, usize, Vec<u8>),
    Channel(u16, u16, Vec<u8>),
    Peer(usize, Vec<u8>),
    Close(u16),
    Noise(u16, Vec<u8>),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let client = 1_u16..4;
    let peer = 0..PEERS.len();
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        (client.clone(), 0_u8..3).prop_map(|(c, f)| Step::Allocate(c, f)),
        (client.clone(), prop_oneof![Just(0), Just(700)]).prop_map(|(c, l)| Step::Refresh(c, l)),
        (client.clone(), peer.clone()).prop_map(|(c, p)| Step::Permit(c, p)),
        (client.clone(), 0x3FFF_u16..0x4004, peer.clone())
            .prop_map(|(c, n, p)| Step::Bind(c, n, p)),
        (client.clone(), peer.clone(), bytes()).prop_map(|(c, p, b)| Step::Send(c, p, b)),
        (client.clone(), 0x3FFF_u16..0x4004, bytes()).prop_map(|(c, n, b)| Step::Channel(c, n, b)),
        (peer, bytes()).prop_map(|(p, b)| Step::Peer(p, b)),
        client.clone().prop_map(Step::Close),
        (client, bytes()).prop_map(|(c, b)| Step::Noise(c, b)),
        (0_u64..700).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_reaches_a_private_peer_or_leaves_anything_behind(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(config());
        let mut clients: Vec<Client> = (0..4).map(Client::new).collect();
        for step in steps {
            match step {
                Step::Allocate(c, family) => {
                    let mut attributes = vec![udp()];
                    if family > 0 {
                        attributes.push(
                            (kind::ATTR_REQUESTED_ADDRESS_FAMILY, vec![family, 0, 0, 0]));
                    }
                    world.request(&mut clients[usize::from(c)], METHOD_ALLOCATE, &attributes);
                }
                Step::Refresh(c, seconds) => {
                    let client = &mut clients[usize::from(c)];
                    world.request(client, METHOD_REFRESH, &[lifetime(seconds)]);
                }
                Step::Permit(c, p) => {
                    let client = &mut clients[usize::from(c)];
                    world.request(client, METHOD_CREATE_PERMISSION, &[peer(PEERS[p])]);
                }
                Step::Bind(c, number, p) => {
                    let attributes = [channel(number), peer(PEERS[p])];
                    world.request(&mut clients[usize::from(c)], METHOD_CHANNEL_BIND, &attributes);
                }
                Step::Send(c, p, bytes) => {
                    let contents = &send_indication(PEERS[p], &bytes);
                    let from = clients[usize::from(c)].tuple;
                    world.handle(Input::Message { from, contents });
                }
                Step::Channel(c, number, bytes) => {
                    let contents = &channel_data(number, &bytes);
                    let from = clients[usize::from(c)].tuple;
                    world.handle(Input::Message { from, contents });
                }
                Step::Peer(p, bytes) => {
                    let from = PEERS[p].parse().unwrap();
                    if let Some(&to) = world.relays.values().next() {
                        world.handle(Input::Peer { to, from, contents: &bytes });
                    }
                }
                Step::Close(c) => {
                    world.handle(Input::Closed { from: clients[usize::from(c)].tuple });
                }
                Step::Noise(c, bytes) => {
                    let from = clients[usize::from(c)].tuple;
                    world.handle(Input::Message { from, contents: &bytes });
                }
                Step::Pass(seconds) => world.pass(seconds),
            }
            for (to, _) in world.take_for_peers() {
                prop_assert!(PEERS[..3].contains(&to.to_string().as_str()), "{to}");
            }
            let allocations = world.server.stats().allocations();
            prop_assert_eq!(world.relays.len() as u64, allocations);
        }
        world.pass(4_000);
        prop_assert_eq!(world.server.stats().allocations(), 0);
        prop_assert!(world.relays.is_empty());
        prop_assert_eq!(world.server.deadline(), None);
    }
}
