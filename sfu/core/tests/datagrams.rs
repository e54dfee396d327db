//! Any bytes from anywhere: nothing panics, and nobody else notices.

#![allow(clippy::unwrap_used)]

mod world;

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use str0m::media::MediaKind::{Audio, Video};
use world::World;

const SECOND: Duration = Duration::from_secs(1);

/// What happens to a datagram of a real call on its way.
#[derive(Debug, Clone)]
enum Change {
    Nothing,
    Flip(usize, u8),
    Cut(usize),
    Grow(Vec<u8>),
    Splice(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        1 => Just(Change::Nothing),
        4 => (any::<usize>(), 1u8..).prop_map(|(at, bits)| Change::Flip(at, bits)),
        2 => any::<usize>().prop_map(Change::Cut),
        1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Change::Grow),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(other, at)| Change::Splice(other, at)),
    ]
}

fn changed(all: &[Vec<u8>], which: usize, changes: &[Change]) -> Vec<u8> {
    let mut datagram = all[which % all.len()].clone();
    for change in changes {
        match change {
            Change::Nothing => {}
            Change::Flip(at, bits) => {
                let length = datagram.len().max(1);
                if let Some(byte) = datagram.get_mut(at % length) {
                    *byte ^= bits;
                }
            }
            Change::Cut(at) => datagram.truncate(at % (datagram.len() + 1)),
            Change::Grow(tail) => datagram.extend(tail),
            Change::Splice(other, at) => {
                let other = &all[other % all.len()];
                datagram.truncate(at % (datagram.len() + 1));
                datagram.extend(&other[at % (other.len() + 1)..]);
            }
        }
    }
    datagram
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Client 1 and strangers send spoilt copies of everything that clients have sent, and any
    /// bytes, in the middle of a handshake too. Clients 2 and 3 go on as if nothing were.
    #[test]
    fn any_datagram_from_anywhere_is_borne(
        during in 0u64..400,
        spoilt in prop::collection::vec(
            (any::<usize>(), prop::collection::vec(change(), 1..4), 0u8..4),
            1..150,
        ),
        any_bytes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..60),
    ) {
        let mut world = World::new(1);
        world.keeps_datagrams = true;
        world.impersonated = Some(1);
        world.join(2, &[Audio, Video], 0);
        world.join(3, &[], 1);
        prop_assert!(world.publish(2, Video, 22));
        world.subscribe(3, 22);
        world.begin(1, &[Audio, Video], 1);
        world.run(Duration::from_millis(during), &[2], &[]);

        let client = world.clients[&1].address;
        let source = |kind: u8| match kind {
            0 => SocketAddr::from(([192, 0, 2, 1], 1_000)),
            1 => SocketAddr::new(client.ip(), client.port() + 1),
            _ => client,
        };
        let all = world.kept.clone();
        for (which, changes, kind) in &spoilt {
            world.inject(0, source(*kind), &changed(&all, *which, changes));
        }
        for bytes in &any_bytes {
            world.inject(0, client, bytes);
        }
        world.run(SECOND, &[2], &[]);
        let (mid, _) = world.bound(3, 22).unwrap();
        world.take_received(3, mid);
        world.run(SECOND, &[2], &[]);
        let got = world.take_received(3, mid).len();
        prop_assert!(got > 80, "{got} packets");
    }
}
