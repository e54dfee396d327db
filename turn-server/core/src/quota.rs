//! How many allocations a user and a source may have. One ledger for all servers of a process: the
//! shell asks it when it opens relay sockets, which is seldom.

use std::collections::HashMap;
use std::net::IpAddr;

/// The limits; 0 means none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Allocations at a time, all together.
    pub allocations: usize,
    /// Of one user name. Time-limited user names of one name count as one.
    pub per_user: usize,
    /// Of one source address; of IPv6 its first 64 bits count.
    pub per_source: usize,
}

/// Whom an allocation is counted for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder {
    /// The user's name, without the time limit of a time-limited credential.
    pub user: String,
    /// The client's address.
    pub source: IpAddr,
}

impl Holder {
    /// The holder for a user name as it was sent.
    pub fn new(username: &str, source: IpAddr) -> Holder {
        let user = match username.split_once(':') {
            Some((expiry, name)) if expiry.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => username,
        };
        let source = match source {
            IpAddr::V4(_) => source,
            IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() >> 64 << 64).into()),
        };
        Holder { user: user.to_owned(), source }
    }
}

/// Which limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// The server's: 508.
    Capacity,
    /// The user's or the source's: 486.
    Quota,
}

/// Counts allocations.
#[derive(Debug)]
pub struct Ledger {
    limits: Limits,
    all: usize,
    users: HashMap<String, usize>,
    sources: HashMap<IpAddr, usize>,
}

impl Ledger {
    /// A ledger without allocations.
    pub fn new(limits: Limits) -> Ledger {
        Ledger { limits, all: 0, users: HashMap::new(), sources: HashMap::new() }
    }

    /// Counts one more, or says which limit forbids it.
    ///
    /// # Errors
    /// The limit that is reached; nothing was counted then.
    pub fn enter(&mut self, holder: &Holder) -> Result<(), Exceeded> {
        let full = |limit: usize, count: usize| limit != 0 && count >= limit;
        if full(self.limits.allocations, self.all) {
            return Err(Exceeded::Capacity);
        }
        let of_user = self.users.get(&holder.user).copied().unwrap_or(0);
        let of_source = self.sources.get(&holder.source).copied().unwrap_or(0);
        if full(self.limits.per_user, of_user) || full(self.limits.per_source, of_source) {
            return Err(Exceeded::Quota);
        }
        self.all += 1;
        self.users.insert(holder.user.clone(), of_user + 1);
        self.sources.insert(holder.source, of_source + 1);
        Ok(())
    }

    /// Counts one less.
    pub fn leave(&mut self, holder: &Holder) {
        self.all = self.all.saturating_sub(1);
        if let Some(count) = self.users.get_mut(&holder.user) {
            *count -= 1;
            if *count == 0 {
                self.users.remove(&holder.user);
            }
        }
        if let Some(count) = self.sources.get_mut(&holder.source) {
            *count -= 1;
            if *count == 0 {
                self.sources.remove(&holder.source);
            }
        }
    }

    /// How many allocations there are.
    pub fn count(&self) -> usize {
        self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(user: &str, source: &str) -> Holder {
        Holder::new(user, source.parse().unwrap())
    }

    #[test]
    fn one_users_allocations_leave_room_for_others() {
        let mut ledger = Ledger::new(Limits { allocations: 5, per_user: 2, per_source: 3 });
        assert_eq!(ledger.enter(&holder("10:ada", "192.0.2.1")), Ok(()));
        assert_eq!(ledger.enter(&holder("20:ada", "192.0.2.2")), Ok(()));
        assert_eq!(ledger.enter(&holder("30:ada", "192.0.2.3")), Err(Exceeded::Quota));
        assert_eq!(ledger.enter(&holder("bob", "192.0.2.1")), Ok(()));
        assert_eq!(ledger.enter(&holder("eve", "192.0.2.1")), Ok(()));
        assert_eq!(ledger.enter(&holder("kim", "192.0.2.1")), Err(Exceeded::Quota));
        assert_eq!(ledger.enter(&holder("kim", "2001:db8::1")), Ok(()));
        assert_eq!(ledger.enter(&holder("leo", "2001:db8::2")), Err(Exceeded::Capacity));
        ledger.leave(&holder("30:ada", "192.0.2.2"));
        assert_eq!(ledger.enter(&holder("30:ada", "192.0.2.2")), Ok(()));
    }

    #[test]
    fn an_empty_ledger_holds_no_names() {
        let mut ledger = Ledger::new(Limits { allocations: 0, per_user: 1, per_source: 0 });
        let holder = holder("ada", "2001:db8::1:2:3:4");
        ledger.enter(&holder).unwrap();
        ledger.leave(&holder);
        assert_eq!(ledger.count(), 0);
        assert!(ledger.users.is_empty() && ledger.sources.is_empty());
    }
}
