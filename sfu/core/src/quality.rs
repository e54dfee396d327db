//! How the media of one session fares: what came and went between two looks, and what the remote
//! side reports (RFC 3550 §6.4).

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Encodings whose numbers are followed at a time.
const MAX_STREAMS: usize = 64;
/// For so long after a gap its packets may still be asked for.
const GAP: Duration = Duration::from_secs(1);
/// A round trip beyond that is a report that makes no sense.
const LONGEST_ROUND_TRIP: Duration = Duration::from_secs(60);

/// Media in one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// Packets that arrived, or were sent.
    pub packets: u64,
    /// Bytes of payload in them.
    pub bytes: u64,
    /// Packets that did not arrive: those sent as the receiver reports it.
    pub lost: u64,
}

/// One session between two looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quality {
    /// How long that was.
    pub time: Duration,
    /// From the remote side.
    pub received: Flow,
    /// To it.
    pub sent: Flow,
    /// As its last report has it; without any report, or when nothing is sent, there is none.
    pub round_trip: Option<Duration>,
}

/// Counts what comes from one remote side.
#[derive(Debug, Default)]
pub(crate) struct Arriving {
    flow: Flow,
    /// The highest sequence number of each encoding.
    highest: HashMap<u32, u64>,
    /// When a gap was found last.
    missed: Option<Instant>,
}

/// Counts what goes to one remote side, and takes its reports.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    flow: Flow,
    round_trip: Option<Duration>,
}

/// What a receiver says of one stream since it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    /// Packets lost.
    pub(crate) lost: i32,
    /// The middle of the time in the last sender report (RFC 3550 §6.4.1); 0 without any.
    pub(crate) last_report: u32,
    /// How long ago that came, in 1/65536 s.
    pub(crate) delay: u32,
}

impl Arriving {
    /// A packet with `bytes` of payload came. `sequence` does not wrap around.
    pub(crate) fn count(&mut self, ssrc: u32, sequence: u64, bytes: usize, now: Instant) {
        self.flow.packets += 1;
        self.flow.bytes += bytes as u64;
        if self.highest.len() >= MAX_STREAMS && !self.highest.contains_key(&ssrc) {
            self.highest.clear();
        }
        let highest = self.highest.entry(ssrc).or_insert(sequence);
        if sequence > *highest {
            let missed = sequence - *highest - 1;
            self.flow.lost += missed;
            if missed > 0 {
                self.missed = Some(now);
            }
            *highest = sequence;
        } else if sequence < *highest {
            // It was missed above, and has come late or again.
            self.flow.lost = self.flow.lost.saturating_sub(1);
        }
    }

    /// Whether packets may be missing that can still come.
    pub(crate) fn has_missed_lately(&self, now: Instant) -> bool {
        self.missed.is_some_and(|at| now.saturating_duration_since(at) < GAP)
    }

    /// What was counted since the last look.
    pub(crate) fn look(&mut self) -> Flow {
        std::mem::take(&mut self.flow)
    }
}

impl Leaving {
    /// Packets with `bytes` in all were sent.
    pub(crate) fn count(&mut self, packets: usize, bytes: usize) {
        self.flow.packets += packets as u64;
        self.flow.bytes += bytes as u64;
    }

    /// The receiver reports; `before` is what it said of the stream last. `ntp` is the time now, as
    /// sender reports have it.
    pub(crate) fn on_report(&mut self, report: Report, before: Option<Report>, ntp: u64) {
        let lost = i64::from(report.lost) - i64::from(before.map_or(0, |before| before.lost));
        self.flow.lost += u64::try_from(lost).unwrap_or_default();
        if report.last_report != 0 {
            let now = (ntp >> 16) as u32;
            let units = now.wrapping_sub(report.last_report).wrapping_sub(report.delay);
            let round_trip = Duration::from_micros(u64::from(units) * 1_000_000 / 65_536);
            if round_trip < LONGEST_ROUND_TRIP {
                self.round_trip = Some(round_trip);
            }
        }
    }

    /// What was counted since the last look, and the last round trip.
    pub(crate) fn look(&mut self) -> (Flow, Option<Duration>) {
        (std::mem::take(&mut self.flow), self.round_trip.take())
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
    fn holes_are_losses_until_they_are_filled() {
        let (mut arriving, now) = (Arriving::default(), epoch());
        for sequence in [100, 101, 104, 103] {
            arriving.count(7, sequence, 10, now);
        }
        arriving.count(8, 5_000, 10, now);
        assert_eq!(arriving.look(), Flow { packets: 5, bytes: 50, lost: 1 });
        arriving.count(7, 105, 10, now);
        assert_eq!(arriving.look(), Flow { packets: 1, bytes: 10, lost: 0 }, "since the last look");
    }

    #[test]
    fn a_gap_is_told_of_for_as_long_as_it_may_be_filled() {
        let (mut arriving, now) = (Arriving::default(), epoch());
        arriving.count(7, 1, 10, now);
        arriving.count(7, 2, 10, now);
        assert!(!arriving.has_missed_lately(now));
        arriving.count(7, 4, 10, now);
        arriving.count(7, 5, 10, now + GAP / 2);
        assert!(arriving.has_missed_lately(now + GAP / 2));
        assert!(!arriving.has_missed_lately(now + GAP));
    }

    #[test]
    fn a_report_tells_losses_since_the_one_before_and_the_way_there_and_back() {
        let mut leaving = Leaving::default();
        let second = 1_u64 << 32;
        let sent = (1_000 * second) >> 16;
        let report = Report { lost: 3, last_report: sent as u32, delay: 65_536 / 2 };
        leaving.on_report(report, None, 1_000 * second + second * 3 / 4);
        let (flow, round_trip) = leaving.look();
        assert_eq!((flow.lost, round_trip), (3, Some(Duration::from_millis(250))));
        let later = Report { lost: 2, ..report };
        // From before it was sent: nonsense.
        leaving.on_report(later, Some(report), 1_000 * second);
        assert_eq!(leaving.look(), (Flow::default(), None));
        let last = Report { lost: 5, last_report: 0, delay: 0 };
        leaving.on_report(last, Some(later), 1_000 * second);
        assert_eq!(leaving.look().0.lost, 3);
    }
}
