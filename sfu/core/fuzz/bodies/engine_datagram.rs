//! An engine takes any datagrams from anywhere, and those it knows are none the worse for it.
//!
//! The input is the state of things (a byte), then datagrams: where from (a byte), the length (two
//! bytes, big endian), the contents. Milliseconds pass between them.

use std::net::SocketAddr;
use std::time::Duration;

use str0m::media::MediaKind;

use crate::world::World;

/// Datagrams of one input.
const MOST_DATAGRAMS: usize = 64;

pub(crate) fn run(data: &[u8]) {
    let Some((state, mut rest)) = data.split_first() else { return };
    let mut world = World::new(1);
    if state & 1 == 1 {
        // Whom the engine listens to: what comes from there gets to DTLS, SRTP and beyond.
        world.join(1, &[MediaKind::Audio], 1);
        world.publish(1, MediaKind::Audio, 1);
        world.join(2, &[], 1);
        world.subscribe(2, 1);
    }
    for _ in 0..MOST_DATAGRAMS {
        let [from, high, low, after @ ..] = rest else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (contents, after) = after.split_at(length);
        rest = after;
        world.inject(0, address(*from), contents);
        world.step();
    }
    if state & 1 == 1 {
        still_flows(&mut world);
    }
}

/// The two addresses of the known clients, and others.
fn address(from: u8) -> SocketAddr {
    match from % 4 {
        0 => SocketAddr::from(([10, 0, 1, 1], 40_000)),
        1 => SocketAddr::from(([10, 0, 1, 2], 40_000)),
        _ => SocketAddr::from(([10, 0, 9, from], 9)),
    }
}

/// What nobody signed ends no session and stops no track.
fn still_flows(world: &mut World) {
    let before = world.clients[&2].received.len();
    for _ in 0..10 {
        world.run(Duration::from_millis(20), &[], &[1]);
        if world.clients[&2].received.len() > before {
            return;
        }
    }
    panic!("datagrams of nobody stop a track");
}
