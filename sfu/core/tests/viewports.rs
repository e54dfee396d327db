//! What a receiver gets by the size in which it shows a video.

#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use sfu_core::{Command, SessionKey, TrackKey};
use str0m::media::MediaKind::{Audio, Video};
use world::World;

const SECOND: Duration = Duration::from_secs(1);

fn show(world: &mut World, width: u32, height: u32) {
    let (session, track) = (SessionKey(2), TrackKey(12));
    world.command(Command::Viewport { session, track, width, height });
}

#[test]
fn a_hidden_video_is_paused_and_comes_back_with_a_keyframe_in_one_stream() {
    let mut world = World::new(1);
    world.join(1, &[Audio, Video], 0);
    world.join(2, &[], 1);
    assert!(world.publish(1, Video, 12));
    world.subscribe(2, 12);
    world.run(SECOND, &[1], &[]);
    let (mid, bind) = world.bound(2, 12).unwrap();
    let before = world.take_received(2, mid);

    show(&mut world, 0, 0);
    world.run(SECOND / 20, &[1], &[]);
    let late = world.take_received(2, mid);
    let asked = world.count("keyframe_requests", None);
    world.ask_for_keyframe(2, mid);
    world.run(2 * SECOND, &[1], &[]);
    assert!(world.take_received(2, mid).is_empty());
    assert!(world.count("packets_dropped", Some("paused")) > 150);
    assert_eq!(world.count("keyframe_requests", None), asked, "nobody would see it");

    show(&mut world, 320, 180);
    world.run(SECOND, &[1], &[]);
    let after = world.take_received(2, mid);
    assert!(after.len() > 50, "{}", after.len());
    assert_eq!(after[0].payload[6] & 1, 0, "it begins with a keyframe");
    let last = late.last().unwrap_or(before.last().unwrap());
    assert_eq!(*after[0].seq_no, *last.seq_no + 1, "one stream");
    assert_eq!(world.bound(2, 12), Some((mid, bind)), "the slot is the same");
}

#[test]
fn a_size_is_kept_for_a_track_that_waits_for_a_slot() {
    let mut world = World::new(1);
    world.join(1, &[Audio, Video], 0);
    world.join(2, &[Audio], 0);
    assert!(world.publish(1, Video, 12));
    world.subscribe(2, 12);
    show(&mut world, 0, 0);
    world.offer(2, &[], 1);
    world.run(SECOND, &[1], &[]);
    let (mid, _) = world.bound(2, 12).unwrap();
    assert!(world.take_received(2, mid).is_empty());
    show(&mut world, 1, 1);
    world.run(SECOND, &[1], &[]);
    assert!(world.take_received(2, mid).len() > 50);
}

#[test]
fn of_several_encodings_the_smallest_that_fills_the_viewport_flows() {
    let mut world = World::new(1);
    world.join_with_layers(1, &[("q", 320, 180), ("h", 640, 360), ("f", 1_280, 720)]);
    world.join(2, &[], 1);
    assert!(world.publish(1, Video, 12));
    world.subscribe(2, 12);
    let mut layer_of = |size: Option<(u32, u32)>| {
        if let Some((width, height)) = size {
            show(&mut world, width, height);
        }
        world.run_layers(1, 2 * SECOND);
        let (mid, _) = world.bound(2, 12).unwrap();
        let got = world.take_received(2, mid);
        for pair in got.windows(2) {
            assert_eq!(*pair[1].seq_no, *pair[0].seq_no + 1, "one stream");
        }
        world::layer_of(got.last().unwrap())
    };
    assert_eq!(layer_of(None), 2, "the best until told");
    assert_eq!(layer_of(Some((300, 168))), 0);
    assert_eq!(layer_of(Some((320, 180))), 0);
    assert_eq!(layer_of(Some((321, 180))), 1);
    assert_eq!(layer_of(Some((4_000, 3_000))), 2);
    assert_eq!(layer_of(Some((640, 360))), 1);
}
