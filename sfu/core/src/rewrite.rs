//! Keeps a slot's stream continuous while its source changes.
//!
//! A browser sees one endless stream per slot. Sequence numbers, timestamps and picture ids of
//! whatever source is bound are shifted so that each new source goes on where the one before
//! ended. The state belongs to the slot and outlives every source; sequence numbers start below
//! 65,536 and never restart, or SRTP's rollover counter would disagree (RFC 3711 §3.3.1).

use std::time::Instant;

use crate::codec::vp8::PictureIds;
use crate::stats::DropReason;

/// The first sequence number of a slot.
const FIRST_SEQUENCE: u64 = 1;

/// The first timestamp of a slot. Chromium drops a sender report whose timestamp is more than
/// 2^25 ticks from the stream's, so one for a stream that has not begun (timestamp 0) does no harm.
const FIRST_TIMESTAMP: u32 = 1 << 30;

/// What is rewritten of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Extended sequence number.
    pub(crate) sequence: u64,
    /// RTP timestamp.
    pub(crate) timestamp: u32,
    /// VP8's running numbers.
    pub(crate) picture_ids: Option<PictureIds>,
}

/// The newest packet that was sent in a slot.
#[derive(Debug, Clone, Copy)]
struct Last {
    numbers: Numbers,
    at: Instant,
}

/// What turns the bound source's numbers into the slot's. Offsets wrap.
#[derive(Debug, Clone, Copy)]
struct Source {
    first_sequence: u64,
    sequence: u64,
    timestamp: u32,
    picture_id: u16,
    tl0_pic_idx: u8,
}

/// The state of one slot's m-line.
#[derive(Debug, Default)]
pub(crate) struct Rewrite {
    last: Option<Last>,
    source: Option<Source>,
}

impl Rewrite {
    /// The next packet begins a new source.
    pub(crate) fn switch(&mut self) {
        self.source = None;
    }

    /// Turns a packet's numbers into the slot's. `clock_rate` is in ticks per second, `now` the
    /// time of arrival: a new source's timestamps continue by arrival time.
    pub(crate) fn apply(
        &mut self,
        packet: Numbers,
        clock_rate: u32,
        now: Instant,
    ) -> Result<Numbers, DropReason> {
        let source = match self.source {
            Some(source) if packet.sequence < source.first_sequence => {
                return Err(DropReason::BeforeSwitch);
            }
            Some(source) => source,
            None => *self.source.insert(self.begin(packet, clock_rate, now)),
        };
        let out = Numbers {
            sequence: packet.sequence.wrapping_add(source.sequence),
            timestamp: packet.timestamp.wrapping_add(source.timestamp),
            picture_ids: packet.picture_ids.map(|ids| PictureIds {
                picture_id: ids.picture_id.wrapping_add(source.picture_id) & mask(ids),
                tl0_pic_idx: ids.tl0_pic_idx.map(|index| index.wrapping_add(source.tl0_pic_idx)),
                ..ids
            }),
        };
        // Packets that come late fill holes; only newer ones move the end of the stream.
        if self.last.is_none_or(|last| out.sequence > last.numbers.sequence) {
            let picture_ids = out.picture_ids.or(self.last.and_then(|l| l.numbers.picture_ids));
            self.last = Some(Last { numbers: Numbers { picture_ids, ..out }, at: now });
        }
        Ok(out)
    }

    /// The offsets with which `packet` goes on where the slot's stream ended.
    fn begin(&self, packet: Numbers, clock_rate: u32, now: Instant) -> Source {
        let (sequence, timestamp) = match self.last {
            None => (FIRST_SEQUENCE, FIRST_TIMESTAMP),
            Some(last) => {
                let elapsed = now.saturating_duration_since(last.at).as_micros();
                let ticks = elapsed * u128::from(clock_rate) / 1_000_000;
                // At least one tick: two pictures of one time would be taken for one.
                let ticks = u32::try_from(ticks).unwrap_or(u32::MAX).max(1);
                (last.numbers.sequence + 1, last.numbers.timestamp.wrapping_add(ticks))
            }
        };
        let ids = packet.picture_ids;
        let last_ids = self.last.and_then(|last| last.numbers.picture_ids);
        let next = |f: fn(PictureIds) -> u16| last_ids.map_or(0, |ids| f(ids).wrapping_add(1));
        let picture_id = next(|ids| ids.picture_id);
        let tl0_pic_idx = next(|ids| u16::from(ids.tl0_pic_idx.unwrap_or_default())) as u8;
        Source {
            first_sequence: packet.sequence,
            sequence: sequence.wrapping_sub(packet.sequence),
            timestamp: timestamp.wrapping_sub(packet.timestamp),
            picture_id: picture_id.wrapping_sub(ids.map_or(0, |ids| ids.picture_id)),
            tl0_pic_idx: tl0_pic_idx
                .wrapping_sub(ids.and_then(|ids| ids.tl0_pic_idx).unwrap_or_default()),
        }
    }
}

/// The bits of a picture id in its form.
fn mask(ids: PictureIds) -> u16 {
    if ids.is_long { 0x7fff } else { 0x7f }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn epoch() -> Instant {
        // Any instant will do: only differences count.
        std::sync::LazyLock::force(&EPOCH).to_owned()
    }

    #[allow(clippy::disallowed_methods)]
    static EPOCH: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);

    fn ids(picture_id: u16, tl0: u8) -> Option<PictureIds> {
        Some(PictureIds { picture_id, is_long: true, tl0_pic_idx: Some(tl0) })
    }

    #[test]
    fn a_new_source_goes_on_where_the_old_one_ended() {
        let mut rewrite = Rewrite::default();
        let first = Numbers { sequence: 70_000, timestamp: 5, picture_ids: ids(9, 3) };
        let a = rewrite.apply(first, 90_000, epoch()).unwrap();
        assert_eq!(a.sequence, FIRST_SEQUENCE);

        rewrite.switch();
        let later = epoch() + Duration::from_millis(100);
        let second =
            Numbers { sequence: 12, timestamp: 4_000_000_000, picture_ids: ids(30_000, 200) };
        let b = rewrite.apply(second, 90_000, later).unwrap();
        assert_eq!(b.sequence, a.sequence + 1);
        assert_eq!(b.timestamp, a.timestamp + 9_000);
        let (a, b) = (a.picture_ids.unwrap(), b.picture_ids.unwrap());
        assert_eq!(b.picture_id, a.picture_id + 1);
        assert_eq!(b.tl0_pic_idx, a.tl0_pic_idx.map(|index| index + 1));
    }

    #[test]
    fn packets_from_before_the_switch_are_dropped() {
        let mut rewrite = Rewrite::default();
        let packet = |sequence| Numbers { sequence, timestamp: 0, picture_ids: None };
        rewrite.apply(packet(100), 90_000, epoch()).unwrap();
        assert_eq!(rewrite.apply(packet(99), 90_000, epoch()), Err(DropReason::BeforeSwitch));
    }

    #[test]
    fn picture_ids_wrap_in_their_own_width() {
        let mut rewrite = Rewrite::default();
        for (sequence, picture_id) in [(1, 0x7ffe), (2, 0x7fff), (3, 0)] {
            let packet = Numbers { sequence, timestamp: 0, picture_ids: ids(picture_id, 0) };
            let out = rewrite.apply(packet, 90_000, epoch()).unwrap();
            assert_eq!(u64::from(out.picture_ids.unwrap().picture_id), sequence - 1);
        }
    }

    proptest! {
        /// Whatever sources come, wherever their numbers start and wrap, with whatever loss and
        /// reordering: in the slot every source keeps its gaps and its order, sequence numbers
        /// are used once, and each source begins right after the highest number before it.
        #[test]
        fn a_slot_is_one_continuous_stream(
            sources in prop::collection::vec(
                (
                    0u64..(1 << 40),
                    any::<u32>(),
                    any::<u16>(),
                    any::<u8>(),
                    prop::collection::vec((0u64..6, 0u64..50), 1..40),
                ),
                1..8,
            ),
        ) {
            let mut rewrite = Rewrite::default();
            let mut now = epoch();
            let mut used = std::collections::HashSet::new();
            let mut end: Option<(u64, u32)> = None;
            for (first, timestamp, picture_id, tl0, steps) in sources {
                rewrite.switch();
                let mut newest: Option<(u64, u32)> = None;
                let mut in_offset = None;
                for (index, (jump, wait)) in steps.into_iter().enumerate() {
                    now += Duration::from_millis(wait);
                    let step = index as u64 * 3 + jump;
                    let packet = Numbers {
                        sequence: first + step,
                        timestamp: timestamp.wrapping_add(step as u32 * 3000),
                        picture_ids: Some(PictureIds {
                            picture_id: picture_id.wrapping_add(step as u16) & 0x7fff,
                            is_long: true,
                            tl0_pic_idx: Some(tl0.wrapping_add(step as u8)),
                        }),
                    };
                    let Ok(out) = rewrite.apply(packet, 90_000, now) else {
                        prop_assert!(in_offset.is_some());
                        continue;
                    };
                    let offset = out.sequence.wrapping_sub(packet.sequence);
                    prop_assert_eq!(*in_offset.get_or_insert(offset), offset);
                    if let (None, Some((sequence, timestamp))) = (newest, end) {
                        prop_assert_eq!(out.sequence, sequence + 1);
                        prop_assert!((out.timestamp.wrapping_sub(timestamp) as i32) > 0);
                    }
                    if newest.is_none() && end.is_none() {
                        prop_assert!(out.sequence < 65_536);
                    }
                    // A repeated step stands for a duplicate, which str0m would have dropped.
                    used.insert(out.sequence);
                    if newest.is_none_or(|(sequence, _)| out.sequence > sequence) {
                        newest = Some((out.sequence, out.timestamp));
                    }
                }
                end = newest.or(end);
            }
            prop_assert!(used.len() as u64 <= end.unwrap().0);
        }
    }
}
