//! Packets of a track that wait for the rest of their picture.
//!
//! A picture's packets usually come in the next datagrams. Forwarded together, each subscriber's
//! state is looked at once, and what one subscriber gets leaves in one call: that is half the cost.

use std::time::{Duration, Instant};

use crate::event::MediaKind;
use crate::packet::Packet;

/// For how long a packet waits for the others of its picture.
const WAIT: Duration = Duration::from_millis(1);

/// Packets that wait at most.
const CAPACITY: usize = 64;

/// What is to be done after a packet was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// The picture is whole, and [`Pictures::ready`].
    Forward,
    /// It is the first that waits: [`Pictures::end_wait`] at that time.
    WaitUntil(Instant),
    /// Others wait already.
    Wait,
}

/// What came on one track and is not forwarded yet.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    waiting: Vec<Packet>,
    until: Option<Instant>,
    ready: Vec<Packet>,
}

impl Pictures {
    /// Adds a packet. Sound never waits.
    pub(crate) fn add(&mut self, packet: Packet) -> Next {
        let is_whole = packet.content.marker || packet.kind == MediaKind::Audio;
        let (until, ssrc) = (packet.arrived + WAIT, packet.ssrc);
        self.waiting.push(packet);
        if is_whole || self.waiting.len() >= CAPACITY {
            // Other encodings may be in the middle of a picture.
            self.ready.extend(self.waiting.extract_if(.., |packet| packet.ssrc == ssrc));
            if self.waiting.is_empty() {
                self.until = None;
            }
            Next::Forward
        } else if self.until.is_none() {
            self.until = Some(until);
            Next::WaitUntil(until)
        } else {
            Next::Wait
        }
    }

    /// Until when the first of what is there waits.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// Nothing waits any more.
    pub(crate) fn end_wait(&mut self) {
        self.until = None;
        self.ready.append(&mut self.waiting);
    }

    /// What is to be forwarded now, in order.
    pub(crate) fn ready(&self) -> &[Packet] {
        &self.ready
    }

    /// What was ready has been forwarded.
    pub(crate) fn forwarded(&mut self) {
        self.ready.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use str0m::format::{Codec, CodecSpec, FormatParams};

    use super::*;
    use crate::packet::{Content, Extensions};
    use crate::session::Format;

    #[allow(clippy::disallowed_methods)]
    fn epoch() -> Instant {
        Instant::now()
    }

    fn packet(kind: MediaKind, ssrc: u32, sequence: u64, marker: bool, now: Instant) -> Packet {
        let spec = CodecSpec {
            codec: Codec::Vp8,
            clock_rate: str0m::media::Frequency::NINETY_KHZ,
            channels: None,
            format: FormatParams::default(),
        };
        let content = Content {
            marker,
            clock_rate: 90_000,
            captured: now,
            extensions: Extensions::default(),
            payload: Arc::from([]),
        };
        Packet {
            kind,
            ssrc,
            sequence,
            timestamp: 0,
            format: Arc::new(Format::new(spec)),
            starts_keyframe: false,
            picture_ids: None,
            size: None,
            arrived: now,
            content: Arc::new(content),
        }
    }

    fn video(ssrc: u32, sequence: u64, marker: bool, now: Instant) -> Packet {
        packet(MediaKind::Video, ssrc, sequence, marker, now)
    }

    fn ready(pictures: &mut Pictures) -> Vec<u64> {
        let numbers = pictures.ready().iter().map(|packet| packet.sequence).collect();
        pictures.forwarded();
        numbers
    }

    #[test]
    fn a_packet_waits_for_its_picture_but_not_for_long() {
        let (mut pictures, now) = (Pictures::default(), epoch());
        assert_eq!(pictures.add(video(1, 1, false, now)), Next::WaitUntil(now + WAIT));
        assert_eq!(pictures.add(video(1, 2, false, now + WAIT / 2)), Next::Wait);
        assert_eq!(pictures.until(), Some(now + WAIT));
        assert_eq!(pictures.add(video(1, 3, true, now + WAIT / 2)), Next::Forward);
        assert_eq!(ready(&mut pictures), [1, 2, 3]);
        assert_eq!(pictures.until(), None);

        assert_eq!(pictures.add(video(1, 4, false, now)), Next::WaitUntil(now + WAIT));
        assert_eq!(ready(&mut pictures), []);
        pictures.end_wait();
        assert_eq!(ready(&mut pictures), [4]);
        assert_eq!(pictures.until(), None);
    }

    #[test]
    fn the_end_of_one_layers_picture_is_not_that_of_the_other() {
        let (mut pictures, now) = (Pictures::default(), epoch());
        pictures.add(video(1, 1, false, now));
        pictures.add(video(2, 7, false, now));
        assert_eq!(pictures.add(video(2, 8, true, now)), Next::Forward);
        assert_eq!(ready(&mut pictures), [7, 8]);
        assert_eq!(pictures.until(), Some(now + WAIT), "the other one still waits");
    }

    #[test]
    fn sound_never_waits_and_a_flood_not_for_its_end() {
        let (mut pictures, now) = (Pictures::default(), epoch());
        assert_eq!(pictures.add(packet(MediaKind::Audio, 3, 1, false, now)), Next::Forward);
        assert_eq!(ready(&mut pictures), [1]);
        for number in 1..CAPACITY as u64 {
            assert_ne!(pictures.add(video(1, number, false, now)), Next::Forward);
        }
        assert_eq!(pictures.add(video(1, CAPACITY as u64, false, now)), Next::Forward);
        assert_eq!(ready(&mut pictures).len(), CAPACITY);
    }
}
