//! What a subscriber gets: whole, in order, one continuous stream per slot.

mod world;

use std::cell::Cell;
use std::time::Duration;

use sfu_core::{Command, Event, SessionKey, TrackKey};
use str0m::media::MediaKind::{Audio, Video};
use world::{World, picture_id, stamp_of};

const SECOND: Duration = Duration::from_secs(1);

fn a_call() -> World {
    let mut world = World::new(1);
    world.join(1, &[Audio, Video], 2);
    world.join(2, &[Audio, Video], 2);
    assert!(world.publish(1, Audio, 11) && world.publish(1, Video, 12));
    world.subscribe(2, 11);
    world.subscribe(2, 12);
    world
}

#[test]
fn every_packet_arrives_once_and_unchanged() {
    let mut world = a_call();
    world.run(3 * SECOND, &[1], &[1]);
    world.run(SECOND / 10, &[], &[]);
    for (track, kind, offset) in [(11, Audio, 0), (12, Video, 7)] {
        let (mid, bind) = world.bound(2, track).unwrap();
        assert_eq!(bind, 1);
        let got = world.take_received(2, mid);
        let sent = world.clients[&1].sent[&world.sending_mid(1, kind)];
        let first = stamp_of(&got[0], offset).1;
        assert!(first <= 3, "sound starts at once, video with its first keyframe");
        for (index, packet) in got.iter().enumerate() {
            assert_eq!(stamp_of(packet, offset), (1, first + index as u64));
            assert_eq!(*packet.seq_no, *got[0].seq_no + index as u64);
        }
        assert_eq!(first + got.len() as u64 - 1, sent);
    }
    let forwarded = world.count("packets_forwarded", Some("video"));
    assert_eq!(forwarded, world.count("packets_received", Some("video")));
    assert_eq!(world.count("packets_dropped", Some("malformed")), 0);
}

#[test]
fn an_engine_is_woken_for_packets_and_hardly_for_timers() {
    let mut world = a_call();
    world.run(2 * SECOND, &[1], &[1]);
    let before = world.wake_ups;
    world.run(10 * SECOND, &[1], &[1]);
    let wake_ups = world.wake_ups - before;
    // A publisher's reports of losses and arrival times, thirty and twenty a second, go with its packets.
    assert!(wake_ups < 100, "{wake_ups} in ten seconds");
}

#[test]
fn a_round_trip_is_as_long_however_late_reports_are_read() {
    for wait in [0, 20] {
        let mut world = a_call();
        world.reports_wait = Duration::from_millis(wait);
        world.run(5 * SECOND, &[1], &[1]);
        world.command(Command::Measure);
        let measured = world.events.iter().find_map(|event| match event {
            Event::Measured { sessions } => sessions.iter().find(|(key, _)| key.0 == 2),
            _ => None,
        });
        let round_trip = measured.unwrap().1.round_trip.expect("a report").as_millis();
        // Five each way, and what a client takes to notice.
        assert!((10..=12).contains(&round_trip), "{round_trip} ms, {wait} of them unread");
    }
}

#[test]
fn what_comes_together_leaves_together() {
    let mut world = a_call();
    world.run(2 * SECOND, &[1], &[1]);
    world.run(SECOND / 10, &[], &[]);
    let viewer = world.clients[&2].address;
    let mids = [11, 12].map(|track| world.bound(2, track).unwrap().0);
    for mid in mids {
        world.take_received(2, mid);
    }
    // The sound came first, and is smaller.
    world.trains.clear();
    world.send_sound(1);
    world.send_frame(1, false, 3);
    world.run(SECOND / 10, &[], &[]);
    let media = |(to, sizes): &&(_, Vec<usize>)| *to == viewer && sizes.len() > 1;
    let [(_, sizes)] = world.trains.iter().filter(media).collect::<Vec<_>>()[..] else {
        panic!("not in one train: {:?}", world.trains);
    };
    assert_eq!(sizes.len(), 4);
    assert!(sizes[0] == sizes[1] && sizes[1] == sizes[2] && sizes[3] < sizes[2], "{sizes:?}");
    let [sound, video] = mids.map(|mid| world.take_received(2, mid));
    assert_eq!((sound.len(), video.len()), (1, 3));
    assert_eq!(stamp_of(&sound[0], 0).1, world.clients[&1].sent[&world.sending_mid(1, Audio)]);
    assert_eq!(stamp_of(&video[2], 7).1, world.clients[&1].sent[&world.sending_mid(1, Video)]);
    assert_eq!(video.iter().map(|p| p.payload.len()).collect::<Vec<_>>(), [1_000, 1_001, 1_000]);
}

#[test]
fn lost_packets_are_sent_again_on_both_legs() {
    let mut world = a_call();
    world.loss = 5;
    world.run(10 * SECOND, &[1], &[]);
    world.loss = 0;
    world.run(SECOND, &[], &[]);
    let (mid, _) = world.bound(2, 12).unwrap();
    let mut got: Vec<u64> = world.take_received(2, mid).iter().map(|p| stamp_of(p, 7).1).collect();
    got.sort_unstable();
    let before = got.len();
    got.dedup();
    assert_eq!(got.len(), before, "nothing comes twice");
    let expected = got.last().unwrap() - got[0] + 1;
    assert!(
        got.len() as u64 * 1_000 >= expected * 998,
        "{} of {expected} packets came through 5 % loss",
        got.len()
    );
}

#[test]
fn a_slot_stays_one_stream_when_its_source_changes() {
    let mut world = World::new(1);
    for number in [1, 2] {
        world.join(number, &[Audio, Video], 0);
        assert!(world.publish(number, Video, 10 * number + 2));
    }
    world.join(3, &[], 1);
    world.subscribe(3, 12);
    world.subscribe(3, 22);
    assert!(
        world.events.contains(&Event::SlotsNeeded { session: SessionKey(3), audio: 0, video: 1 }),
        "one pair is too few for two cameras"
    );
    world.run(2 * SECOND, &[1, 2], &[]);
    let (mid, first_bind) = world.bound(3, 12).unwrap();
    assert_eq!(world.bound(3, 22), None);

    world.command(Command::Unpublish { track: TrackKey(12) });
    assert_eq!(world.bound(3, 22), Some((mid, first_bind + 1)));
    world.run(2 * SECOND, &[2], &[]);

    let got = world.take_received(3, mid);
    let switch = got.iter().position(|p| stamp_of(p, 7).0 == 2).unwrap();
    assert!(switch > 100 && got.len() - switch > 100);
    assert!(got[switch..].iter().all(|p| stamp_of(p, 7).0 == 2), "no way back");
    assert_eq!(got[switch].payload[6] & 1, 0, "the new source begins with a keyframe");
    for pair in got.windows(2) {
        assert_eq!(*pair[1].seq_no, *pair[0].seq_no + 1);
        let step = pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp);
        assert!(step < 90_000, "timestamps go on by the time that passes, not by {step} ticks");
        let pictures = picture_id(&pair[1]).wrapping_sub(picture_id(&pair[0])) & 0x7fff;
        assert!(pictures <= 2, "picture ids go on, not by {pictures}");
    }
}

#[test]
fn a_muted_track_is_silent_and_comes_back_with_a_keyframe() {
    let mut world = a_call();
    world.run(SECOND, &[1], &[]);
    world.command(Command::Mute { track: TrackKey(12), muted: true });
    world.run(SECOND / 10, &[1], &[]);
    let (mid, _) = world.bound(2, 12).unwrap();
    let before = world.take_received(2, mid);
    world.run(SECOND, &[1], &[]);
    assert!(world.take_received(2, mid).is_empty());
    assert!(world.count("packets_dropped", Some("muted")) > 80);

    world.command(Command::Mute { track: TrackKey(12), muted: false });
    world.run(SECOND, &[1], &[]);
    let after = world.take_received(2, mid);
    assert_eq!(after[0].payload[6] & 1, 0);
    assert_eq!(*after[0].seq_no, *before.last().unwrap().seq_no + 1);
}

#[test]
fn many_keyframe_requests_reach_the_publisher_as_few() {
    let mut world = World::new(1);
    world.join(1, &[Audio, Video], 0);
    assert!(world.publish(1, Video, 12));
    for number in 2..8 {
        world.join(number, &[], 1);
        world.subscribe(number, 12);
    }
    world.run(SECOND, &[1], &[]);
    let before = world.count("keyframe_requests", None);
    for _ in 0..20 {
        for number in 2..8 {
            let (mid, _) = world.bound(number, 12).unwrap();
            world.ask_for_keyframe(number, mid);
        }
        world.run(SECOND / 10, &[], &[]);
    }
    let asked = world.count("keyframe_requests", None) - before;
    assert!((2..=5).contains(&asked), "{asked} requests in two seconds");
}

#[test]
fn what_is_not_published_goes_nowhere() {
    let mut world = World::new(1);
    world.join(1, &[Audio, Video], 0);
    world.join(2, &[], 1);
    world.run(SECOND, &[1], &[1]);
    assert_eq!(world.count("packets_forwarded", Some("video")), 0);
    assert!(world.count("packets_dropped", Some("unpublished")) > 100);
}

#[test]
fn who_leaves_is_gone_with_its_tracks() {
    let mut world = a_call();
    world.run(SECOND, &[1], &[1]);
    world.command(Command::Close { session: SessionKey(1) });
    for gauge in ["tracks", "subscriptions"] {
        assert_eq!(world.count(gauge, None), 0);
    }
    assert_eq!(world.count("sessions", None), 1);
    // The slots are free again: they serve the next one.
    world.join(3, &[Audio, Video], 0);
    assert!(world.publish(3, Video, 32));
    world.subscribe(2, 32);
    world.run(SECOND, &[3], &[]);
    let (mid, bind) = world.bound(2, 32).unwrap();
    assert_eq!((Some(mid), bind), (world.bound(2, 12).map(|(mid, _)| mid), 2));
    let got = world.take_received(2, mid);
    assert!(got.iter().any(|p| stamp_of(p, 7).0 == 3));
}

#[test]
fn media_that_comes_as_expected_takes_the_fast_path() {
    let mut world = a_call();
    world.run(SECOND, &[1], &[1]);
    let count = |world: &World| {
        let received = ["audio", "video"].map(|kind| world.count("packets_received", Some(kind)));
        (world.count("packets_ahead", None), received.iter().sum::<u64>())
    };
    let (ahead, received) = count(&world);
    assert!(ahead + 10 > received, "{ahead} of {received}");
    let publisher = world.clients[&1].address;
    world.trains.clear();
    world.run(5 * SECOND, &[1], &[1]);
    let (after, received_after) = count(&world);
    assert_eq!(after - ahead, received_after - received, "all of them once it has begun");
    // str0m was told of them nevertheless: its reports of arrival times keep coming.
    let reports = world.trains.iter().filter(|(to, _)| *to == publisher).count();
    assert!((60..150).contains(&reports), "{reports} datagrams in five seconds");
}

#[test]
fn a_packet_that_is_missing_is_asked_for_at_once() {
    let mut world = a_call();
    world.run(2 * SECOND, &[1], &[1]);
    let (mid, _) = world.bound(2, 12).unwrap();
    let last = world.take_received(2, mid).iter().map(|p| stamp_of(p, 7).1).max().unwrap();
    let is_lost = Cell::new(false);
    world.filter = Some(Box::new(move |_, datagram| datagram.len() < 900 || is_lost.replace(true)));
    // Until the next picture, until str0m asks, and there and back.
    world.run(Duration::from_millis(33 + 33 + 30), &[1], &[1]);
    let mut got: Vec<u64> = world.take_received(2, mid).iter().map(|p| stamp_of(p, 7).1).collect();
    got.sort_unstable();
    got.truncate(3);
    assert_eq!(got, [last + 1, last + 2, last + 3]);
    assert!(world.count("packets_ahead", None) > 100);
}

#[test]
fn what_comes_twice_is_forwarded_once() {
    let mut world = a_call();
    world.run(SECOND, &[1], &[1]);
    world.keeps_datagrams = true;
    world.run(SECOND, &[1], &[1]);
    world.keeps_datagrams = false;
    let forwarded =
        |world: &World| ["audio", "video"].map(|kind| world.count("packets_forwarded", Some(kind)));
    world.run(SECOND / 10, &[], &[]);
    let before = forwarded(&world);
    let publisher = world.clients[&1].address;
    for datagram in std::mem::take(&mut world.kept) {
        world.inject(0, publisher, &datagram);
    }
    world.run(SECOND / 10, &[], &[]);
    assert_eq!(forwarded(&world), before);
}
