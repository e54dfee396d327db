//! How much one address or one connection may ask: token buckets and counted places.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use signaling_core::error::{ErrorCode, RequestError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config;

/// Bytes of an SDP offer.
pub const SDP_BYTES: usize = 256 * 1024;
/// Bytes of any other message.
pub const MESSAGE_BYTES: usize = 64 * 1024;
/// Bytes of any frame. JSON writes each line end of an SDP in twice its bytes; lines are 20 bytes or longer.
pub const FRAME_BYTES: usize = SDP_BYTES + SDP_BYTES / 8 + 1024;

/// Addresses that are remembered at a time. Beyond it the well-behaved are forgotten first.
const ADDRESSES: usize = 65_536;

/// Whoever cannot change this without effort: an IPv4 address, or the /64 that one IPv6 site has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin(IpAddr);

impl Origin {
    /// The address, or the first of the /64.
    pub fn address(self) -> IpAddr {
        self.0
    }
}

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => {
                let prefix = address.to_bits() & !u128::from(u64::MAX);
                Origin(Ipv6Addr::from_bits(prefix).into())
            }
            v4 => Origin(v4),
        }
    }
}

/// So many a second, and so many saved up.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    per_second: f64,
    burst: f64,
}

impl Rate {
    /// `per_second` of 0 lifts the limit.
    pub fn new(per_second: u32, burst: u32) -> Rate {
        Rate { per_second: per_second.into(), burst: burst.max(1).into() }
    }
}

/// What is left of a [`Rate`] at one moment.
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket {
    rate: Rate,
    level: f64,
    at: Instant,
}

impl TokenBucket {
    /// A full one.
    pub fn new(rate: Rate, now: Instant) -> TokenBucket {
        TokenBucket { rate, level: rate.burst, at: now }
    }

    /// Takes one token. `false` where none is left.
    pub fn try_take(&mut self, now: Instant) -> bool {
        if self.rate.per_second == 0.0 {
            return true;
        }
        self.refill(now);
        let taken = self.level >= 1.0;
        if taken {
            self.level -= 1.0;
        }
        taken
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + elapsed * self.rate.per_second).min(self.rate.burst);
        self.at = now;
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.level >= self.rate.burst
    }
}

/// Joins by address.
#[derive(Clone)]
pub struct Joins {
    rate: Rate,
    buckets: Arc<Mutex<HashMap<Origin, TokenBucket>>>,
}

impl Joins {
    /// As configured.
    pub fn new(limits: &config::Limits) -> Joins {
        Joins {
            rate: Rate::new(limits.joins_per_second, limits.join_burst),
            buckets: Arc::default(),
        }
    }

    /// Counts one join, or one attempt at it. `false` where the address has used up its share.
    pub fn try_take(&self, address: IpAddr, now: Instant) -> bool {
        let mut buckets = locked(&self.buckets);
        if buckets.len() >= ADDRESSES {
            buckets.retain(|_, bucket| !bucket.is_full(now));
            // All of them are busy: an attack from everywhere. Memory is worth more than memories.
            if buckets.len() >= ADDRESSES {
                buckets.clear();
            }
        }
        buckets
            .entry(address.into())
            .or_insert_with(|| TokenBucket::new(self.rate, now))
            .try_take(now)
    }
}

/// Places for connections, in all and by address.
#[derive(Clone)]
pub struct Connections {
    total: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<Origin, u32>>>,
    per_address: u32,
}

impl Connections {
    /// As configured.
    pub fn new(limits: &config::Limits) -> Connections {
        Connections::of(limits.connections, limits.connections_per_address)
    }

    /// So many in all, and `per_address` (0: any number) from one address.
    pub fn of(total: u32, per_address: u32) -> Connections {
        Connections {
            total: Arc::new(Semaphore::new(total as usize)),
            by_address: Arc::default(),
            per_address,
        }
    }

    /// A place for a connection from `address`, if there is one at once.
    pub fn try_take(&self, address: IpAddr) -> Option<Place> {
        let permit = Some(Arc::clone(&self.total).try_acquire_owned().ok()?);
        Vacancy { permit, connections: self.clone() }.take(address)
    }

    /// Waits for a place among all connections. Called before `accept`, so that what is too much
    /// waits in the kernel and costs nothing.
    pub async fn vacancy(&self) -> Vacancy {
        // The semaphore is never closed; a vacancy without a permit would only lift the limit.
        let permit = Arc::clone(&self.total).acquire_owned().await.ok();
        Vacancy { permit, connections: self.clone() }
    }
}

/// A place that nobody has taken yet.
pub struct Vacancy {
    permit: Option<OwnedSemaphorePermit>,
    connections: Connections,
}

impl Vacancy {
    /// Gives the place to a connection from `address`. `None` where that has enough.
    pub fn take(self, address: IpAddr) -> Option<Place> {
        let Connections { by_address, per_address, .. } = self.connections;
        let origin = Origin::from(address);
        let mut counts = locked(&by_address);
        let count = counts.entry(origin).or_insert(0);
        if per_address != 0 && *count >= per_address {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Place { _permit: self.permit, by_address, origin })
    }
}

/// One connection's place; free again when dropped.
pub struct Place {
    _permit: Option<OwnedSemaphorePermit>,
    by_address: Arc<Mutex<HashMap<Origin, u32>>>,
    origin: Origin,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = locked(&self.by_address);
        if let Some(count) = counts.get_mut(&self.origin) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.origin);
            }
        }
    }
}

/// Places for event feeds, in all, by address and by token.
#[derive(Clone)]
pub struct Feeds {
    counts: Arc<Mutex<HashMap<Share, u32>>>,
    total: u32,
    per_address: u32,
    per_token: u32,
    hasher: RandomState,
}

/// What feeds are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Share {
    Total,
    Address(Origin),
    /// A token's hash, with a secret of this run.
    Token(u64),
}

impl Feeds {
    /// As configured.
    pub fn new(limits: &config::Limits) -> Feeds {
        Feeds {
            counts: Arc::default(),
            total: limits.feeds,
            per_address: limits.feeds_per_address,
            per_token: limits.feeds_per_token,
            hasher: RandomState::new(),
        }
    }

    /// Feeds that have a place now.
    pub fn taken(&self) -> u32 {
        locked(&self.counts).get(&Share::Total).copied().unwrap_or_default()
    }

    /// A place for a feed of `address`, and of `token` where it is read with one.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`] when the address or the token has enough, [`ErrorCode::Full`].
    pub fn take(&self, address: IpAddr, token: Option<&str>) -> Result<FeedPlace, RequestError> {
        let mut place = FeedPlace { counts: Arc::clone(&self.counts), shares: Vec::new() };
        let limited = |message| RequestError::new(ErrorCode::RateLimited, message);
        let token = token.map(|token| Share::Token(self.hasher.hash_one(token)));
        if let Some(token) = token {
            let error = limited("too many feeds are open with this token: close some first");
            place.add(token, self.per_token, error)?;
        }
        let error = limited("too many feeds are open from this address: close some first");
        place.add(Share::Address(address.into()), self.per_address, error)?;
        let error = RequestError::new(ErrorCode::Full, "the server has all the feeds it takes");
        place.add(Share::Total, self.total, error)?;
        Ok(place)
    }
}

/// One feed's place; free again when dropped.
pub struct FeedPlace {
    counts: Arc<Mutex<HashMap<Share, u32>>>,
    shares: Vec<Share>,
}

impl FeedPlace {
    fn add(&mut self, share: Share, limit: u32, error: RequestError) -> Result<(), RequestError> {
        let mut counts = locked(&self.counts);
        let count = counts.entry(share).or_insert(0);
        if limit != 0 && *count >= limit {
            return Err(error);
        }
        *count += 1;
        self.shares.push(share);
        Ok(())
    }
}

impl Drop for FeedPlace {
    fn drop(&mut self) {
        let mut counts = locked(&self.counts);
        for share in &self.shares {
            if let Some(count) = counts.get_mut(share) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(share);
                }
            }
        }
    }
}

/// Every critical section here leaves the map whole, so a panic elsewhere spoils nothing.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = TokenBucket::new(Rate::new(2, 3), start);
        let taken = |bucket: &mut TokenBucket, at| (0..10).filter(|_| bucket.try_take(at)).count();
        assert_eq!(taken(&mut bucket, start), 3);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(1)), 2);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(60)), 3);
        // Time that runs backwards gives nothing.
        assert_eq!(taken(&mut bucket, start), 0);
    }

    #[test]
    fn zero_lifts_the_limit() {
        let now = Instant::now();
        let mut bucket = TokenBucket::new(Rate::new(0, 0), now);
        assert!((0..10_000).all(|_| bucket.try_take(now)));
    }

    #[test]
    fn joins_are_counted_by_address_and_by_ipv6_site() {
        let limits = config::Limits { joins_per_second: 1, join_burst: 2, ..Default::default() };
        let joins = Joins::new(&limits);
        let now = Instant::now();
        let taken = |text| (0..5).filter(|_| joins.try_take(address(text), now)).count();
        assert_eq!(taken("192.0.2.1"), 2);
        assert_eq!(taken("192.0.2.2"), 2);
        assert_eq!(taken("::ffff:192.0.2.1"), 0);
        assert_eq!(taken("2001:db8::1"), 2);
        assert_eq!(taken("2001:db8::ffff:1"), 0);
        assert_eq!(taken("2001:db8:0:1::1"), 2);
    }

    #[test]
    fn remembered_addresses_are_bounded() {
        let joins = Joins::new(&config::Limits::default());
        let now = Instant::now();
        for number in 0..(ADDRESSES as u32 + 10) {
            joins.try_take(std::net::Ipv4Addr::from_bits(number).into(), now);
        }
        assert!(locked(&joins.buckets).len() <= ADDRESSES);
    }

    #[tokio::test]
    async fn places_are_counted_and_come_back() {
        let limits =
            config::Limits { connections: 3, connections_per_address: 2, ..Default::default() };
        let connections = Connections::new(&limits);
        let one = connections.vacancy().await.take(address("192.0.2.1")).unwrap();
        let two = connections.vacancy().await.take(address("192.0.2.1")).unwrap();
        assert!(connections.vacancy().await.take(address("192.0.2.1")).is_none());
        let three = connections.vacancy().await.take(address("192.0.2.2")).unwrap();
        let full = tokio::time::timeout(Duration::from_millis(20), connections.vacancy()).await;
        assert!(full.is_err());
        drop(one);
        assert!(connections.vacancy().await.take(address("192.0.2.1")).is_some());
        drop((two, three));
        assert!(locked(&connections.by_address).is_empty());
    }

    #[test]
    fn feeds_are_counted_by_token_by_address_and_in_all() {
        let limits = config::Limits {
            feeds_per_token: 1,
            feeds_per_address: 2,
            feeds: 3,
            ..Default::default()
        };
        let feeds = Feeds::new(&limits);
        let take = |text, token| feeds.take(address(text), token);
        let refused = |text, token| take(text, token).err().map(|error| error.code);
        let one = take("192.0.2.1", Some("a")).unwrap();
        assert_eq!(refused("192.0.2.2", Some("a")), Some(ErrorCode::RateLimited));
        let two = take("192.0.2.1", None).unwrap();
        assert_eq!(refused("192.0.2.1", Some("b")), Some(ErrorCode::RateLimited));
        let three = take("192.0.2.2", Some("b")).unwrap();
        assert_eq!(refused("192.0.2.3", None), Some(ErrorCode::Full));
        drop(one);
        let again = take("192.0.2.1", Some("a")).unwrap();
        drop((two, three, again));
        assert!(locked(&feeds.counts).is_empty(), "what was refused left nothing behind");
    }
}
