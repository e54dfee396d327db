//! A server takes any datagrams from clients and peers; nothing gets to a peer that was not let in.
//!
//! The input is a list of datagrams: where from (a byte), the length (two bytes, big endian), the
//! contents.

use std::net::SocketAddr;

use stun::message::METHOD_CHANNEL_BIND;
use turn_core::Input;

use crate::world::{Client, Sent, World, channel, config, peer};

/// Datagrams of one input.
const MOST_DATAGRAMS: usize = 64;

/// The one peer with a permission.
const PEER: &str = "1.2.3.4:9000";

/// The longest answer to a stranger: a challenge, or that and a list of unknown attributes.
const LONGEST_ANSWER: usize = 400;

pub(crate) fn run(data: &[u8]) {
    let mut world = World::new(config());
    let mut known = Client::new(1);
    let relayed = world.allocate(&mut known);
    let bound = world.request(&mut known, METHOD_CHANNEL_BIND, &[channel(0x4000), peer(PEER)]).code;
    assert_eq!(bound, None);
    let permitted: SocketAddr = PEER.parse().unwrap();
    let mut rest = data;
    for _ in 0..MOST_DATAGRAMS {
        let [from, high, low, after @ ..] = rest else { break };
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (contents, after) = after.split_at(length);
        rest = after;
        world.sent.clear();
        match from % 4 {
            0 => world.handle(Input::Message { from: known.tuple, contents }),
            1 => world.handle(Input::Message { from: Client::new(2).tuple, contents }),
            2 => world.handle(Input::Message { from: Client::by_tcp(3).tuple, contents }),
            _ => {
                let from = SocketAddr::new(permitted.ip(), u16::from(*from) + 1);
                let to = world.relays[&relayed];
                world.handle(Input::Peer { to, from, contents });
            }
        }
        for sent in &world.sent {
            match sent {
                Sent::ToPeer(_, to, _) => assert_eq!(to.ip(), permitted.ip()),
                Sent::ToClient(to, bytes) if *to != known.tuple => {
                    assert!(bytes.len() <= LONGEST_ANSWER, "{} bytes", bytes.len());
                }
                Sent::ToClient(..) => {}
                // Nobody has signed anything else.
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(world.relays.len(), 1, "what nobody signed ends no allocation");
}
