//! A bot that sends: made-up frames and sounds at their times, and a keyframe when one is wanted.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};

use str0m::media::Direction;
use str0m::rtp::{ExtensionValues, RtpWrite};

use super::media::{self, FRAMES_PER_SECOND, Kind, SOUNDS_PER_SECOND, Stamp};
use super::session::{Happening, Pair, Session};

/// No keyframe follows another sooner.
const KEYFRAME_PAUSE: Duration = Duration::from_millis(300);

/// Loudness of all sound, in dBov (RFC 6464).
const LOUDNESS: i8 = -30;

/// A publisher of a room.
pub(super) struct Publisher {
    pub(super) session: Session,
    pub(super) room: u16,
    pub(super) number: u16,
    pair: Option<Pair>,
    sends: Option<Sends>,
    keyframe_wanted: bool,
}

/// What is being sent.
struct Sends {
    since: Instant,
    frames: u64,
    sounds: u64,
    video_packets: u64,
    /// Counted since the window began.
    published: u64,
    keyframes: u64,
    last_keyframe: Option<Instant>,
}

impl Publisher {
    pub(super) fn open(ip: IpAddr, room: u16, number: u16, now: Instant) -> anyhow::Result<Self> {
        let session = Session::open(ip, false, now)?;
        Ok(Publisher { session, room, number, pair: None, sends: None, keyframe_wanted: true })
    }

    /// Its offer.
    pub(super) fn offer(&mut self) -> anyhow::Result<String> {
        let (offer, pairs) = self.session.offer(Direction::SendOnly, 1)?;
        self.pair = pairs.first().copied();
        Ok(offer)
    }

    /// Has it send from `since` on.
    pub(super) fn begin(&mut self, since: Instant) {
        self.sends = Some(Sends {
            since,
            frames: 0,
            sounds: 0,
            video_packets: 0,
            published: 0,
            keyframes: 0,
            last_keyframe: None,
        });
    }

    /// Begins a new window.
    pub(super) fn restart(&mut self) {
        if let Some(sends) = &mut self.sends {
            (sends.published, sends.keyframes) = (0, 0);
        }
    }

    /// Packets sent in the window.
    pub(super) fn published(&self) -> u64 {
        self.sends.as_ref().map_or(0, |sends| sends.published)
    }

    /// Keyframes sent in the window.
    pub(super) fn keyframes(&self) -> u64 {
        self.sends.as_ref().map_or(0, |sends| sends.keyframes)
    }

    /// When it wants a [`Publisher::tick`].
    pub(super) fn due(&self) -> Instant {
        let due = self.session.due();
        self.sends.as_ref().map_or(due, |sends| due.min(sends.next_frame()).min(sends.next_sound()))
    }

    /// Sends what is due. What is late is sent at once: the streams' clocks stay true.
    pub(super) fn tick(&mut self, now: Instant) {
        let Publisher { session, room, number, pair, sends, keyframe_wanted } = self;
        if let (Some(sends), Some(pair)) = (sends, pair) {
            let mut stream = Stream { session, room: *room, publisher: *number, pair: *pair };
            while sends.next_frame() <= now {
                sends.frame(&mut stream, keyframe_wanted, now);
            }
            while sends.next_sound() <= now {
                sends.sound(&mut stream, now);
            }
        }
        self.session.tick(now, &mut |happening| notice(keyframe_wanted, happening));
    }

    pub(super) fn receive(&mut self, now: Instant, source: SocketAddr, contents: &[u8]) {
        let keyframe_wanted = &mut self.keyframe_wanted;
        self.session
            .receive(now, source, contents, &mut |happening| notice(keyframe_wanted, happening));
    }
}

fn notice(keyframe_wanted: &mut bool, happening: Happening) {
    *keyframe_wanted |= matches!(happening, Happening::KeyframeWanted);
}

/// Where packets go, and who they are from.
struct Stream<'a> {
    session: &'a mut Session,
    room: u16,
    publisher: u16,
    pair: Pair,
}

impl Stream<'_> {
    fn stamp(&self, kind: Kind, packet: u64) -> Stamp {
        let sent = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        Stamp { room: self.room, publisher: self.publisher, kind, packet, sent }
    }
}

impl Sends {
    fn next_frame(&self) -> Instant {
        self.since + times(self.frames, FRAMES_PER_SECOND)
    }

    fn next_sound(&self) -> Instant {
        self.since + times(self.sounds, SOUNDS_PER_SECOND)
    }

    fn frame(&mut self, stream: &mut Stream<'_>, keyframe_wanted: &mut bool, now: Instant) {
        let rested = self.last_keyframe.is_none_or(|last| now - last >= KEYFRAME_PAUSE);
        let keyframe = *keyframe_wanted && rested;
        if keyframe {
            *keyframe_wanted = false;
            self.last_keyframe = Some(now);
            self.keyframes += 1;
        }
        let time = (self.frames * u64::from(90_000 / FRAMES_PER_SECOND)) as u32;
        let mut lengths = media::frame_lengths(self.frames, keyframe).enumerate().peekable();
        while let Some((packet, length)) = lengths.next() {
            let stamp = stream.stamp(Kind::Video, self.video_packets);
            let payload = media::video(length, self.frames, packet == 0, keyframe, &stamp);
            let (sequence, last) = (self.video_packets, lengths.peek().is_none());
            stream.session.write(stream.pair.video, Kind::Video, |payload_type| {
                RtpWrite::new(payload_type.into(), sequence.into(), time, now, payload)
                    .marker(last)
                    .nackable(true)
            });
            self.video_packets += 1;
            self.published += 1;
        }
        self.frames += 1;
    }

    fn sound(&mut self, stream: &mut Stream<'_>, now: Instant) {
        let time = (self.sounds * u64::from(48_000 / SOUNDS_PER_SECOND)) as u32;
        let stamp = stream.stamp(Kind::Audio, self.sounds);
        let (payload, sequence) = (media::sound(&stamp), self.sounds);
        let level = ExtensionValues {
            audio_level: Some(LOUDNESS),
            voice_activity: Some(true),
            ..ExtensionValues::default()
        };
        stream.session.write(stream.pair.audio, Kind::Audio, |payload_type| {
            RtpWrite::new(payload_type.into(), sequence.into(), time, now, payload).ext_vals(level)
        });
        self.sounds += 1;
        self.published += 1;
    }
}

/// How long so many of something take, of which there are `per_second`.
fn times(count: u64, per_second: u32) -> Duration {
    Duration::from_nanos(count * 1_000_000_000 / u64::from(per_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_does_not_drift() {
        assert_eq!(times(30 * 3_600, FRAMES_PER_SECOND), Duration::from_secs(3_600));
        assert_eq!(times(1, SOUNDS_PER_SECOND), Duration::from_millis(20));
    }

    #[test]
    fn what_is_due_is_published_once() {
        let now = Instant::now();
        let mut publisher = Publisher::open([127, 0, 0, 1].into(), 0, 0, now).unwrap();
        publisher.offer().unwrap();
        assert_eq!(publisher.published(), 0);
        publisher.begin(now);
        publisher.tick(now + Duration::from_millis(95));
        // Three frames, the first a keyframe of twenty packets, and five sounds.
        assert_eq!((publisher.published(), publisher.keyframes()), (20 + 2 * 5 + 5, 1));
        publisher.restart();
        publisher.tick(now + Duration::from_millis(99));
        assert_eq!(publisher.published(), 0);
        publisher.tick(now + Duration::from_millis(100));
        assert_eq!(publisher.published(), 5 + 1);
    }

    #[test]
    fn keyframes_are_sent_when_wanted_and_not_too_often() {
        let now = Instant::now();
        let mut publisher = Publisher::open([127, 0, 0, 1].into(), 0, 0, now).unwrap();
        publisher.offer().unwrap();
        publisher.begin(now);
        publisher.tick(now);
        publisher.keyframe_wanted = true;
        publisher.tick(now + Duration::from_millis(100));
        assert_eq!(publisher.keyframes(), 1);
        publisher.tick(now + Duration::from_millis(400));
        assert_eq!((publisher.keyframes(), publisher.keyframe_wanted), (2, false));
    }
}
