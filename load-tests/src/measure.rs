//! What a run measures: histograms and counts that all bots of the run write to.
//!
//! Only what happens within the measured window counts, from [`Recorder::begin`] to
//! [`Recorder::end`], save joins, which always do.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest time that is told apart from longer ones: a minute, in microseconds.
const LONGEST: u64 = 60_000_000;

/// Significant digits that a histogram keeps.
const DIGITS: u8 = 3;

/// Times, in microseconds, with three digits of each.
#[derive(Debug)]
pub struct Times(Mutex<Histogram<u64>>);

impl Default for Times {
    fn default() -> Times {
        let histogram = Histogram::new_with_bounds(1, LONGEST, DIGITS);
        Times(Mutex::new(histogram.unwrap_or_else(|_| unreachable!("the bounds are sound"))))
    }
}

impl Times {
    /// Notes one.
    pub fn record(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(LONGEST).min(LONGEST);
        self.lock().saturating_record(micros);
    }

    /// Where the values lie.
    pub fn summary(&self) -> Summary {
        Summary::of(&self.lock())
    }

    /// As [`Times::summary`], and forgets them.
    pub fn take(&self) -> Summary {
        let mut histogram = self.lock();
        let summary = Summary::of(&histogram);
        histogram.reset();
        summary
    }

    /// All of them together, to three digits.
    pub fn total(&self) -> Duration {
        let histogram = self.lock();
        Duration::from_secs_f64(histogram.mean() * histogram.len() as f64 / 1e6)
    }

    /// The whole distribution as points: which share of the values is no longer than which time, in
    /// milliseconds. Closer together towards the end, where it matters.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let histogram = self.lock();
        if histogram.is_empty() {
            return Vec::new();
        }
        histogram
            .iter_quantiles(4)
            .map(|step| (step.quantile_iterated_to(), milliseconds(step.value_iterated_to())))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where times lie, in milliseconds; all zero without any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many there are.
    pub count: u64,
    /// Half are no longer than this.
    pub p50: f64,
    /// 95 of 100 are no longer than this.
    pub p95: f64,
    /// 99 of 100 are no longer than this.
    pub p99: f64,
    /// None is longer than this.
    pub max: f64,
}

impl Summary {
    fn of(histogram: &Histogram<u64>) -> Summary {
        let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
        Summary {
            count: histogram.len(),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            max: milliseconds(histogram.max()),
        }
    }
}

fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many there are.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where all bots of a run write to.
#[derive(Debug, Default)]
pub struct Recorder {
    measuring: AtomicBool,
    /// From the opening of the signaling connection until ICE and DTLS were through.
    pub connect: Times,
    /// From the opening of the signaling connection until the first keyframe was complete; in rooms
    /// without video, until the first sound.
    pub join: Times,
    /// From the sender's socket until the last packet of a picture was there.
    pub video_delay: Times,
    /// The same of a packet of sound.
    pub audio_delay: Times,
    /// The delays of sound and pictures since this was last taken.
    pub recent_delay: Times,
    /// From one complete picture of a stream to the next.
    pub picture_gap: Times,
    /// All of the gaps that are longer than [`FREEZE`], in microseconds.
    pub frozen: Count,
    /// Such gaps.
    pub freezes: Count,
    /// Packets that came, and those that should have come by their sequence numbers.
    pub packets: Count,
    /// See [`Recorder::packets`].
    pub packets_expected: Count,
    /// Bytes of payload in them.
    pub bytes: Count,
    /// Packets of those that were counted by their header only.
    pub headers_only: Count,
    /// Frames that came whole and as they were sent, and those that should have come.
    pub frames: Count,
    /// See [`Recorder::frames`].
    pub frames_expected: Count,
    /// Frames of which all packets came and some byte was not as it was sent.
    pub damaged: Count,
    /// Frames without a stamp: none of ours, or damaged there.
    pub unstamped: Count,
    /// Frames of another room.
    pub strays: Count,
    /// Packets that bots sent.
    pub sent: Count,
    /// Keyframes that the server asked bots for.
    pub keyframes_asked: Count,
    /// Participants whose connection ended and should not have.
    pub fallen: Count,
}

/// A picture that stands longer than this is frozen. The W3C's definition of `freezeCount` (at least
/// 150 ms beyond the usual), for 30 pictures a second.
pub const FREEZE: Duration = Duration::from_millis(183);

impl Recorder {
    /// From now on it counts.
    pub fn begin(&self) {
        self.measuring.store(true, Ordering::Relaxed);
    }

    /// From now on it does not.
    pub fn end(&self) {
        self.measuring.store(false, Ordering::Relaxed);
    }

    /// Whether what happens now counts.
    pub fn is_measuring(&self) -> bool {
        self.measuring.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_times_are_no_summary() {
        assert_eq!(Times::default().summary(), Summary::default());
        assert!(Times::default().curve().is_empty());
    }

    #[test]
    fn what_is_taken_is_gone() {
        let times = Times::default();
        times.record(Duration::from_millis(5));
        assert_eq!(times.take().count, 1);
        assert_eq!(times.take(), Summary::default());
    }

    proptest! {
        #[test]
        fn quantiles_are_within_a_thousandth(mut micros in proptest::collection::vec(0_u64..100_000_000, 1..200)) {
            let times = Times::default();
            for time in &micros {
                times.record(Duration::from_micros(*time));
            }
            micros.sort_unstable();
            let exact = |share: f64| {
                let rank = (micros.len() as f64 * share).ceil() as usize;
                micros[rank.saturating_sub(1)].min(LONGEST) as f64 / 1_000.0
            };
            let summary = times.summary();
            for (found, share) in [(summary.p50, 0.5), (summary.p95, 0.95), (summary.max, 1.0)] {
                prop_assert!((found - exact(share)).abs() <= exact(share) / 1_000.0 + 0.002, "{share}: {found}");
            }
            let curve = times.curve();
            prop_assert!(curve.is_sorted());
            prop_assert_eq!(curve.last().map(|(share, _)| *share), Some(1.0));
        }
    }
}
