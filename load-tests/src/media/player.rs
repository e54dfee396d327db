//! Plays a clip on one stream: what is to be sent next and when. Pure: time is given.

use std::sync::Arc;
use std::time::Instant;

use super::Codec;
use super::clip::Clip;
use super::stamp::Stamp;

/// The clock that stamps are in: nanoseconds since the run began.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that shows nought at `begin`.
    pub fn starting(begin: Instant) -> Clock {
        Clock(begin)
    }

    /// What the clock shows at `now`.
    pub fn at(self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.0).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// One RTP packet to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// The extended sequence number.
    pub sequence: u64,
    /// The RTP timestamp.
    pub timestamp: u32,
    /// Ends a picture; of sound, begins a spurt (RFC 3551 §4.1).
    pub marker: bool,
    /// The payload.
    pub payload: Vec<u8>,
}

/// One stream's place in its clip.
#[derive(Debug)]
pub struct Player {
    clip: Arc<Clip>,
    clock: Clock,
    stream: u32,
    /// The next tick's place in the clip, and when it is due.
    place: usize,
    due: Instant,
    counter: u32,
    sequence: u64,
    timestamp: u32,
    /// Whether nothing was sent at the last tick.
    paused: bool,
}

impl Player {
    /// A player that begins at some place of the clip, at a keyframe, and within one tick from
    /// `now`: streams do not move in step. Numbers begin anywhere.
    pub fn new(clip: Arc<Clip>, clock: Clock, stream: u32, now: Instant) -> Player {
        let begin = rand::random_range(0..clip.frames.len());
        let mut player = Player {
            due: now,
            clip,
            clock,
            stream,
            place: begin,
            counter: 0,
            // Of 16 bits at the beginning, or SRTP's rollover counter would not be zero.
            sequence: rand::random::<u16>().into(),
            timestamp: rand::random(),
            paused: true,
        };
        player.skip_to_keyframe();
        player.begin(now);
        player
    }

    /// Has the next tick be within one tick from `now`: what was not sent until then never will be.
    pub fn begin(&mut self, now: Instant) {
        self.due = now + self.clip.tick.mul_f64(rand::random());
    }

    /// How what it plays is encoded.
    pub fn codec(&self) -> Codec {
        self.clip.codec
    }

    /// When the next tick is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Goes on at the clip's next keyframe, as an encoder that was asked for one.
    pub fn skip_to_keyframe(&mut self) {
        let count = self.clip.frames.len();
        let keyframe = (0..count)
            .map(|ahead| (self.place + ahead) % count)
            .find(|&place| self.clip.frames[place].as_ref().is_some_and(|frame| frame.keyframe));
        self.place = keyframe.unwrap_or(self.place);
    }

    /// The packets of the tick that is due; none in a pause.
    pub fn tick(&mut self, now: Instant) -> Vec<Outgoing> {
        let clip = Arc::clone(&self.clip);
        let timestamp = self.timestamp;
        let frame = clip.frames[self.place].as_ref();
        self.place = (self.place + 1) % clip.frames.len();
        self.due += clip.tick;
        self.timestamp = timestamp.wrapping_add(clip.step);
        let begins = std::mem::replace(&mut self.paused, frame.is_none());
        let Some(frame) = frame else { return Vec::new() };
        let stamp = Stamp {
            stream: self.stream,
            counter: self.counter,
            sent: self.clock.at(now),
            packets: frame.packets(),
            keyframe: frame.keyframe,
        };
        self.counter = self.counter.wrapping_add(1);
        let first = self.sequence;
        self.sequence += u64::from(frame.packets());
        let last = self.sequence - 1;
        let is_sound = clip.codec == Codec::Opus;
        frame
            .stamped(&stamp)
            .zip(first..)
            .map(|(payload, sequence)| Outgoing {
                sequence,
                timestamp,
                marker: if is_sound { begins } else { sequence == last },
                payload,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::packets::Frame;
    use crate::media::packets::tests::encoded;
    use std::time::Duration;

    /// Two groups of three pictures, of two packets each.
    fn clip() -> Arc<Clip> {
        let picture = |first: u8| Frame::cut(Codec::Vp8, &[&[first][..], &[9; 1_500]].concat());
        let frames = [0, 1, 1, 0, 1, 1].map(picture).to_vec();
        Arc::new(Clip { codec: Codec::Vp8, tick: Duration::from_millis(40), step: 3_600, frames })
    }

    #[test]
    fn pictures_follow_each_other_in_time_and_numbers() {
        let now = Instant::now();
        let mut player = Player::new(clip(), Clock(now), 5, now);
        let begin = player.due();
        assert!(begin <= now + Duration::from_millis(40));
        let packets: Vec<_> = (0..7).flat_map(|_| player.tick(now)).collect();
        assert_eq!(player.due(), begin + Duration::from_millis(280));
        let first = &packets[0];
        for (index, packet) in packets.iter().enumerate() {
            assert_eq!(packet.sequence, first.sequence + index as u64);
            assert_eq!(packet.timestamp, first.timestamp.wrapping_add(index as u32 / 2 * 3_600));
            assert_eq!(packet.marker, index % 2 == 1);
        }
        let stamps: Vec<_> = packets
            .iter()
            .filter_map(|packet| Stamp::read(&packet.payload))
            .map(|(s, _)| s)
            .collect();
        assert_eq!(
            stamps.iter().map(|stamp| stamp.counter).collect::<Vec<_>>(),
            [0, 1, 2, 3, 4, 5, 6]
        );
        assert!(stamps.iter().all(|stamp| stamp.stream == 5 && stamp.packets == 2));
        let keyframes: Vec<_> = stamps.iter().map(|stamp| stamp.keyframe).collect();
        assert_eq!(keyframes, [true, false, false, true, false, false, true]);
    }

    #[test]
    fn a_keyframe_that_is_asked_for_comes_next() {
        let now = Instant::now();
        let mut player = Player::new(clip(), Clock(now), 5, now);
        player.tick(now);
        player.tick(now);
        player.skip_to_keyframe();
        let packets = player.tick(now);
        assert!(Stamp::read(&packets[1].payload).is_some_and(|(stamp, _)| stamp.keyframe));
    }

    #[test]
    fn a_spurt_begins_with_a_marker() {
        let sound = || Frame::cut(Codec::Opus, &encoded(Codec::Opus, &[1, 2, 3]));
        let frames = vec![sound(), sound(), None, sound()];
        let tick = Duration::from_millis(20);
        let clip = Arc::new(Clip { codec: Codec::Opus, tick, step: 960, frames });
        let now = Instant::now();
        let mut player = Player::new(clip, Clock(now), 5, now);
        player.place = 0;
        let packets: Vec<_> = (0..4).flat_map(|_| player.tick(now)).collect();
        assert_eq!(
            packets.iter().map(|packet| packet.marker).collect::<Vec<_>>(),
            [true, false, true]
        );
        let ahead = |packet: &Outgoing| packet.timestamp.wrapping_sub(packets[0].timestamp);
        assert_eq!((ahead(&packets[1]), ahead(&packets[2])), (960, 2_880));
        assert_eq!(packets[2].sequence, packets[0].sequence + 2);
    }
}
