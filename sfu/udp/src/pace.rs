//! How often a thread looks for datagrams when many come: a wake-up costs more than a datagram, so
//! it is to serve several. What a network card does with its interrupts, done for a thread.

use std::time::{Duration, Instant};

/// A gap that gathers fewer datagrams than this is not worth their wait.
const FEWEST: f64 = 4.0;

/// A gap gathers no more than this, as far as can be told beforehand: a socket's buffer has to hold
/// them.
const MOST: f64 = 32.0;

/// Over how much time the rate is taken: a burst alone slows nothing down.
const MEMORY: Duration = Duration::from_millis(10);

/// A thread's pace: how long from the begin of one turn to that of the next. It has no clock, and
/// whoever asks does the waiting.
///
/// The gap counts from the begin of a turn, so a thread that has work all the time never rests.
#[derive(Debug)]
pub struct Pace {
    longest: Duration,
    /// Datagrams per second.
    rate: f64,
    began: Instant,
}

impl Pace {
    /// The pace of a thread that has moved nothing yet. No gap is longer than `longest`; with zero
    /// there are none.
    pub fn new(longest: Duration, now: Instant) -> Pace {
        Pace { longest, rate: 0.0, began: now }
    }

    /// Says that a turn which began at `began` has moved this many datagrams.
    pub fn turned(&mut self, began: Instant, moved: u64) {
        let since = began.saturating_duration_since(self.began).as_secs_f64();
        let memory = MEMORY.as_secs_f64();
        self.rate = (self.rate * memory + moved as f64) / (memory + since);
        self.began = began;
    }

    /// How long from the last turn's begin to the next one's, at least: zero unless so many
    /// datagrams come that a gap is worth it.
    pub fn gap(&self) -> Duration {
        let longest = self.longest.as_secs_f64();
        if self.rate * longest < FEWEST {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(longest.min(MOST / self.rate))
    }

    /// How long to rest at `now` before the next turn.
    pub fn rest(&self, now: Instant) -> Duration {
        self.gap().saturating_sub(now.saturating_duration_since(self.began))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LONGEST: Duration = Duration::from_micros(800);

    /// What became of datagrams.
    #[derive(Debug, Default)]
    struct Outcome {
        turns: u32,
        rested: Duration,
        /// From the arrival of each to the begin of the turn that took it.
        waits: Vec<Duration>,
    }

    /// A thread in virtual time: it sleeps until a datagram comes, rests as it is told, and each
    /// datagram costs it `cost`. They come at these times.
    fn run(pace: &mut Pace, start: Instant, arrivals: &[Duration], cost: Duration) -> Outcome {
        let mut outcome = Outcome::default();
        let (mut now, mut taken) = (start, 0);
        while let Some(&next) = arrivals.get(taken) {
            let rest = pace.rest(now);
            outcome.rested += rest;
            now = (now + rest).max(start + next);
            let batch = arrivals[taken..].iter().take_while(|&&at| start + at <= now).count();
            for &at in &arrivals[taken..taken + batch] {
                outcome.waits.push(now - (start + at));
            }
            pace.turned(now, batch as u64);
            outcome.turns += 1;
            taken += batch;
            now += cost * batch as u32;
        }
        outcome
    }

    /// One after the other for half a second.
    fn steady(per_second: u32) -> Vec<Duration> {
        (0..per_second / 2).map(|index| Duration::from_secs(1) * index / per_second).collect()
    }

    fn at_rate(per_second: u32, cost: Duration) -> Outcome {
        let now = Instant::now();
        run(&mut Pace::new(LONGEST, now), now, &steady(per_second), cost)
    }

    #[test]
    fn few_datagrams_never_wait() {
        for per_second in [10, 500, 2_000, 4_500] {
            let outcome = at_rate(per_second, Duration::from_micros(5));
            assert_eq!(outcome.rested, Duration::ZERO, "{per_second} a second");
        }
    }

    #[test]
    fn a_burst_alone_does_not_wait() {
        let now = Instant::now();
        let mut pace = Pace::new(LONGEST, now);
        // A picture of 30 packets every 33 ms.
        let burst =
            |index: u64| (0..30).map(move |one| Duration::from_micros(33_000 * index + one));
        let arrivals: Vec<Duration> = (1..30).flat_map(burst).collect();
        let outcome = run(&mut pace, now, &arrivals, Duration::from_micros(5));
        assert_eq!(outcome.rested, Duration::ZERO);
    }

    #[test]
    fn many_share_a_turn_and_none_waits_longer_than_the_gap() {
        let outcome = at_rate(10_000, Duration::from_micros(5));
        assert!(outcome.turns < 5_000 / 6, "{} turns for 5,000 datagrams", outcome.turns);
        let mut waits = outcome.waits;
        waits.sort_unstable();
        assert!(waits[waits.len() / 2] <= LONGEST / 2, "{:?}", waits[waits.len() / 2]);
        assert!(waits[waits.len() - 1] <= LONGEST, "{:?}", waits[waits.len() - 1]);
    }

    #[test]
    fn more_than_a_batch_is_not_waited_for() {
        let outcome = at_rate(200_000, Duration::from_nanos(100));
        // The rate shows after some milliseconds.
        let most = outcome.waits[10_000..].iter().max().copied().unwrap_or_default();
        assert!(most < Duration::from_micros(250), "32 come in 160 us, and {most:?} was waited");
    }

    #[test]
    fn who_has_work_all_the_time_does_not_rest() {
        // Each costs 20 us and comes 20 us after the one before.
        let outcome = at_rate(50_000, Duration::from_micros(20));
        assert!(outcome.rested < Duration::from_millis(5), "rested {:?}", outcome.rested);
    }

    #[test]
    fn the_pace_is_let_go_of_when_the_datagrams_are_over() {
        let now = Instant::now();
        let mut pace = Pace::new(LONGEST, now);
        run(&mut pace, now, &steady(10_000), Duration::from_micros(5));
        assert!(pace.gap() > Duration::ZERO);
        let later = now + Duration::from_millis(520);
        pace.turned(later, 1);
        assert_eq!(pace.gap(), Duration::ZERO);
    }

    #[test]
    fn with_zero_there_is_no_gap() {
        let now = Instant::now();
        let mut pace = Pace::new(Duration::ZERO, now);
        assert_eq!(run(&mut pace, now, &steady(50_000), Duration::ZERO).rested, Duration::ZERO);
    }

    proptest! {
        #[test]
        fn no_datagram_waits_longer_than_the_gap_and_the_turn_before(
            gaps in proptest::collection::vec(0u64..2_000, 1..2_000),
            cost in 0u64..30,
            longest in 0u64..5_000,
        ) {
            let mut at = Duration::ZERO;
            let arrivals: Vec<Duration> = gaps.iter().map(|gap| {
                at += Duration::from_micros(gap * gap / 2_000);
                at
            }).collect();
            let (cost, longest) = (Duration::from_micros(cost), Duration::from_micros(longest));
            let now = Instant::now();
            let outcome = run(&mut Pace::new(longest, now), now, &arrivals, cost);
            prop_assert_eq!(outcome.waits.len(), arrivals.len());
            // Those that come while a turn is on wait for its end in any case.
            let turn = cost * arrivals.len() as u32;
            for wait in outcome.waits {
                prop_assert!(wait <= longest.max(turn), "{:?}", wait);
            }
        }
    }
}
