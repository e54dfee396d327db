//! How often strangers are answered: a bucket of tokens per source network, in a table that does
//! not grow.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Networks share a bucket with others rather than make the table grow.
const BUCKETS: usize = 16_384;

/// Seconds' worth of tokens that a full bucket holds.
const BURST: f32 = 5.0;

/// Tokens per /24 (IPv4) and /64 (IPv6): a source address of a datagram may be forged, and who can
/// forge one can forge its neighbours.
pub(crate) struct Rate {
    per_second: f32,
    buckets: Vec<Bucket>,
    hash: RandomState,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f32,
    filled: Instant,
}

impl Rate {
    pub(crate) fn new(per_second: u32, now: Instant) -> Rate {
        let per_second = per_second as f32;
        let full = Bucket { tokens: per_second * BURST, filled: now };
        Rate { per_second, buckets: vec![full; BUCKETS], hash: RandomState::new() }
    }

    /// Whether there is a token; it stays.
    pub(crate) fn has(&mut self, source: IpAddr, now: Instant) -> bool {
        self.bucket(source, now).tokens >= 1.0
    }

    /// Takes a token.
    pub(crate) fn take(&mut self, source: IpAddr, now: Instant) {
        self.bucket(source, now).tokens -= 1.0;
    }

    fn bucket(&mut self, source: IpAddr, now: Instant) -> &mut Bucket {
        let network = match source {
            IpAddr::V4(ip) => (4_u8, u64::from(ip.to_bits() >> 8)),
            IpAddr::V6(ip) => (6_u8, (ip.to_bits() >> 64) as u64),
        };
        let (per_second, most) = (self.per_second, self.per_second * BURST);
        let bucket = &mut self.buckets[self.hash.hash_one(network) as usize % BUCKETS];
        let passed = now.saturating_duration_since(bucket.filled);
        bucket.tokens = (bucket.tokens + passed.as_secs_f32() * per_second).min(most);
        bucket.filled = bucket.filled.max(now);
        bucket
    }
}

/// Bytes that one allocation may relay: a bucket of one second's worth.
#[derive(Clone, Copy)]
pub(crate) struct Bandwidth {
    per_second: u64,
    left: u64,
    filled: Instant,
}

impl Bandwidth {
    /// Bytes per second; 0 means any number.
    pub(crate) fn new(per_second: u64, now: Instant) -> Bandwidth {
        Bandwidth { per_second, left: per_second, filled: now }
    }

    /// Takes this many bytes, if they are there.
    pub(crate) fn take(&mut self, bytes: usize, now: Instant) -> bool {
        if self.per_second == 0 {
            return true;
        }
        self.fill(now);
        match self.left.checked_sub(bytes as u64) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    /// Takes bytes that have gone already; what is missing is forgiven.
    pub(crate) fn spend(&mut self, bytes: usize, now: Instant) {
        self.fill(now);
        self.left = self.left.saturating_sub(bytes as u64);
    }

    /// Whether any byte is there.
    pub(crate) fn is_left(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.per_second == 0 || self.left > 0
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled);
        if passed >= Duration::from_millis(1) {
            let new = u128::from(self.per_second) * passed.as_micros() / 1_000_000;
            self.left = self.per_second.min(self.left.saturating_add(new as u64));
            self.filled = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "time must begin somewhere")]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_network_has_its_tokens_and_gets_new_ones_with_time() {
        let now = start();
        let mut rate = Rate::new(10, now);
        let (one, neighbour): (IpAddr, IpAddr) =
            ("192.0.2.1".parse().unwrap(), "192.0.2.200".parse().unwrap());
        for _ in 0..50 {
            assert!(rate.has(one, now));
            rate.take(one, now);
        }
        assert!(!rate.has(neighbour, now));
        assert!(!rate.has(one, now + Duration::from_millis(90)));
        assert!(rate.has(one, now + Duration::from_millis(101)));
    }

    #[test]
    fn bandwidth_is_given_out_by_the_second() {
        let now = start();
        let mut bandwidth = Bandwidth::new(1_000, now);
        assert!(bandwidth.take(1_000, now));
        assert!(!bandwidth.take(1, now));
        assert!(bandwidth.take(500, now + Duration::from_millis(500)));
        assert!(!bandwidth.take(1, now + Duration::from_millis(500)));
        assert!(Bandwidth::new(0, now).take(usize::MAX, now));
    }
}
