//! What a client cannot make the server keep, and names for what is refused.

#![allow(clippy::unwrap_used)]

mod world;

use std::net::SocketAddr;
use std::time::Duration;

use str0m::media::MediaKind::{Audio, Video};
use str0m::media::{Direction, MediaKind};
use world::World;

const SECOND: Duration = Duration::from_secs(1);

/// Clients 1 and 2 send a camera to each other, and 3 sends one to 4.
fn two_calls() -> World {
    let mut world = World::new(1);
    for number in 1..=4 {
        world.join(number, &[Audio, Video], 1);
        assert!(world.publish(number, Video, 10 * number + 2));
    }
    for (receiver, track) in [(1, 22), (2, 12), (4, 32)] {
        world.subscribe(receiver, track);
    }
    world.run(SECOND, &[1, 3], &[]);
    world
}

/// How many packets a client has got of a track since it was asked last.
fn received(world: &mut World, number: u64, track: u64) -> usize {
    let (mid, _) = world.bound(number, track).unwrap();
    world.take_received(number, mid).len()
}

#[test]
fn a_client_that_goes_on_replacing_its_m_lines_keeps_its_media() {
    let mut world = World::new(1);
    world.join(1, &[Audio, Video], 0);
    world.join(2, &[], 2);
    assert!(world.publish(1, Video, 12));
    world.subscribe(2, 12);
    for round in 0..12 {
        world.run(SECOND / 4, &[1], &[]);
        // Every receive line ends and makes room for another.
        let client = world.clients.get_mut(&2).unwrap();
        let old: Vec<_> = client.mids.drain(..).map(|(mid, ..)| mid).collect();
        world.replace_lines(2, &old, 2);
        let (mid, _) = world.bound(2, 12).unwrap();
        assert!(world.clients[&2].mids.iter().any(|(known, ..)| *known == mid), "round {round}");
    }
    world.clients.get_mut(&2).unwrap().received.clear();
    world.run(SECOND, &[1], &[]);
    assert!(received(&mut world, 2, 12) > 60);
}

#[test]
fn a_flood_of_streams_is_cut_off_by_name_and_touches_nobody() {
    let mut world = two_calls();
    for track in [12, 32] {
        received(&mut world, if track == 12 { 2 } else { 4 }, track);
    }
    let before = world.count("packets_dropped", Some("too_many_streams"));
    let client = world.clients[&1].address;
    for ssrc in 0..1_000u32 {
        // Not authentic, since nobody outside has the keys, and yet to be looked up.
        let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 1];
        packet.extend((90_000 + ssrc).to_be_bytes());
        packet.extend([0xbe, 0xde, 0, 1, 0x40, b'0', 0, 0]);
        packet.extend([7; 100]);
        world.inject(0, client, &packet);
    }
    let refused = world.count("packets_dropped", Some("too_many_streams")) - before;
    assert!((870..=1_000).contains(&refused), "{refused}");
    world.run(SECOND, &[1, 3], &[]);
    assert!(received(&mut world, 4, 32) > 80, "the others are well");
    assert!(received(&mut world, 2, 12) > 80, "and so is what the client sends");
}

#[test]
fn packets_that_go_no_further_have_a_name() {
    let mut world = two_calls();
    let client = world.clients[&1].address;
    let stranger = SocketAddr::from(([192, 0, 2, 7], 5_000));
    let sent = world.take_media_from(client);
    let packet = sent.iter().rev().find(|p| p[1] & 0x7f == 96 || p.len() > 900).unwrap().clone();
    let mut unknown = packet.clone();
    unknown[8..12].copy_from_slice(&[1, 2, 3, 4]);
    // Without the header extension that names the m-line.
    unknown[0] &= !0x10;
    let mut format = packet.clone();
    format[1] = 61;
    for (reason, source, datagram) in [
        ("discarded", client, packet.as_slice()),
        ("unknown_stream", client, unknown.as_slice()),
        ("malformed", client, &packet[..11]),
        ("unknown_source", stranger, packet.as_slice()),
        ("not_media", client, &[70, 1, 2][..]),
    ] {
        let before = world.count("packets_dropped", Some(reason));
        world.inject(0, source, datagram);
        let after = world.count("packets_dropped", Some(reason));
        assert_eq!(after, before + 1, "{reason}");
    }
    let silent = world.dropped();
    world.inject(0, client, &format);
    assert_eq!(world.dropped(), silent + 1, "a payload type that nobody knows");
}

#[test]
fn media_before_dtls_has_a_name() {
    let mut world = World::new(1);
    world.loses_dtls = true;
    world.begin(1, &[Audio], 0);
    world.run(SECOND, &[], &[]);
    let client = world.clients[&1].address;
    world.inject(0, client, &[0x80, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9]);
    assert_eq!(world.count("packets_dropped", Some("before_keys")), 1);
}

#[test]
fn an_offer_with_more_streams_than_a_line_can_have_is_refused() {
    let mut world = World::new(1);
    world.join(1, &[Audio], 1);
    let offer = |attribute: &str, count: usize| {
        let mut rtc = str0m::RtcConfig::new().build(world.now);
        let mut api = rtc.sdp_api();
        api.add_media(MediaKind::Video, Direction::SendOnly, None, None, None);
        let mut sdp = api.apply().unwrap().0.to_sdp_string();
        for index in 0..count {
            sdp += &format!("a={attribute}:{index} x\r\n");
        }
        sdp
    };
    let offers = [(offer("ssrc", 100), "SSRCs"), (offer("rid", 64), "64 RIDs")];
    for (sdp, words) in offers {
        let error = world.exchange(1, sdp).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn trickled_candidates_are_bounded() {
    let mut world = two_calls();
    for port in 1..5_000 {
        world.command(sfu_core::Command::Candidate {
            session: sfu_core::SessionKey(1),
            candidate: format!("candidate:{port} 1 udp 2130706431 192.0.2.1 {port} typ host"),
        });
    }
    let trap = |port| SocketAddr::from(([192, 0, 2, 1], port));
    world.run(3 * SECOND, &[1, 3], &[]);
    let probed = (1..5_000).filter(|&port| world.sent_at(trap(port)).is_some()).count();
    assert!((1..=100).contains(&probed), "{probed}");
    received(&mut world, 4, 32);
    world.run(SECOND, &[1, 3], &[]);
    assert!(received(&mut world, 4, 32) > 80);
}
