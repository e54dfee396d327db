//! What a light participant makes of what comes: which packets and frames are missing, how long they
//! were on the way, and whether they are as they were sent. Pure: time is given.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use str0m::rtp::RtpPacket;

use crate::measure::{FREEZE, Recorder};
use crate::media::Codec;
use crate::media::assembly::{Arrival, Assembly};
use crate::media::player::Clock;
use crate::media::stamp::Stamp;

/// Streams that one participant may get: more than an offer has lines.
const MOST_STREAMS: usize = 512;

/// What ends a join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    /// The first complete keyframe.
    Picture,
    /// The first packet of sound.
    Sound,
    /// Nobody sends anything.
    Nothing,
}

/// What came to one participant.
#[derive(Debug)]
pub struct Reception {
    recorder: Arc<Recorder>,
    clock: Clock,
    room: u16,
    awaits: Awaits,
    begun: Instant,
    streams: HashMap<u32, Stream>,
}

/// One SSRC: what a slot carries, one track after the other.
#[derive(Debug)]
struct Stream {
    /// The highest extended sequence number so far.
    highest: u64,
    payload_type: u8,
    /// `None` for a codec that bots do not send, and where only headers are looked at.
    assembly: Option<Assembly>,
    codec: Option<Codec>,
    last: Option<Last>,
}

/// The last whole frame of a stream.
#[derive(Debug, Clone, Copy)]
struct Last {
    stream: u32,
    counter: u32,
    at: Instant,
}

impl Reception {
    /// For a participant of a room that opened its signaling connection at `begun`.
    pub fn new(
        recorder: Arc<Recorder>,
        clock: Clock,
        room: u16,
        awaits: Awaits,
        begun: Instant,
    ) -> Reception {
        Reception { recorder, clock, room, awaits, begun, streams: HashMap::new() }
    }

    /// Takes a decrypted packet; `codec` is asked when the payload type is new.
    pub fn packet(
        &mut self,
        now: Instant,
        packet: &RtpPacket,
        codec: impl FnOnce() -> Option<Codec>,
    ) {
        let (sequence, payload_type) = (*packet.seq_no, *packet.header.payload_type);
        let Some(stream) = self.count(*packet.header.ssrc, sequence, packet.payload.len()) else {
            return;
        };
        if stream.codec.is_none() || stream.payload_type != payload_type {
            stream.payload_type = payload_type;
            stream.codec = codec();
            stream.assembly = stream.codec.map(Assembly::new);
        }
        let payload = Arc::clone(&packet.payload);
        let assembly = stream.assembly.as_mut();
        let arrival =
            assembly.and_then(|assembly| assembly.receive(sequence, packet.header.marker, payload));
        if let Some(arrival) = arrival {
            self.judge(now, *packet.header.ssrc, arrival);
        }
    }

    /// Takes the header of a packet: its stream, its number, and the size of the datagram.
    pub fn header(&mut self, ssrc: u32, sequence: u16, size: usize) {
        let highest = self.streams.get(&ssrc).map_or(sequence.into(), |stream| stream.highest);
        if self.count(ssrc, extend(highest, sequence), size).is_some()
            && self.recorder.is_measuring()
        {
            self.recorder.headers_only.one();
        }
    }

    /// Counts a packet, and those before it that did not come.
    fn count(&mut self, ssrc: u32, sequence: u64, size: usize) -> Option<&mut Stream> {
        if self.streams.len() >= MOST_STREAMS && !self.streams.contains_key(&ssrc) {
            return None;
        }
        let stream = self.streams.entry(ssrc).or_insert(Stream {
            highest: sequence.saturating_sub(1),
            payload_type: 0,
            assembly: None,
            codec: None,
            last: None,
        });
        let ahead = sequence.saturating_sub(stream.highest);
        stream.highest = stream.highest.max(sequence);
        if self.recorder.is_measuring() {
            self.recorder.packets.one();
            self.recorder.packets_expected.add(ahead);
            self.recorder.bytes.add(size as u64);
        }
        Some(stream)
    }

    fn judge(&mut self, now: Instant, ssrc: u32, arrival: Arrival) {
        let counts = self.recorder.is_measuring();
        match arrival {
            Arrival::Whole(stamp) if stamp.stream >> 16 != u32::from(self.room) => {
                self.recorder.strays.one();
            }
            Arrival::Whole(stamp) => self.whole(now, ssrc, stamp, counts),
            Arrival::Damaged => self.recorder.damaged.one(),
            Arrival::Unstamped if counts => self.recorder.unstamped.one(),
            Arrival::Unstamped => {}
        }
    }

    fn whole(&mut self, now: Instant, ssrc: u32, stamp: Stamp, counts: bool) {
        let Some(stream) = self.streams.get_mut(&ssrc) else { return };
        let is_sound = stream.codec == Some(Codec::Opus);
        let recorder = &self.recorder;
        let has_come = match self.awaits {
            Awaits::Picture => !is_sound && stamp.keyframe,
            Awaits::Sound => is_sound,
            Awaits::Nothing => false,
        };
        if has_come {
            self.awaits = Awaits::Nothing;
            recorder.join.record(now.saturating_duration_since(self.begun));
        }
        let before = stream.last.filter(|last| last.stream == stamp.stream);
        // The counter wraps after years; a frame that was overtaken is behind.
        let ahead = before.map_or(1, |last| stamp.counter.wrapping_sub(last.counter) as i32);
        if ahead > 0 {
            stream.last = Some(Last { stream: stamp.stream, counter: stamp.counter, at: now });
        }
        if !counts {
            return;
        }
        recorder.frames.one();
        recorder.frames_expected.add(u64::try_from(ahead).unwrap_or(0));
        let delay = Duration::from_nanos(self.clock.at(now).saturating_sub(stamp.sent));
        if is_sound { &recorder.audio_delay } else { &recorder.video_delay }.record(delay);
        recorder.recent_delay.record(delay);
        if let Some(last) = before.filter(|_| !is_sound && ahead > 0) {
            let gap = now.saturating_duration_since(last.at);
            recorder.picture_gap.record(gap);
            if gap > FREEZE {
                recorder.freezes.one();
                recorder.frozen.add(u64::try_from(gap.as_micros()).unwrap_or(u64::MAX));
            }
        }
    }
}

/// The extended number nearest to `highest` of which `sequence` is the lower half (RFC 3711 §3.3.1).
fn extend(highest: u64, sequence: u16) -> u64 {
    let ahead = sequence.wrapping_sub(highest as u16) as i16;
    highest.saturating_add_signed(ahead.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SSRC: u32 = 9;

    fn reception(awaits: Awaits) -> (Reception, Arc<Recorder>, Instant) {
        let recorder = Arc::new(Recorder::default());
        recorder.begin();
        let now = Instant::now();
        let clock = Clock::starting(now);
        (Reception::new(Arc::clone(&recorder), clock, 2, awaits, now), recorder, now)
    }

    /// A picture of the stream 2.1, or of whichever, sent at once.
    fn picture(stream: u32, counter: u32) -> Arrival {
        Arrival::Whole(Stamp { stream, counter, sent: 0, packets: 1, keyframe: counter == 0 })
    }

    #[test]
    fn what_is_missing_is_counted_whatever_the_order() {
        let (mut reception, recorder, _) = reception(Awaits::Nothing);
        for sequence in [65_534, 65_535, 2, 0, 3] {
            reception.header(SSRC, sequence, 100);
        }
        assert_eq!((recorder.packets.get(), recorder.packets_expected.get()), (5, 6));
        assert_eq!((recorder.headers_only.get(), recorder.bytes.get()), (5, 500));
    }

    #[test]
    fn a_join_ends_with_the_first_keyframe() {
        let (mut reception, recorder, now) = reception(Awaits::Picture);
        reception.header(SSRC, 1, 0);
        let after = |ms| now + Duration::from_millis(ms);
        reception.judge(after(10), SSRC, picture(0x2_0001, 7));
        assert_eq!(recorder.join.summary().count, 0);
        reception.judge(after(20), SSRC, picture(0x2_0001, 0));
        reception.judge(after(30), SSRC, picture(0x2_0001, 0));
        let join = recorder.join.summary();
        assert!(join.count == 1 && (join.max - 20.0).abs() < 0.1, "{join:?}");
    }

    #[test]
    fn lost_late_and_standing_pictures_are_told_apart() {
        let (mut reception, recorder, now) = reception(Awaits::Nothing);
        reception.header(SSRC, 1, 0);
        for (counter, at) in [(0, 1), (1, 34), (3, 100), (2, 110), (5, 310)] {
            reception.judge(now + Duration::from_millis(at), SSRC, picture(0x2_0001, counter));
        }
        assert_eq!((recorder.frames.get(), recorder.frames_expected.get()), (5, 6));
        assert_eq!((recorder.freezes.get(), recorder.frozen.get()), (1, 210_000));
        assert_eq!(recorder.picture_gap.summary().count, 3);
        // The next track of the slot has nothing to do with this one.
        reception.judge(now + Duration::from_secs(9), SSRC, picture(0x2_0002, 77));
        assert_eq!((recorder.frames_expected.get(), recorder.freezes.get()), (7, 1));
    }

    #[test]
    fn damage_strays_and_strangers_are_named() {
        let (mut reception, recorder, now) = reception(Awaits::Nothing);
        reception.header(SSRC, 1, 0);
        for arrival in [Arrival::Damaged, Arrival::Unstamped, picture(0x3_0001, 0)] {
            reception.judge(now, SSRC, arrival);
        }
        let counts = [&recorder.damaged, &recorder.unstamped, &recorder.strays, &recorder.frames];
        assert_eq!(counts.map(|count| count.get()), [1, 1, 1, 0]);
    }

    #[test]
    fn nothing_counts_outside_the_window() {
        let (mut reception, recorder, now) = reception(Awaits::Picture);
        recorder.end();
        reception.header(SSRC, 1, 0);
        reception.judge(now, SSRC, picture(0x2_0001, 0));
        assert_eq!((recorder.packets.get(), recorder.frames.get()), (0, 0));
        assert_eq!(recorder.join.summary().count, 1);
    }

    proptest! {
        #[test]
        fn extended_numbers_stay_near(highest in 70_000_u64..1 << 40, step in -30_000_i64..30_000) {
            let number = highest.saturating_add_signed(step);
            prop_assert_eq!(extend(highest, number as u16), number);
        }
    }
}
