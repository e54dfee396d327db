//! What leaves the server, as another implementation takes it: streams that go on for hours, that
//! outlive offers, and that are reported on.

mod world;

use std::time::Duration;

use str0m::media::MediaKind::{Audio, Video};
use world::{World, stamp_of};

const SECOND: Duration = Duration::from_secs(1);

fn a_viewer() -> World {
    let mut world = World::new(1);
    world.join(1, &[Audio, Video], 0);
    world.join(2, &[], 2);
    assert!(world.publish(1, Audio, 11) && world.publish(1, Video, 12));
    world.subscribe(2, 11);
    world.subscribe(2, 12);
    world
}

#[test]
fn a_stream_goes_on_beyond_sixteen_bits() {
    let mut world = a_viewer();
    world.run(SECOND, &[1], &[]);
    let (mid, _) = world.bound(2, 12).unwrap();
    let mut last = None;
    let mut count = 0;
    for _ in 0..300 {
        world.send_frame(1, false, 240);
        world.run(Duration::from_millis(12), &[], &[]);
        for packet in world.take_received(2, mid) {
            let stamp = stamp_of(&packet, 7).1;
            if let Some((sequence, before)) = last {
                assert_eq!((*packet.seq_no, stamp), (sequence + 1, before + 1));
            }
            last = Some((*packet.seq_no, stamp));
            count += 1;
        }
    }
    let (sequence, _) = last.unwrap();
    assert!(sequence > 65_536 + 1_000, "{sequence} numbers were used");
    assert!(count > 65_536);
}

#[test]
fn offers_leave_the_streams_as_they_are() {
    let mut world = a_viewer();
    world.run(SECOND, &[1], &[1]);
    let streams = |world: &World| -> Vec<String> {
        let answer = &world.clients[&2].answer;
        let names = answer.lines().filter(|l| l.starts_with("a=ssrc:") && l.contains("cname"));
        names.map(str::to_owned).collect()
    };
    let before = streams(&world);
    // Two pairs: sound, video and its resends.
    assert_eq!(before.len(), 6, "{before:?}");
    world.offer(2, &[], 1);
    let after = streams(&world);
    assert_eq!(after[..6], before[..], "used and unused lines keep their streams");
    assert_eq!(after.len(), 9);

    let (mid, _) = world.bound(2, 12).unwrap();
    let old = world.take_received(2, mid);
    world.run(SECOND, &[1], &[1]);
    let new = world.take_received(2, mid);
    assert_eq!(*new[0].seq_no, *old.last().unwrap().seq_no + 1);
}

#[test]
fn reports_give_both_streams_of_a_pair_one_clock() {
    let mut world = a_viewer();
    world.run(5 * SECOND, &[1], &[1]);
    let mut capture_of = |track, rate: f64| {
        let (mid, _) = world.bound(2, track).unwrap();
        let packets = world.take_received(2, mid);
        assert!(packets.len() > 100);
        let last = packets.into_iter().next_back().unwrap();
        let report = last.last_sender_info.expect("a report has come");
        let ticks = last.header.timestamp.wrapping_sub(report.rtp_time.numer() as u32) as i32;
        let at = report.ntp_time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        (at + f64::from(ticks) / rate, last.timestamp)
    };
    let (sound, sound_came) = capture_of(11, 48_000.0);
    let (video, video_came) = capture_of(12, 90_000.0);
    let came = sound_came.duration_since(video_came).as_secs_f64()
        - video_came.duration_since(sound_came).as_secs_f64();
    assert!(
        (sound - video - came).abs() < 0.05,
        "captured {} s apart, {came} s apart on arrival",
        sound - video
    );
}

#[test]
fn lines_without_a_track_send_nothing() {
    let mut world = World::new(1);
    world.join(1, &[Video], 0);
    world.join(2, &[], 8);
    world.run(SECOND, &[], &[]);
    let address = world.clients[&2].address;
    let before = world.media_sent_to(address);
    world.run(5 * SECOND, &[], &[]);
    let after = world.media_sent_to(address);
    assert_eq!(after, before, "no packets, and no reports on streams that have not begun");
}
