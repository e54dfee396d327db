//! The copies of data messages that wait for one receiver, and what becomes of them.
//!
//! SCTP takes little at a time (see [`share`]), and so does the door of a [link](crate::link); the rest
//! waits here, where a lossy copy can still grow too old, and where it can be seen that a receiver
//! does not keep up. What waits here and in SCTP is bounded, so one slow receiver costs the others
//! nothing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::data::Channel;
use crate::stats::DropReason;

/// Bytes of lossy copies that wait for one receiver. What waits any longer than it takes to send them
/// is too old anyway.
const LOSSY_BYTES: usize = 256 << 10;

/// Bytes that SCTP is given of a channel before the receiver has acknowledged them. They are what
/// is under way, so a channel's rate is at most this much per round trip; and they are beyond recall, so
/// lossy ones are few.
pub(crate) const fn share(channel: Channel) -> usize {
    match channel {
        Channel::Reliable => 256 << 10,
        Channel::Lossy => 64 << 10,
    }
}

/// What became of one copy: SCTP or the door has it, or it went no further.
pub type Fate = (Channel, Result<(), DropReason>);

/// What SCTP says to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It has it.
    Yes,
    /// Not now.
    Later,
    /// Not this one.
    Never,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    message: Bytes,
}

/// The copies that wait for one receiver.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    waiting: [VecDeque<Waiting>; 2],
    bytes: [usize; 2],
    overrun: bool,
}

impl Backlog {
    /// Nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.iter().all(VecDeque::is_empty)
    }

    /// Takes a reliable copy, where `buffered` bytes are in SCTP already and `limit` is the most for
    /// both. False when that was too much: from then on the session gets no reliable message any
    /// more, since it would have a gap.
    pub(crate) fn push_reliable(
        &mut self,
        message: Bytes,
        now: Instant,
        buffered: usize,
        limit: usize,
        fates: &mut Vec<Fate>,
    ) -> bool {
        let channel = Channel::Reliable;
        if self.overrun {
            fates.push((channel, Err(DropReason::DataOverrun)));
            return true;
        }
        if buffered + self.bytes[index(channel)] + message.len() > limit {
            self.overrun = true;
            self.clear(channel, DropReason::DataOverrun, fates);
            fates.push((channel, Err(DropReason::DataOverrun)));
            return false;
        }
        self.push(channel, message, now);
        true
    }

    /// Takes a lossy copy. The oldest make room for it: what is new is worth more.
    pub(crate) fn push_lossy(&mut self, message: Bytes, now: Instant, fates: &mut Vec<Fate>) {
        let channel = Channel::Lossy;
        while self.bytes[index(channel)] + message.len() > LOSSY_BYTES
            && self.pop(channel).is_some()
        {
            fates.push((channel, Err(DropReason::DataQueueFull)));
        }
        self.push(channel, message, now);
    }

    /// Drops the lossy copies that have waited for `max_age`.
    pub(crate) fn expire(&mut self, now: Instant, max_age: Duration, fates: &mut Vec<Fate>) {
        let channel = Channel::Lossy;
        while let Some(oldest) = self.waiting[index(channel)].front()
            && oldest.since + max_age <= now
        {
            self.pop(channel);
            fates.push((channel, Err(DropReason::DataTooOld)));
        }
    }

    /// When [`Backlog::expire`] next has something to do.
    pub(crate) fn deadline(&self, max_age: Duration) -> Option<Instant> {
        self.waiting[index(Channel::Lossy)].front().map(|oldest| oldest.since + max_age)
    }

    /// Hands copies of a channel to `write`, in order, as long as SCTP, which has `buffered` bytes of
    /// the channel, is to be given any.
    pub(crate) fn write(
        &mut self,
        channel: Channel,
        mut buffered: usize,
        fates: &mut Vec<Fate>,
        mut write: impl FnMut(&[u8]) -> Taken,
    ) {
        while let Some(next) = self.waiting[index(channel)].front()
            && buffered + next.message.len() <= share(channel)
        {
            let fate = match write(&next.message) {
                Taken::Later => return,
                Taken::Yes => Ok(()),
                Taken::Never => Err(DropReason::DataRefused),
            };
            buffered += if fate.is_ok() { next.message.len() } else { 0 };
            fates.push((channel, fate));
            self.pop(channel);
        }
    }

    /// Whether nothing waits for a channel.
    pub(crate) fn is_drained(&self, channel: Channel) -> bool {
        self.waiting[index(channel)].is_empty()
    }

    /// Takes the oldest copy out.
    pub(crate) fn take(&mut self, channel: Channel) -> Option<Bytes> {
        self.pop(channel).map(|waiting| waiting.message)
    }

    /// Drops what waits for a channel.
    pub(crate) fn clear(&mut self, channel: Channel, reason: DropReason, fates: &mut Vec<Fate>) {
        while self.pop(channel).is_some() {
            fates.push((channel, Err(reason)));
        }
    }

    fn push(&mut self, channel: Channel, message: Bytes, now: Instant) {
        self.bytes[index(channel)] += message.len();
        self.waiting[index(channel)].push_back(Waiting { since: now, message });
    }

    fn pop(&mut self, channel: Channel) -> Option<Waiting> {
        let waiting = self.waiting[index(channel)].pop_front()?;
        self.bytes[index(channel)] -= waiting.message.len();
        Some(waiting)
    }
}

fn index(channel: Channel) -> usize {
    usize::from(channel.stream())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[allow(clippy::disallowed_methods)]
    fn any_instant() -> Instant {
        Instant::now()
    }

    fn message(length: usize) -> Bytes {
        vec![0; length].into()
    }

    #[test]
    fn a_reliable_channel_that_was_overrun_gets_nothing_more() {
        let (mut backlog, mut fates, now) = (Backlog::default(), Vec::new(), any_instant());
        assert!(backlog.push_reliable(message(60), now, 30, 100, &mut fates));
        assert!(backlog.push_reliable(message(10), now, 30, 100, &mut fates));
        assert!(fates.is_empty());
        assert!(!backlog.push_reliable(message(1), now, 30, 100, &mut fates));
        assert_eq!(fates, [(Channel::Reliable, Err(DropReason::DataOverrun)); 3]);
        assert!(backlog.is_empty());
        // The news is told once.
        assert!(backlog.push_reliable(message(1), now, 0, 100, &mut fates));
        assert_eq!(fates.len(), 4);
        backlog.write(Channel::Reliable, 0, &mut fates, |_| panic!("nothing is to be written"));
    }

    #[test]
    fn a_lossy_copy_waits_for_its_time_and_no_longer() {
        let (mut backlog, mut fates, now) = (Backlog::default(), Vec::new(), any_instant());
        let age = Duration::from_millis(100);
        backlog.push_lossy(message(5), now, &mut fates);
        backlog.push_lossy(message(5), now + Duration::from_millis(1), &mut fates);
        assert_eq!(backlog.deadline(age), Some(now + age));
        backlog.expire(now + Duration::from_millis(99), age, &mut fates);
        assert!(fates.is_empty());
        backlog.expire(now + age, age, &mut fates);
        assert_eq!(fates, [(Channel::Lossy, Err(DropReason::DataTooOld))]);
        assert_eq!(backlog.deadline(age), Some(now + Duration::from_millis(101)));
    }

    proptest! {
        /// Whatever happens, each copy has one fate, the bytes are bounded, and reliable copies
        /// leave in the order in which they came.
        #[test]
        fn every_copy_has_one_fate(
            steps in prop::collection::vec((0u8..5, 1usize..70_000, 0usize..90_000), 1..200),
        ) {
            const LIMIT: usize = 200_000;
            let (mut backlog, mut fates) = (Backlog::default(), Vec::new());
            let (mut pushed, mut overruns, mut written) = (0usize, 0, Vec::new());
            let mut now = any_instant();
            for (step, length, buffered) in steps {
                now += Duration::from_millis(7);
                match step {
                    0 => {
                        pushed += 1;
                        let mut bytes = vec![0; length.max(8)];
                        bytes[..8].copy_from_slice(&pushed.to_be_bytes());
                        let took =
                            backlog.push_reliable(bytes.into(), now, buffered, LIMIT, &mut fates);
                        overruns += usize::from(!took);
                    }
                    1 | 2 => {
                        pushed += 1;
                        backlog.push_lossy(message(length), now, &mut fates);
                    }
                    3 => backlog.expire(now, Duration::from_millis(100), &mut fates),
                    _ => {
                        let mut room = 2;
                        for channel in Channel::ALL {
                            backlog.write(channel, buffered, &mut fates, |bytes| {
                                if room == 0 {
                                    return Taken::Later;
                                }
                                room -= 1;
                                if channel == Channel::Reliable {
                                    written.push(bytes[..8].to_vec());
                                }
                                if length % 5 == 0 { Taken::Never } else { Taken::Yes }
                            });
                        }
                    }
                }
                let waiting: usize = backlog.waiting.iter().map(VecDeque::len).sum();
                prop_assert_eq!(fates.len() + waiting, pushed);
                prop_assert!(backlog.bytes[0] <= LIMIT && backlog.bytes[1] <= LOSSY_BYTES);
            }
            prop_assert!(overruns <= 1);
            prop_assert!(written.is_sorted());
            for channel in Channel::ALL {
                backlog.clear(channel, DropReason::DataClosed, &mut fates);
            }
            prop_assert_eq!(fates.len(), pushed);
            prop_assert_eq!(backlog.bytes, [0, 0]);
        }
    }
}
