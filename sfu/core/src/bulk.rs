//! One bulk stream on its way from its sender to its receivers: what waits, and for whom.
//!
//! The bytes wait once, however many still have to take them, and no more of them than `buffer`. When all of
//! that waits for one receiver the sender pauses, until that one has caught up with half of it. In the pause it has
//! the machine to itself, so where it was last only because all share one, the pause is short: those who are alike
//! take turns in being last, and the one that is would stay it if the others got each byte as soon as it had made
//! room for it. (For that, half of the buffer has to be more than what a receiver's connection takes at once without
//! sending it.) So the sender goes at the speed of the slowest receiver, and how long it pauses says how
//! much that one is slower than the others.
//!
//! One that is behind by more than half of the buffer in a pause, while another asks for more in vain, holds up the
//! rest: the time of that is on its account, and when it comes to `grace` the receiver is given up. Half of the time
//! in which it holds up nobody is taken off again. So the rest loses `grace` to a slow receiver, and waits for one
//! that is two thirds as fast; a single receiver, or receivers that are all slow, are waited for, but not one that
//! takes nothing at all for `timeout`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

/// What a chunk counts for beside its bytes, so that small ones are bounded as well.
const CHUNK_OVERHEAD: usize = 64;

/// Of the time in which a receiver holds up nobody, this part is taken off its account.
const FORGIVEN: u32 = 2;

/// What a receiver finds when it wants to have more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// These bytes.
    Chunk(Bytes),
    /// Nothing yet.
    Later,
    /// It has had everything.
    Finished,
    /// The sender has given up.
    Cancelled,
    /// It was too slow for the others, and gets nothing more.
    Slow,
}

/// What holds for a bulk stream.
#[derive(Debug, Clone, Copy)]
pub struct BulkLimits {
    /// Bytes that may wait, for all receivers together.
    pub buffer: usize,
    /// How long a receiver may hold up others, in all.
    pub grace: Duration,
    /// How long a receiver for which something waits may take nothing.
    pub timeout: Duration,
}

/// A bulk stream under way. Receivers go by their number, from 0.
#[derive(Debug)]
pub struct Bulk {
    limits: BulkLimits,
    /// What some receiver still has to take, and the number of the first of it.
    chunks: VecDeque<Bytes>,
    first: u64,
    receivers: Vec<Receiver>,
    sender: Sender,
    given_up: Vec<usize>,
    /// Until when the accounts are kept.
    settled: Instant,
}

#[derive(Debug)]
struct Receiver {
    /// The chunk that it takes next.
    next: u64,
    /// What it has to catch up with, with the overhead.
    waiting: usize,
    /// It asked for more than there is, and nothing has come since. One that has taken everything may still be
    /// busy with it: it lacks nothing.
    is_hungry: bool,
    /// How long it has held up others.
    account: Duration,
    /// For how long something has waited for it, and it took nothing.
    idle: Duration,
    state: Reading,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    On,
    Left,
    Slow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sender {
    On,
    /// It was told that there is no room.
    Waits,
    Finished,
    Cancelled,
}

impl Bulk {
    /// A stream to so many receivers that begins now.
    pub fn new(receivers: usize, limits: BulkLimits, now: Instant) -> Bulk {
        let receiver = || Receiver {
            next: 0,
            waiting: 0,
            is_hungry: false,
            account: Duration::ZERO,
            idle: Duration::ZERO,
            state: Reading::On,
        };
        Bulk {
            limits,
            chunks: VecDeque::new(),
            first: 0,
            receivers: std::iter::repeat_with(receiver).take(receivers).collect(),
            sender: Sender::On,
            given_up: Vec::new(),
            settled: now,
        }
    }

    /// Whether the sender may [push](Bulk::push) a chunk. If not it waits, and receivers can be in its way.
    pub fn has_room(&mut self, now: Instant) -> bool {
        self.settle(now);
        let has_room = match self.sender {
            Sender::Waits => !self.reading().any(|receiver| receiver.waiting > self.far()),
            _ => !self.reading().any(|receiver| receiver.waiting >= self.limits.buffer),
        };
        if !self.has_ended() {
            self.sender = if has_room { Sender::On } else { Sender::Waits };
        }
        has_room
    }

    /// Takes a chunk from the sender, after [`Bulk::has_room`] has said that there is room.
    pub fn push(&mut self, chunk: Bytes) {
        if self.is_over() {
            return;
        }
        let weight = weight(&chunk);
        self.chunks.push_back(chunk);
        for receiver in &mut self.receivers {
            receiver.waiting += weight;
            receiver.is_hungry = false;
        }
    }

    /// The sender has sent everything.
    pub fn finish(&mut self, now: Instant) {
        self.settle(now);
        if !self.has_ended() {
            self.sender = Sender::Finished;
        }
    }

    /// The sender has given up; what waits is dropped. After [`Bulk::finish`] nothing is.
    pub fn cancel(&mut self, now: Instant) {
        self.settle(now);
        if self.has_ended() {
            return;
        }
        self.sender = Sender::Cancelled;
        self.first += self.chunks.drain(..).len() as u64;
    }

    /// What a receiver takes next, when it can pass it on at once: one that gets [`Next::Later`] counts as held
    /// up from then on. `None` if there is no receiver with that number.
    pub fn take(&mut self, now: Instant, receiver: usize) -> Option<Next> {
        self.settle(now);
        let (first, sender) = (self.first, self.sender);
        let reader = self.receivers.get_mut(receiver)?;
        if reader.state != Reading::On {
            return Some(Next::Slow);
        }
        if sender == Sender::Cancelled {
            return Some(Next::Cancelled);
        }
        let Some(chunk) = self.chunks.get((reader.next - first) as usize).cloned() else {
            if sender == Sender::Finished {
                return Some(Next::Finished);
            }
            reader.is_hungry = true;
            return Some(Next::Later);
        };
        reader.next += 1;
        reader.idle = Duration::ZERO;
        reader.waiting -= weight(&chunk);
        self.forget_taken();
        Some(Next::Chunk(chunk))
    }

    /// A receiver wants no more of it.
    pub fn leave(&mut self, now: Instant, receiver: usize) {
        self.settle(now);
        if let Some(receiver) = self.receivers.get_mut(receiver)
            && receiver.state == Reading::On
        {
            receiver.state = Reading::Left;
        }
        self.forget_taken();
    }

    /// Keeps the accounts up to now. Receivers can be given up by it, so that there is room again: to be
    /// called from time to time, as nobody may come who does.
    pub fn settle(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.settled);
        let (is_held_up, far) = (self.is_held_up(), self.far());
        let before = self.given_up.len();
        for (number, receiver) in self.receivers.iter_mut().enumerate() {
            if receiver.state != Reading::On {
                continue;
            }
            if receiver.waiting > 0 {
                receiver.idle += passed;
            }
            if is_held_up && receiver.waiting > far {
                receiver.account += passed;
            } else {
                receiver.account = receiver.account.saturating_sub(passed / FORGIVEN);
            }
            if receiver.account >= self.limits.grace || receiver.idle >= self.limits.timeout {
                receiver.state = Reading::Slow;
                self.given_up.push(number);
            }
        }
        self.settled = self.settled.max(now);
        if self.given_up.len() > before {
            self.forget_taken();
        }
    }

    /// Whether a receiver was given up.
    pub fn is_slow(&self, receiver: usize) -> bool {
        self.receivers.get(receiver).is_some_and(|receiver| receiver.state == Reading::Slow)
    }

    /// The receivers that were given up since this was asked last.
    pub fn take_given_up(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.given_up)
    }

    /// Whether no receiver is left to send to.
    pub fn is_over(&self) -> bool {
        self.reading().next().is_none()
    }

    #[cfg(test)]
    fn held(&self) -> usize {
        self.chunks.iter().map(Bytes::len).sum()
    }

    fn has_ended(&self) -> bool {
        matches!(self.sender, Sender::Finished | Sender::Cancelled)
    }

    /// The sender waits for some while another has asked for more.
    fn is_held_up(&self) -> bool {
        self.sender == Sender::Waits && self.reading().any(|receiver| receiver.is_hungry)
    }

    /// What a receiver may be behind by when the sender goes on after a pause.
    fn far(&self) -> usize {
        self.limits.buffer / 2
    }

    fn reading(&self) -> impl Iterator<Item = &Receiver> {
        self.receivers.iter().filter(|receiver| receiver.state == Reading::On)
    }

    /// Lets go of what all have taken.
    fn forget_taken(&mut self) {
        let end = self.first + self.chunks.len() as u64;
        let next = self.reading().map(|receiver| receiver.next).min().unwrap_or(end);
        // After a cancel there is nothing left to let go of.
        for _ in self.first..next.min(end) {
            self.chunks.pop_front();
            self.first += 1;
        }
    }
}

fn weight(chunk: &Bytes) -> usize {
    chunk.len() + CHUNK_OVERHEAD
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUFFER: usize = 100_000;
    const GRACE: Duration = Duration::from_secs(2);
    const CHUNK: usize = 10_000;
    const LIMITS: BulkLimits =
        BulkLimits { buffer: BUFFER, grace: GRACE, timeout: Duration::from_secs(60) };

    #[allow(clippy::disallowed_methods)]
    fn any_instant() -> Instant {
        Instant::now()
    }

    /// What became of one receiver of a simulated stream.
    #[derive(Debug, Clone, Copy, PartialEq)]
    struct Outcome {
        at: Duration,
        is_whole: bool,
    }

    /// Sends `chunks` as fast as they are taken, to receivers that take so many bytes a millisecond.
    fn simulate(chunks: usize, rates: &[usize]) -> Vec<Outcome> {
        let begin = any_instant();
        let mut bulk = Bulk::new(rates.len(), LIMITS, begin);
        let mut outcomes = vec![None; rates.len()];
        let mut allowed = vec![0usize; rates.len()];
        let mut pushed = 0;
        for millis in 0.. {
            let at = Duration::from_millis(millis);
            let now = begin + at;
            assert!(at < Duration::from_secs(100_000), "{outcomes:?}");
            loop {
                let mut is_idle = true;
                while pushed < chunks && bulk.has_room(now) {
                    bulk.push(vec![pushed as u8; CHUNK].into());
                    pushed += 1;
                }
                if pushed == chunks {
                    bulk.finish(now);
                }
                assert!(bulk.held() < BUFFER + CHUNK);
                for (number, allowed) in allowed.iter_mut().enumerate() {
                    if outcomes[number].is_some() || *allowed < CHUNK {
                        continue;
                    }
                    match bulk.take(now, number).unwrap() {
                        Next::Chunk(chunk) => {
                            *allowed -= chunk.len();
                            is_idle = false;
                        }
                        Next::Later => {}
                        Next::Finished => outcomes[number] = Some(Outcome { at, is_whole: true }),
                        Next::Slow => outcomes[number] = Some(Outcome { at, is_whole: false }),
                        Next::Cancelled => panic!("nobody has cancelled"),
                    }
                }
                if is_idle {
                    break;
                }
            }
            if outcomes.iter().all(Option::is_some) {
                break;
            }
            for (allowed, rate) in allowed.iter_mut().zip(rates) {
                // A socket that has been idle does not take more for it later.
                *allowed = (*allowed + rate).min(CHUNK + rate);
            }
        }
        outcomes.into_iter().map(Option::unwrap).collect()
    }

    #[test]
    fn nine_go_on_at_full_speed_after_the_grace_of_the_tenth() {
        let mut rates = vec![50_000; 9];
        rates.push(1_000);
        // 500 MB at 50 MB/s.
        let outcomes = simulate(50_000, &rates);
        for outcome in &outcomes[..9] {
            assert!(outcome.is_whole && outcome.at < Duration::from_millis(10_000 + 2_100));
        }
        assert!(!outcomes[9].is_whole && outcomes[9].at < Duration::from_secs(13));
    }

    /// The faster one has taken all there is for most of the time, and is busy with it.
    #[test]
    fn who_keeps_up_but_for_a_little_is_not_given_up() {
        let outcomes = simulate(6_000, &[2_366, 2_319]);
        assert!(outcomes.iter().all(|outcome| outcome.is_whole), "{outcomes:?}");
    }

    /// Nine share a machine that sends a chunk of each in turn, as far as they have one; for the first tenth of a
    /// second nothing of one is sent.
    #[test]
    fn who_was_last_once_catches_up_where_all_share_a_machine() {
        let begin = any_instant();
        let mut bulk = Bulk::new(9, LIMITS, begin);
        let mut to_send = [0; 9];
        let mut turn = 0;
        for micros in (0..10_000_000).step_by(100) {
            let now = begin + Duration::from_micros(micros);
            let is_there = |number: &usize| *number > 0 || micros > 100_000;
            let next = (1..=9).map(|after| (turn + after) % 9);
            let next = next.filter(is_there).find(|number| to_send[*number] > 0);
            if let Some(next) = next {
                to_send[next] -= 1;
                turn = next;
            }
            while bulk.has_room(now) {
                bulk.push(vec![0; CHUNK].into());
            }
            for (number, to_send) in to_send.iter_mut().enumerate() {
                while *to_send < 2 {
                    match bulk.take(now, number) {
                        Some(Next::Chunk(_)) => *to_send += 1,
                        Some(Next::Later) => break,
                        other => panic!("{number} after {micros} us: {other:?}"),
                    }
                }
            }
        }
    }

    /// Nine share a machine: for a second at a time, one of them gets little of it.
    #[test]
    fn those_who_take_turns_in_being_last_are_not_given_up() {
        let begin = any_instant();
        let mut bulk = Bulk::new(9, LIMITS, begin);
        for millis in 0..60_000 {
            let now = begin + Duration::from_millis(millis);
            let last = (millis / 1_000 % 9) as usize;
            while bulk.has_room(now) {
                bulk.push(vec![0; CHUNK].into());
            }
            for number in 0..9 {
                let takes = if number == last { usize::from(millis % 4 == 0) } else { 4 };
                for _ in 0..takes {
                    assert_ne!(bulk.take(now, number), Some(Next::Slow), "{number} at {millis}");
                }
            }
        }
    }

    #[test]
    fn who_is_slow_with_nobody_else_in_a_hurry_is_waited_for() {
        for rates in [&[100][..], &[100, 100, 100]] {
            let outcomes = simulate(100, rates);
            assert!(outcomes.iter().all(|outcome| outcome.is_whole), "{outcomes:?}");
        }
    }

    #[test]
    fn who_takes_nothing_for_the_timeout_is_given_up_alone_too() {
        let mut now = any_instant();
        let mut bulk = Bulk::new(1, LIMITS, now);
        // With nothing to take nobody is idle.
        now += 2 * LIMITS.timeout;
        for _ in 0..2 {
            assert!(bulk.has_room(now));
            bulk.push(vec![0; BUFFER / 2].into());
        }
        assert!(!bulk.has_room(now));
        now += LIMITS.timeout.mul_f64(0.9);
        assert!(matches!(bulk.take(now, 0), Some(Next::Chunk(_))));
        now += LIMITS.timeout.mul_f64(0.9);
        bulk.settle(now);
        assert!(!bulk.is_slow(0), "it took something meanwhile");
        now += LIMITS.timeout.mul_f64(0.2);
        bulk.settle(now);
        assert!(bulk.is_slow(0) && bulk.is_over());
        assert_eq!((bulk.held(), bulk.take(now, 0)), (0, Some(Next::Slow)));
    }

    #[test]
    fn a_pause_of_the_sender_is_on_nobodys_account() {
        let mut now = any_instant();
        let mut bulk = Bulk::new(2, LIMITS, now);
        while bulk.has_room(now) {
            bulk.push(vec![0; CHUNK].into());
            assert!(matches!(bulk.take(now, 0), Some(Next::Chunk(_))));
        }
        assert_eq!(bulk.take(now, 0), Some(Next::Later));
        bulk.settle(now + GRACE / 2);
        // The second catches up, and the sender has nothing to send for half a minute.
        now += GRACE / 2;
        while !bulk.has_room(now) {
            assert!(matches!(bulk.take(now, 1), Some(Next::Chunk(_))));
        }
        bulk.push(vec![0; CHUNK].into());
        now += Duration::from_secs(30);
        bulk.settle(now);
        assert!(!bulk.is_slow(1));
        // It is the sender's waiting that counts.
        assert!(matches!(bulk.take(now, 0), Some(Next::Chunk(_))));
        while bulk.has_room(now) {
            bulk.push(vec![0; CHUNK].into());
            assert!(matches!(bulk.take(now, 0), Some(Next::Chunk(_))));
        }
        assert_eq!(bulk.take(now, 0), Some(Next::Later));
        bulk.settle(now + GRACE.mul_f64(0.9));
        assert!(!bulk.is_slow(1));
        bulk.settle(now + GRACE);
        assert!(bulk.is_slow(1));
        assert_eq!(bulk.take_given_up(), [1]);
        assert!(bulk.has_room(now + GRACE));
    }

    #[test]
    fn ends_are_passed_on_and_leaving_frees() {
        let now = any_instant();
        let mut bulk = Bulk::new(2, LIMITS, now);
        bulk.push(Bytes::from_static(b"one"));
        assert_eq!(bulk.take(now, 0), Some(Next::Chunk(Bytes::from_static(b"one"))));
        assert_eq!((bulk.take(now, 0), bulk.held()), (Some(Next::Later), 3));
        bulk.leave(now, 1);
        assert_eq!((bulk.held(), bulk.is_over()), (0, false));
        bulk.push(Bytes::from_static(b"two"));
        bulk.cancel(now);
        assert_eq!((bulk.take(now, 0), bulk.held()), (Some(Next::Cancelled), 0));
        bulk.leave(now, 0);
        assert!(bulk.is_over());
        bulk.push(Bytes::from_static(b"three"));
        assert_eq!((bulk.held(), bulk.take(now, 2)), (0, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// The fastest loses no more than the grace of each slow one and a third of its speed; who is nearly as
        /// fast is not given up; and memory is bounded (see `simulate`).
        #[test]
        fn nobody_is_held_up_for_long(rates in prop::collection::vec(200usize..5_000, 1..6)) {
            let chunks = 3_000;
            let fastest = *rates.iter().max().unwrap();
            let alone = Duration::from_millis((chunks * CHUNK / fastest) as u64);
            for (outcome, rate) in simulate(chunks, &rates).into_iter().zip(&rates) {
                let most = alone.mul_f64(1.52) + GRACE * rates.len() as u32;
                if *rate == fastest {
                    prop_assert!(outcome.is_whole, "{outcome:?}");
                    prop_assert!(outcome.at < most, "{outcome:?}, {alone:?} alone");
                }
                if *rate * 10 >= fastest * 8 {
                    prop_assert!(outcome.is_whole, "{outcome:?} at {rate} of {fastest}");
                }
            }
        }

        /// What a receiver has had is a beginning of what was sent, and the whole if it has finished.
        #[test]
        fn bytes_come_whole_and_in_order(
            steps in prop::collection::vec((0u8..12, 0usize..3, 0u64..400), 1..400),
        ) {
            let mut now = any_instant();
            let limits = BulkLimits { buffer: 4_000, grace: Duration::from_secs(1), ..LIMITS };
            let mut bulk = Bulk::new(3, limits, now);
            let (mut sent, mut got) = (Vec::new(), vec![Vec::new(); 3]);
            let mut gone = [false; 3];
            let mut ended = false;
            for (what, who, millis) in steps {
                now += Duration::from_millis(millis);
                match what {
                    0..5 if !ended && bulk.has_room(now) => {
                        let chunk = vec![sent.len() as u8; 1 + millis as usize];
                        sent.extend_from_slice(&chunk);
                        bulk.push(chunk.into());
                    }
                    10 if who == 2 && millis > 350 => {
                        bulk.leave(now, who);
                        gone[who] = true;
                    }
                    11 if millis > 380 => {
                        bulk.finish(now);
                        ended = true;
                    }
                    5..10 => match bulk.take(now, who).unwrap() {
                        Next::Chunk(chunk) => {
                            prop_assert!(!gone[who]);
                            got[who].extend_from_slice(&chunk);
                        }
                        Next::Later => prop_assert!(!ended),
                        Next::Finished => prop_assert_eq!(&got[who], &sent),
                        Next::Slow => gone[who] = true,
                        Next::Cancelled => prop_assert!(false, "nobody has cancelled"),
                    },
                    _ => {}
                }
                prop_assert!(got.iter().all(|got| sent.starts_with(got)));
                prop_assert!(bulk.held() < 4_000 + 401);
                if gone.iter().all(|gone| *gone) {
                    prop_assert_eq!(bulk.held(), 0);
                }
            }
        }
    }
}
