//! What forwarding costs without a network: one publisher's video to so many viewers, from the
//! datagrams that come in to the datagrams that are ready to go out.
//!
//! `make bench` runs it. Figures of different machines, or of a busy one, do not compare.

#![allow(missing_docs, unused_crate_dependencies, clippy::unwrap_used, clippy::disallowed_methods)]

#[path = "../tests/world/mod.rs"]
mod world;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sfu_core::{Command, Datagram, Engine, Input, Output, Transport};
use str0m::media::MediaKind::Video;
use str0m::rtp::RtpWrite;
use world::World;

const FRAMES: u32 = 300;
const PACKETS_PER_FRAME: u64 = 5;
const FRAME_TIME: Duration = Duration::from_millis(33);

fn main() {
    println!("viewers   ns per packet   packets per second   system calls per packet");
    for viewers in [1, 20, 100, 200] {
        let run = Run::of(viewers);
        let nanos = run.time.as_nanos() as f64 / run.packets as f64;
        println!(
            "{viewers:7}   {nanos:13.0}   {:18.0}   {:23.2}",
            1e9 / nanos,
            run.transmits as f64 / run.packets as f64
        );
    }
}

#[derive(Default)]
struct Run {
    time: Duration,
    packets: usize,
    transmits: usize,
}

impl Run {
    fn of(viewers: u64) -> Run {
        let mut world = World::new(1);
        world.join(1, &[Video], 0);
        assert!(world.publish(1, Video, 12));
        for number in 2..2 + viewers {
            world.join(number, &[], 1);
            world.subscribe(number, 12);
        }
        let mut run = Run::default();
        let mut sent = 0;
        for frame in 0..FRAMES {
            world.now += FRAME_TIME;
            let datagrams = frame_of(&mut world, frame, &mut sent);
            let before = run.packets;
            let source = world.clients[&1].address;
            run.forward(&mut world.engines[0], world.now, source, &datagrams);
            // The first frames are answered with nothing but requests for a keyframe.
            assert!(frame == 0 || run.packets > before, "nothing is forwarded");
        }
        for number in 1..2 + viewers {
            let session = world.clients[&number].key;
            world.command(Command::Close { session });
        }
        run
    }

    fn forward(
        &mut self,
        engine: &mut Engine,
        now: Instant,
        source: SocketAddr,
        datagrams: &[(SocketAddr, Vec<u8>)],
    ) {
        let begun = Instant::now();
        for (destination, contents) in datagrams {
            let (transport, destination) = (Transport::Udp, *destination);
            let datagram = Datagram { transport, source, destination, arrived: now, contents };
            engine.handle(now, Input::Datagram(datagram));
        }
        while let Some(output) = engine.poll() {
            if let Output::Transmit(transmit) = output {
                self.transmits += 1;
                self.packets += transmit.datagrams().len();
                engine.reuse(transmit.contents);
            }
        }
        self.time += begun.elapsed();
    }
}

/// What the publisher sends for one frame: a keyframe, so that every viewer begins at once.
fn frame_of(world: &mut World, frame: u32, sent: &mut u64) -> Vec<(SocketAddr, Vec<u8>)> {
    let mid = world.sending_mid(1, Video);
    let now = world.now;
    let rtc = &mut world.clients.get_mut(&1).unwrap().rtc;
    let pt = rtc.media(mid).unwrap().remote_pts()[0];
    for index in 0..PACKETS_PER_FRAME {
        *sent += 1;
        let [high, low] = (frame as u16 & 0x7fff).to_be_bytes();
        let start = if index == 0 { 0x10 } else { 0 };
        let mut payload = vec![0x80 | start, 0xe0, 0x80 | high, low, low, 0, 0];
        payload.resize(1_150 - index as usize % 2, 9);
        let write = RtpWrite::new(pt, (*sent).into(), frame * 2_970, now, payload);
        let write = write.marker(index + 1 == PACKETS_PER_FRAME);
        rtc.direct_api().stream_tx_by_mid(mid, None).unwrap().write_rtp(write);
    }
    rtc.handle_input(str0m::Input::Timeout(now)).unwrap();
    let mut datagrams = Vec::new();
    loop {
        match rtc.poll_output().unwrap() {
            str0m::Output::Timeout(_) => return datagrams,
            str0m::Output::Transmit(t) => datagrams.push((t.destination, t.contents.to_vec())),
            str0m::Output::Event(_) => {}
        }
    }
}
