//! What was sent on a line a moment ago, for sending it again (RFC 4588), within bounds.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::cache;
use crate::packet::Outgoing;

/// For how long a packet can be sent again. A receiver gives up on a picture before that.
const MAX_AGE: Duration = Duration::from_secs(2);

/// Packets that are kept at most.
const CAPACITY: usize = 2_048;

/// A packet is not sent again sooner: the receiver cannot have missed the last copy yet.
const PAUSE: Duration = Duration::from_millis(10);

/// Bytes that may be sent again before anything is earned, and that can be saved up.
const FIRST_BUDGET: usize = 64 << 10;
const BUDGET: usize = 256 << 10;

/// Packets that usually come at once: a picture's.
const USUALLY_TOGETHER: usize = 5;

#[derive(Debug)]
struct Kept {
    packet: Outgoing,
    sent: Instant,
    /// When it went again last, in microseconds after `sent`.
    resent: Option<u32>,
}

/// The last packets of one line, by their extended sequence numbers.
#[derive(Debug)]
pub(crate) struct History {
    /// The first has the number `first`; numbers that were not sent are `None`.
    kept: VecDeque<Option<Kept>>,
    first: u64,
    /// Bytes that may be sent again. Every byte that is sent earns one, so resends never take
    /// more than the stream itself.
    budget: usize,
}

impl Default for History {
    fn default() -> History {
        History { kept: VecDeque::new(), first: 0, budget: FIRST_BUDGET }
    }
}

impl History {
    /// Keeps a packet that is sent now.
    pub(crate) fn keep(&mut self, packet: Outgoing, now: Instant) {
        self.budget = (self.budget + packet.content.payload.len()).min(BUDGET);
        let sequence = packet.sequence;
        if self.kept.is_empty() || sequence >= self.end() + CAPACITY as u64 {
            self.kept.clear();
            self.first = sequence;
        }
        let kept = Some(Kept { packet, sent: now, resent: None });
        if let Some(at) = sequence.checked_sub(self.first) {
            let at = at as usize;
            while self.kept.len() < at {
                self.kept.push_back(None);
            }
            match self.kept.get_mut(at) {
                Some(hole) => *hole = kept,
                None => self.kept.push_back(kept),
            }
        }
        while self.kept.len() > CAPACITY || self.is_first_old(now) {
            self.kept.pop_front();
            self.first += 1;
        }
    }

    /// Has the memory fetched that the next packets are kept in, and that of those which are dropped then.
    pub(crate) fn fetch(&self) {
        for end in [self.kept.front(), self.kept.back()].into_iter().flatten() {
            cache::fetch_from(end, USUALLY_TOGETHER);
        }
    }

    /// A packet that the receiver misses, by the low bits of its number: `None` if it is not
    /// there any more, went again just now, or would exceed the budget.
    pub(crate) fn resend(&mut self, sequence: u16, now: Instant) -> Option<Outgoing> {
        let last = self.end().checked_sub(1)?;
        let behind = u64::from((last as u16).wrapping_sub(sequence));
        let at = last.checked_sub(behind)?.checked_sub(self.first)?;
        let kept = self.kept.get_mut(at as usize)?.as_mut()?;
        let size = kept.packet.content.payload.len();
        let age = now.saturating_duration_since(kept.sent);
        let since_resent = |at: u32| age.saturating_sub(Duration::from_micros(at.into()));
        let is_too_soon = kept.resent.is_some_and(|at| since_resent(at) < PAUSE);
        if is_too_soon || size > self.budget {
            return None;
        }
        self.budget -= size;
        kept.resent = Some(age.as_micros().try_into().unwrap_or(u32::MAX));
        Some(kept.packet.clone())
    }

    fn end(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    fn is_first_old(&self, now: Instant) -> bool {
        self.kept
            .front()
            .is_some_and(|first| first.as_ref().is_none_or(|kept| kept.sent + MAX_AGE < now))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::packet::{Content, Extensions};

    #[allow(clippy::disallowed_methods)]
    fn epoch() -> Instant {
        Instant::now()
    }

    fn packet(sequence: u64, size: usize, now: Instant) -> Outgoing {
        Outgoing {
            content: Arc::new(Content {
                marker: false,
                clock_rate: 90_000,
                captured: now,
                extensions: Extensions::default(),
                payload: Arc::from(vec![0; size]),
            }),
            sequence,
            timestamp: 0,
            payload_type: 96,
            resend_type: Some(97),
            picture_ids: None,
        }
    }

    #[test]
    fn a_missed_packet_is_found_across_the_wrap() {
        let now = epoch();
        let mut history = History::default();
        for sequence in 65_500..65_600 {
            history.keep(packet(sequence, 100, now), now);
        }
        for sequence in [65_500u64, 65_535, 65_536, 65_599] {
            let found = history.resend(sequence as u16, now).map(|p| p.sequence);
            assert_eq!(found, Some(sequence));
        }
        assert!(history.resend(64, now).is_none(), "not sent yet");
        assert!(history.resend(65_499, now).is_none(), "sent before all that is kept");
    }

    #[test]
    fn a_packet_goes_again_after_a_pause_and_not_for_ever() {
        let now = epoch();
        let mut history = History::default();
        history.keep(packet(1, 100, now), now);
        assert!(history.resend(1, now).is_some());
        assert!(history.resend(1, now + PAUSE / 2).is_none());
        assert!(history.resend(1, now + PAUSE).is_some());
        history.keep(packet(2, 100, now), now + 2 * MAX_AGE);
        assert!(history.resend(1, now + 2 * MAX_AGE).is_none());
    }

    #[test]
    fn a_storm_of_requests_gets_no_more_than_the_stream_again() {
        let mut now = epoch();
        let mut history = History::default();
        let (mut sent, mut resent) = (0, 0);
        for sequence in 1..5_000u64 {
            now += Duration::from_millis(5);
            history.keep(packet(sequence, 1_000, now), now);
            sent += 1_000;
            for missed in sequence.saturating_sub(300)..=sequence {
                resent += history.resend(missed as u16, now).map_or(0, |p| p.content.payload.len());
            }
        }
        assert!(resent <= sent + FIRST_BUDGET, "{resent} bytes again of {sent}");
        assert!(resent >= sent / 2, "honest requests are served");
    }

    proptest! {
        #[test]
        fn history_is_bounded_and_gives_back_what_was_sent(
            steps in prop::collection::vec((0u64..4_000, 0u64..30), 1..300),
            start in 0u64..200_000,
        ) {
            let mut now = epoch();
            let mut history = History::default();
            let mut next = start;
            for (jump, wait) in steps {
                now += Duration::from_millis(wait);
                // Now and then a late one.
                let sequence = if jump % 7 == 0 { next.saturating_sub(3) } else { next + jump % 5 };
                let sequence = if jump > 3_990 { sequence + jump } else { sequence };
                next = next.max(sequence + 1);
                history.keep(packet(sequence, 10, now), now);
                prop_assert!(history.kept.len() <= CAPACITY);
                if sequence >= history.first {
                    let found = history.resend(sequence as u16, now + PAUSE);
                    prop_assert_eq!(found.map(|p| p.sequence), Some(sequence));
                }
            }
        }

    }
}
