//! What was sent on a line a moment ago, for sending it again (RFC 4588), within bounds.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use crate::cache;
use crate::codec::vp8::PictureIds;
use crate::packet::{Content, Outgoing};

/// For how many milliseconds a packet can be sent again. A receiver gives up on a picture before that.
const MAX_AGE: u32 = 2_000;

/// Packets that are kept at most.
const CAPACITY: usize = 2_048;

/// In milliseconds. A packet is not sent again sooner: the receiver cannot have missed the last copy yet.
const PAUSE: u32 = 10;

/// Bytes that may be sent again before anything is earned, and that can be saved up.
const FIRST_BUDGET: usize = 64 << 10;
const BUDGET: usize = 256 << 10;

/// Packets that usually come at once: a picture's.
const USUALLY_TOGETHER: usize = 5;

/// A packet as it was sent. Every receiver of a track keeps hundreds: half a cache line each.
#[derive(Debug)]
struct Kept {
    content: Arc<Content>,
    timestamp: u32,
    /// In milliseconds after [`History::began`].
    sent: u32,
    /// When it went again last, in milliseconds after that.
    resent: Option<u16>,
    payload_type: u8,
    resend_type: Option<u8>,
    picture_ids: Option<PictureIds>,
}

const _: () = assert!(size_of::<Option<Kept>>() <= 32);

/// The last packets of one line, by their extended sequence numbers.
#[derive(Debug, Default)]
pub(crate) struct History {
    /// The first has the number `first`; numbers that were not sent are `None`.
    kept: VecDeque<Option<Kept>>,
    first: u64,
    /// When the first of all packets was kept. The time since then wraps around after 49 days.
    began: Option<Instant>,
    /// Bytes that may be sent again. Every byte that is sent earns one, so resends never take
    /// more than the stream itself.
    budget: usize,
}

impl History {
    /// Keeps a packet that is sent now.
    pub(crate) fn keep(&mut self, packet: Outgoing, now: Instant) {
        let Outgoing { content, sequence, timestamp, payload_type, resend_type, picture_ids } =
            packet;
        if self.began.is_none() {
            (self.began, self.budget) = (Some(now), FIRST_BUDGET);
        }
        self.budget = (self.budget + content.payload.len()).min(BUDGET);
        if self.kept.is_empty() || sequence >= self.end() + CAPACITY as u64 {
            self.kept.clear();
            self.first = sequence;
        }
        let sent = self.time(now);
        if let Some(at) = sequence.checked_sub(self.first) {
            let at = at as usize;
            while self.kept.len() < at {
                self.kept.push_back(None);
            }
            let resent = None;
            let kept =
                Kept { content, timestamp, sent, resent, payload_type, resend_type, picture_ids };
            match self.kept.get_mut(at) {
                Some(hole) => *hole = Some(kept),
                None => self.kept.push_back(Some(kept)),
            }
        }
        while self.kept.len() > CAPACITY || self.is_first_old(sent) {
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
        let now = self.time(now);
        let last = self.end().checked_sub(1)?;
        let behind = u64::from((last as u16).wrapping_sub(sequence));
        let sequence = last.checked_sub(behind)?;
        let at = sequence.checked_sub(self.first)?;
        let kept = self.kept.get_mut(at as usize)?.as_mut()?;
        let size = kept.content.payload.len();
        let age = kept.age(now);
        let is_too_soon = kept.resent.is_some_and(|at| age.saturating_sub(at.into()) < PAUSE);
        if is_too_soon || size > self.budget {
            return None;
        }
        self.budget -= size;
        kept.resent = Some(age.try_into().unwrap_or(u16::MAX));
        Some(Outgoing {
            content: Arc::clone(&kept.content),
            sequence,
            timestamp: kept.timestamp,
            payload_type: kept.payload_type,
            resend_type: kept.resend_type,
            picture_ids: kept.picture_ids,
        })
    }

    fn end(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// Milliseconds since the first packet of all.
    fn time(&self, now: Instant) -> u32 {
        self.began.map_or(0, |began| now.saturating_duration_since(began).as_millis() as u32)
    }

    fn is_first_old(&self, now: u32) -> bool {
        self.kept
            .front()
            .is_some_and(|first| first.as_ref().is_none_or(|kept| kept.age(now) > MAX_AGE))
    }
}

impl Kept {
    /// In milliseconds; 0 for a report that came before the packet was sent.
    fn age(&self, now: u32) -> u32 {
        u32::try_from(now.wrapping_sub(self.sent) as i32).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::packet::Extensions;

    #[allow(clippy::disallowed_methods)]
    fn epoch() -> Instant {
        Instant::now()
    }

    fn ms(time: u32) -> Duration {
        Duration::from_millis(time.into())
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
        assert!(history.resend(1, now + ms(PAUSE / 2)).is_none());
        assert!(history.resend(1, now + ms(PAUSE)).is_some());
        history.keep(packet(2, 100, now), now + ms(2 * MAX_AGE));
        assert!(history.resend(1, now + ms(2 * MAX_AGE)).is_none());
    }

    #[test]
    fn a_packet_goes_again_as_it_was() {
        let now = epoch();
        let mut history = History::default();
        let ids = PictureIds { picture_id: 300, is_long: true, tl0_pic_idx: Some(7) };
        let sent = Outgoing { timestamp: 90_000, picture_ids: Some(ids), ..packet(70_000, 9, now) };
        history.keep(sent.clone(), now);
        let again = history.resend(70_000u64 as u16, now + ms(PAUSE)).unwrap();
        assert_eq!(format!("{again:?}"), format!("{sent:?}"));
    }

    #[test]
    fn a_report_from_before_a_packet_cannot_miss_its_last_copy() {
        let now = epoch();
        let mut history = History::default();
        history.keep(packet(1, 100, now), now);
        history.keep(packet(2, 100, now), now + ms(500));
        assert!(history.resend(2, now + ms(600)).is_some());
        assert!(history.resend(2, now + ms(400)).is_none());
    }

    #[test]
    fn a_stream_goes_on_for_months() {
        let now = epoch();
        let mut history = History::default();
        history.keep(packet(1, 100, now), now);
        let wrap = Duration::from_millis(1 << 32);
        history.keep(packet(2, 100, now), now + wrap / 3);
        history.keep(packet(3, 100, now), now + wrap * 2 / 3);
        history.keep(packet(4, 100, now), now + wrap - ms(100));
        assert!(history.resend(3, now + wrap).is_none());
        history.keep(packet(5, 100, now), now + wrap + ms(100));
        assert!(history.resend(4, now + wrap + ms(200)).is_some());
        history.keep(packet(6, 100, now), now + wrap + ms(MAX_AGE));
        assert!(history.resend(4, now + wrap + ms(MAX_AGE + 1)).is_none());
        assert!(history.resend(5, now + wrap + ms(MAX_AGE + 1)).is_some());
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
                    let found = history.resend(sequence as u16, now + ms(PAUSE));
                    prop_assert_eq!(found.map(|p| p.sequence), Some(sequence));
                }
            }
        }

    }
}
