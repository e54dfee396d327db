//! When was a packet captured, on this machine's clock?
//!
//! A publisher's sender reports tie its RTP timestamps to its own wall clock (RFC 3550 §6.4.1),
//! which may be hours off. One offset per publisher, the smallest seen of arrival minus capture
//! over its audio and video together, brings that clock to ours: the streams of one publisher
//! keep their true distance, and lip sync survives the way through the server.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a smallest offset counts: clocks drift, and paths get longer.
const WINDOW: Duration = Duration::from_secs(30);

/// A capture time further back than this is the clock's fault, not the network's.
const IMPLAUSIBLE: Duration = Duration::from_secs(5);

/// Capture times of one publisher.
#[derive(Debug)]
pub(crate) struct CaptureClock {
    /// Zero of the arrival side.
    origin: Instant,
    /// Smallest offsets in this window and the one before, in microseconds.
    smallest: [Option<i64>; 2],
    window_ends: Instant,
}

impl CaptureClock {
    pub(crate) fn new(now: Instant) -> Self {
        CaptureClock { origin: now, smallest: [None, None], window_ends: now + WINDOW }
    }

    /// The capture time of a packet that came at `arrived` and that its publisher's wall clock
    /// puts at `published`. Never later than `arrived`.
    pub(crate) fn captured(&mut self, published: SystemTime, arrived: Instant) -> Instant {
        let published = match published.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_micros() as i64,
            Err(before) => -(before.duration().as_micros() as i64),
        };
        let arrival = arrived.saturating_duration_since(self.origin).as_micros() as i64;
        let offset = arrival.saturating_sub(published);
        if arrived >= self.window_ends {
            self.smallest = [None, self.smallest[0]];
            self.window_ends = arrived + WINDOW;
        }
        let current = &mut self.smallest[0];
        *current = Some(current.map_or(offset, |smallest| smallest.min(offset)));
        let smallest = self.smallest.iter().flatten().min().copied().unwrap_or(offset);
        let delay = Duration::from_micros(offset.saturating_sub(smallest).max(0) as u64);
        if delay > IMPLAUSIBLE {
            // The wall clock was set: what was learnt of it is worth nothing.
            self.smallest = [Some(offset), None];
            return arrived;
        }
        arrived.checked_sub(delay).unwrap_or(arrived)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods)]
    fn epoch() -> Instant {
        Instant::now()
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn late_video_keeps_its_distance_from_punctual_audio() {
        let start = epoch();
        let mut clock = CaptureClock::new(start);
        // The publisher's clock is 37 s behind; its video comes 250 ms late.
        let publisher = UNIX_EPOCH + Duration::from_secs(1_000);
        for step in 0..100u32 {
            let captured = publisher + step * 20 * MS;
            let audio_arrives = start + step * 20 * MS + 10 * MS;
            let video_arrives = audio_arrives + 250 * MS;
            let audio = clock.captured(captured, audio_arrives);
            let video = clock.captured(captured, video_arrives);
            assert_eq!(audio, audio_arrives);
            assert_eq!(video, audio);
        }
    }

    #[test]
    fn a_wall_clock_that_is_set_is_learnt_anew() {
        let start = epoch();
        let mut clock = CaptureClock::new(start);
        clock.captured(UNIX_EPOCH + Duration::from_secs(5_000), start);
        let arrived = start + 20 * MS;
        assert_eq!(clock.captured(UNIX_EPOCH + Duration::from_secs(10), arrived), arrived);
        let next = start + 40 * MS;
        let published = UNIX_EPOCH + Duration::from_secs(10) + 20 * MS;
        assert_eq!(clock.captured(published, next), next);
    }

    proptest::proptest! {
        #[test]
        fn a_capture_time_is_never_in_the_future(
            steps in proptest::collection::vec((proptest::num::u32::ANY, 0u64..60_000), 1..50),
        ) {
            let mut now = epoch();
            let mut clock = CaptureClock::new(now);
            for (published, wait) in steps {
                now += Duration::from_millis(wait);
                let at = UNIX_EPOCH + Duration::from_millis(u64::from(published));
                proptest::prop_assert!(clock.captured(at, now) <= now);
            }
        }
    }
}
