//! A link: the way of a member's data messages where it is not a pair of data channels. Bytes are moved by
//! a door outside; here is what waits for that door, and until when.

use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::backlog::{Backlog, Fate};
use crate::data::Channel;
use crate::stats::DropReason;

/// Why a link is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkEnd {
    /// The member has another one.
    #[error("the participant came by another connection")]
    Replaced,
    /// The member has left the room.
    #[error("the participant is not in the room any more")]
    Dismissed,
    /// It sent more reliable data messages than allowed: leaving one out would be a silent gap.
    #[error(
        "more reliable data messages were sent than allowed; see sfu.data_messages_per_second and \
         sfu.data_bytes_per_second"
    )]
    Flooded,
    /// The engine is lost, and everything that was in it. Said by the shell.
    #[error("the media worker of this room is gone")]
    Lost,
}

/// The data messages that wait for the door of one link. Each has one [`Fate`].
#[derive(Debug)]
pub struct LinkQueue {
    backlog: Backlog,
    max_age: Duration,
    limit: usize,
}

impl LinkQueue {
    /// Nothing waits. A lossy message will wait for `max_age` at most, reliable ones may have `limit` bytes
    /// together.
    pub fn new(max_age: Duration, limit: usize) -> LinkQueue {
        LinkQueue { backlog: Backlog::default(), max_age, limit }
    }

    /// Lays a message in. False when too much that is reliable waits by now: from then on the queue takes
    /// nothing reliable any more, since there would be a gap.
    pub fn push(
        &mut self,
        now: Instant,
        channel: Channel,
        message: Bytes,
        fates: &mut Vec<Fate>,
    ) -> bool {
        match channel {
            Channel::Reliable => self.backlog.push_reliable(message, now, 0, self.limit, fates),
            Channel::Lossy => {
                self.backlog.expire(now, self.max_age, fates);
                self.backlog.push_lossy(message, now, fates);
                true
            }
        }
    }

    /// Whether nothing waits that is lossy, or reliable.
    pub fn is_empty(&self, channel: Channel) -> bool {
        self.backlog.is_drained(channel)
    }

    /// Takes the oldest lossy message that is not too old yet. Those with more bytes than `largest`, which
    /// is what the path takes, go no further.
    pub fn take_lossy(
        &mut self,
        now: Instant,
        largest: usize,
        fates: &mut Vec<Fate>,
    ) -> Option<Bytes> {
        self.backlog.expire(now, self.max_age, fates);
        loop {
            let message = self.backlog.take(Channel::Lossy)?;
            let fits = message.len() <= largest;
            fates.push((Channel::Lossy, if fits { Ok(()) } else { Err(DropReason::DataRefused) }));
            if fits {
                return Some(message);
            }
        }
    }

    /// Takes the oldest reliable message.
    pub fn take_reliable(&mut self, fates: &mut Vec<Fate>) -> Option<Bytes> {
        let message = self.backlog.take(Channel::Reliable)?;
        fates.push((Channel::Reliable, Ok(())));
        Some(message)
    }

    /// Drops what waits: the link is over.
    pub fn close(&mut self, fates: &mut Vec<Fate>) {
        for channel in Channel::ALL {
            self.backlog.clear(channel, DropReason::DataClosed, fates);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AGE: Duration = Duration::from_millis(100);

    /// What is laid in, and what the door takes when.
    #[derive(Debug, Clone)]
    enum Step {
        Push { lossy: bool, length: usize },
        TakeLossy { largest: usize },
        TakeReliable,
        Wait(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (any::<bool>(), 8usize..30_000)
                .prop_map(|(lossy, length)| Step::Push { lossy, length }),
            2 => (0usize..40_000).prop_map(|largest| Step::TakeLossy { largest }),
            2 => Just(Step::TakeReliable),
            2 => (0u64..60).prop_map(Step::Wait),
        ]
    }

    proptest! {
        /// Each message has one fate; what is taken comes in order, lossy ones fit and are in time, and
        /// after a gap nothing reliable comes.
        #[test]
        #[allow(clippy::disallowed_methods)]
        fn every_message_has_one_fate(steps in prop::collection::vec(step(), 1..300)) {
            const LIMIT: usize = 200_000;
            let mut now = Instant::now();
            let (mut queue, mut fates) = (LinkQueue::new(AGE, LIMIT), Vec::new());
            let (mut pushed, mut taken) = (Vec::new(), [Vec::new(), Vec::new()]);
            let number_of = |bytes: &Bytes| usize::from_be_bytes(bytes[..8].try_into().unwrap());
            let (mut overrun, mut waiting) = (false, 0);
            for step in steps {
                match step {
                    Step::Wait(millis) => now += Duration::from_millis(millis),
                    Step::Push { lossy, length } => {
                        let mut bytes = vec![0; length];
                        bytes[..8].copy_from_slice(&pushed.len().to_be_bytes());
                        pushed.push((lossy, now));
                        let before = overrun;
                        let kept = queue.push(now, Channel::of(lossy), bytes.into(), &mut fates);
                        overrun |= !kept;
                        prop_assert!(kept || !before, "it is said once");
                        waiting += if lossy || overrun { 0 } else { length };
                        prop_assert!(overrun || waiting <= LIMIT);
                    }
                    Step::TakeLossy { largest } => {
                        if let Some(message) = queue.take_lossy(now, largest, &mut fates) {
                            let number = number_of(&message);
                            prop_assert!(message.len() <= largest);
                            prop_assert!(now < pushed[number].1 + AGE);
                            taken[1].push(number);
                        }
                    }
                    Step::TakeReliable => {
                        if let Some(message) = queue.take_reliable(&mut fates) {
                            prop_assert!(!overrun);
                            waiting -= message.len();
                            taken[0].push(number_of(&message));
                        }
                    }
                }
            }
            let delivered = fates.iter().filter(|(_, fate)| fate.is_ok()).count();
            prop_assert_eq!(delivered, taken[0].len() + taken[1].len());
            prop_assert!(taken[1].is_sorted());
            // Of what is reliable the door has a beginning without a gap.
            let reliable = pushed.iter().enumerate().filter(|(_, (lossy, _))| !lossy);
            let reliable: Vec<usize> = reliable.map(|(number, _)| number).collect();
            prop_assert!(reliable.starts_with(&taken[0]));
            queue.close(&mut fates);
            prop_assert!(queue.is_empty(Channel::Lossy) && queue.is_empty(Channel::Reliable));
            prop_assert_eq!(fates.len(), pushed.len());
            for lossy in [false, true] {
                let of = |fate: &&Fate| fate.0 == Channel::of(lossy);
                prop_assert_eq!(
                    fates.iter().filter(of).count(),
                    pushed.iter().filter(|(was_lossy, _)| *was_lossy == lossy).count()
                );
            }
        }
    }
}
