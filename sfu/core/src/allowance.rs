//! How much one session may send in data messages: two token buckets in virtual time.

use std::time::Instant;

/// A session's allowance, which fills up within a second.
///
/// The defaults are 2,000 messages and 1 MiB a second. A pointer or the state of a game, at the rate of
/// the screen, is some 100 messages of a few hundred bytes: a twentieth of it. The bytes are as
/// many as may wait for a receiver (`data_buffer`), so that no single sender can overrun a receiver
/// whose path takes 8 Mbit/s: whoever sends faster than that is to be stopped, not those who listen.
#[derive(Debug)]
pub(crate) struct Allowance {
    messages: Bucket,
    bytes: Bucket,
}

impl Allowance {
    /// A full allowance of so many messages and bytes a second.
    pub(crate) fn new(messages: u32, bytes: u32, now: Instant) -> Allowance {
        Allowance { messages: Bucket::new(messages, now), bytes: Bucket::new(bytes, now) }
    }

    /// Takes a message of so many bytes off it. False if that is too much; nothing is taken then.
    pub(crate) fn take(&mut self, now: Instant, bytes: usize) -> bool {
        self.messages.fill(now);
        self.bytes.fill(now);
        let bytes = bytes as f64;
        let within = self.messages.level >= 1.0 && self.bytes.level >= bytes;
        if within {
            self.messages.level -= 1.0;
            self.bytes.level -= bytes;
        }
        within
    }
}

#[derive(Debug)]
struct Bucket {
    per_second: f64,
    level: f64,
    filled: Instant,
}

impl Bucket {
    fn new(per_second: u32, now: Instant) -> Bucket {
        let per_second = f64::from(per_second);
        Bucket { per_second, level: per_second, filled: now }
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.level = (self.level + passed * self.per_second).min(self.per_second);
        self.filled = self.filled.max(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[allow(clippy::disallowed_methods)]
    fn any_instant() -> Instant {
        Instant::now()
    }

    #[test]
    fn messages_and_bytes_are_limited_each() {
        let now = any_instant();
        let mut allowance = Allowance::new(3, 1_000, now);
        assert!(allowance.take(now, 600));
        assert!(!allowance.take(now, 600));
        assert!(allowance.take(now, 400));
        assert!(allowance.take(now, 0));
        assert!(!allowance.take(now, 0));
        let later = now + Duration::from_millis(500);
        assert!(allowance.take(later, 500));
        assert!(!allowance.take(later, 1));
    }

    #[test]
    fn what_is_not_used_is_saved_up_for_a_second() {
        let now = any_instant();
        let mut allowance = Allowance::new(10, 1_000, now);
        let later = now + Duration::from_secs(3_600);
        let taken = (0..100).filter(|_| allowance.take(later, 10)).count();
        assert_eq!(taken, 10);
        // Time that seems to go back gives nothing.
        assert!(!allowance.take(now, 10));
        assert!(!allowance.take(later, 10));
    }
}
