//! When to look at which session, and what of it can wait for company.
//!
//! A wake-up costs more than what most timers have to do. One that is patient is looked at with whatever
//! else happens from its time on, and only after [`PATIENCE`] the engine is woken for it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::time::{Duration, Instant};

/// How long a patient timer waits for something else to happen.
pub(crate) const PATIENCE: Duration = Duration::from_millis(50);

/// When a session wants to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timer {
    /// Not later than this.
    pub(crate) latest: Instant,
    /// It may be looked at [`PATIENCE`] earlier.
    pub(crate) is_patient: bool,
}

impl Timer {
    /// At that time.
    pub(crate) fn at(latest: Instant) -> Timer {
        Timer { latest, is_patient: false }
    }

    /// From that time on, if anything happens.
    pub(crate) fn from(from: Instant) -> Timer {
        Timer { latest: from + PATIENCE, is_patient: true }
    }

    /// The one that ends first.
    pub(crate) fn sooner(self, other: Timer) -> Timer {
        if other.latest < self.latest { other } else { self }
    }
}

/// Times, the earliest first, and the sessions that they are for.
type Queue = BinaryHeap<Reverse<(Instant, usize)>>;

/// The timers of one engine's sessions.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    prompt: Queue,
    patient: Queue,
}

impl Timers {
    /// Adds a timer of the session at `index`.
    pub(crate) fn add(&mut self, timer: Timer, index: usize) {
        let queue = if timer.is_patient { &mut self.patient } else { &mut self.prompt };
        queue.push(Reverse((timer.latest, index)));
    }

    /// When the engine is to be woken.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let firsts = [&self.prompt, &self.patient].map(|queue| queue.peek());
        firsts.into_iter().flatten().map(|Reverse((latest, _))| *latest).min()
    }

    /// Takes the next timer that may be looked at now: what it said was the latest, and whose it is.
    pub(crate) fn next_due(&mut self, now: Instant) -> Option<(Instant, usize)> {
        [(&mut self.prompt, now), (&mut self.patient, now + PATIENCE)].into_iter().find_map(
            |(queue, until)| {
                let due = queue.peek_mut().filter(|first| first.0.0 <= until)?;
                Some(PeekMut::pop(due).0)
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[allow(clippy::disallowed_methods)]
    fn epoch() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_patient_timer_goes_with_another_one_or_by_itself_at_last() {
        let (now, mut timers) = (epoch(), Timers::default());
        timers.add(Timer::from(now), 1);
        timers.add(Timer::at(now + PATIENCE / 2), 2);
        assert_eq!(timers.deadline(), Some(now + PATIENCE / 2));
        assert_eq!(timers.next_due(now), Some((now + PATIENCE, 1)));
        assert_eq!(timers.next_due(now), None, "the other one is not early");
        assert_eq!(timers.next_due(now + PATIENCE / 2), Some((now + PATIENCE / 2, 2)));

        timers.add(Timer::from(now), 1);
        assert_eq!(timers.deadline(), Some(now + PATIENCE));
        assert_eq!(timers.next_due(now - Duration::from_millis(1)), None);
    }

    #[test]
    fn the_sooner_of_two_is_what_neither_is_late_by() {
        let now = epoch();
        let (patient, prompt) = (Timer::from(now), Timer::at(now + PATIENCE * 2));
        assert_eq!(patient.sooner(prompt), patient);
        assert_eq!(prompt.sooner(patient), patient);
        assert_eq!(patient.sooner(Timer::at(now)), Timer::at(now));
    }
}
