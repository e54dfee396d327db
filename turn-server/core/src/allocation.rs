//! The table of allocations, and what one of them holds.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::auth::Login;
use crate::connection::ConnectionId;
use crate::five_tuple::FiveTuple;
use crate::message::Family;
use crate::output::Protocol;
use crate::quota::Holder;
use crate::rate::Bandwidth;

/// RFC 8656 §9.
const PERMISSION_LIFETIME: Duration = Duration::from_secs(300);
/// RFC 8656 §12.
const CHANNEL_LIFETIME: Duration = Duration::from_secs(600);

/// Names an allocation for ever: a later one in its place has another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AllocationKey {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// What a client was given: relayed addresses, and whom it may talk to by them.
pub(crate) struct Allocation {
    pub(crate) tuple: FiveTuple,
    pub(crate) login: Login,
    pub(crate) holder: Holder,
    pub(crate) began: Instant,
    pub(crate) expires: Instant,
    pub(crate) lifetime: Duration,
    /// The relayed addresses by family; none while the sockets are being opened.
    pub(crate) relays: [Option<SocketAddr>; 2],
    pub(crate) protocol: Protocol,
    /// Connections to peers, of an allocation for TCP.
    pub(crate) connections: Vec<ConnectionId>,
    pub(crate) bandwidth: Bandwidth,
    /// Of the request that made it, with the answer: requests may come twice (RFC 8489 §6.3.1).
    pub(crate) transaction: [u8; 12],
    pub(crate) answer: Vec<u8>,
    permissions: Vec<(IpAddr, Instant)>,
    channels: Vec<Channel>,
}

struct Channel {
    number: u16,
    peer: SocketAddr,
    expires: Instant,
}

/// A channel cannot be bound as asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ChannelError {
    /// The number or the peer is bound to another one.
    Taken,
    /// There are too many.
    Full,
}

impl Allocation {
    pub(crate) fn new(
        tuple: FiveTuple,
        login: Login,
        protocol: Protocol,
        transaction: [u8; 12],
        lifetime: Duration,
        bandwidth: u64,
        now: Instant,
    ) -> Allocation {
        Allocation {
            tuple,
            holder: Holder::new(&login.username, tuple.client.ip()),
            login,
            began: now,
            expires: now + lifetime,
            lifetime,
            relays: [None; 2],
            protocol,
            connections: Vec::new(),
            bandwidth: Bandwidth::new(bandwidth, now),
            transaction,
            answer: Vec::new(),
            permissions: Vec::new(),
            channels: Vec::new(),
        }
    }

    pub(crate) fn relay(&self, family: Family) -> Option<SocketAddr> {
        self.relays[family as usize]
    }

    /// Whether its sockets are open.
    pub(crate) fn is_live(&self) -> bool {
        self.relays.iter().any(Option::is_some)
    }

    pub(crate) fn permits(&self, peer: IpAddr, now: Instant) -> bool {
        self.permissions.iter().any(|&(ip, expires)| ip == peer && now < expires)
    }

    /// Installs or renews permissions: all, or none for want of room.
    pub(crate) fn permit(&mut self, peers: &[SocketAddr], most: usize, now: Instant) -> bool {
        self.permissions.retain(|&(_, expires)| now < expires);
        let mut new: Vec<IpAddr> = peers.iter().map(SocketAddr::ip).collect();
        new.sort_unstable();
        new.dedup();
        let kept = self.permissions.iter().filter(|(ip, _)| !new.contains(ip)).count();
        if kept + new.len() > most {
            return false;
        }
        self.permissions.retain(|(ip, _)| !new.contains(ip));
        self.permissions.extend(new.into_iter().map(|ip| (ip, now + PERMISSION_LIFETIME)));
        true
    }

    pub(crate) fn peer_of(&self, number: u16, now: Instant) -> Option<SocketAddr> {
        let found = self.channels.binary_search_by_key(&number, |channel| channel.number).ok()?;
        let channel = &self.channels[found];
        (now < channel.expires).then_some(channel.peer)
    }

    pub(crate) fn channel_of(&self, peer: SocketAddr, now: Instant) -> Option<u16> {
        let channel = self.channels.iter().find(|channel| channel.peer == peer)?;
        (now < channel.expires).then_some(channel.number)
    }

    /// Binds a channel, or renews it. The permission that goes with it is for the caller.
    pub(crate) fn bind(
        &mut self,
        number: u16,
        peer: SocketAddr,
        most: usize,
        now: Instant,
    ) -> Result<(), ChannelError> {
        self.channels.retain(|channel| now < channel.expires);
        let expires = now + CHANNEL_LIFETIME;
        for channel in &mut self.channels {
            match (channel.number == number, channel.peer == peer) {
                (false, false) => {}
                (true, true) => {
                    channel.expires = expires;
                    return Ok(());
                }
                _ => return Err(ChannelError::Taken),
            }
        }
        if self.channels.len() >= most {
            return Err(ChannelError::Full);
        }
        let at = self.channels.partition_point(|channel| channel.number < number);
        self.channels.insert(at, Channel { number, peer, expires });
        Ok(())
    }
}

/// Allocations by key and by five-tuple.
#[derive(Default)]
pub(crate) struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
    by_tuple: HashMap<FiveTuple, AllocationKey>,
}

struct Slot {
    generation: u32,
    allocation: Option<Box<Allocation>>,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.by_tuple.len()
    }

    pub(crate) fn key_of(&self, tuple: &FiveTuple) -> Option<AllocationKey> {
        self.by_tuple.get(tuple).copied()
    }

    pub(crate) fn get(&self, key: AllocationKey) -> Option<&Allocation> {
        let slot = self.slots.get(key.index as usize)?;
        slot.allocation.as_deref().filter(|_| slot.generation == key.generation)
    }

    pub(crate) fn get_mut(&mut self, key: AllocationKey) -> Option<&mut Allocation> {
        let slot = self.slots.get_mut(key.index as usize)?;
        slot.allocation.as_deref_mut().filter(|_| slot.generation == key.generation)
    }

    /// Puts an allocation in. Its five-tuple must have none.
    pub(crate) fn insert(&mut self, allocation: Allocation) -> AllocationKey {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot { generation: 0, allocation: None });
            (self.slots.len() - 1) as u32
        });
        let slot = &mut self.slots[index as usize];
        let key = AllocationKey { index, generation: slot.generation };
        let before = self.by_tuple.insert(allocation.tuple, key);
        debug_assert!(before.is_none());
        slot.allocation = Some(Box::new(allocation));
        key
    }

    pub(crate) fn remove(&mut self, key: AllocationKey) -> Option<Allocation> {
        self.get(key)?;
        let slot = self.slots.get_mut(key.index as usize)?;
        let allocation = *slot.allocation.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.index);
        self.by_tuple.remove(&allocation.tuple);
        Some(allocation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::five_tuple::Transport;
    use crate::message::Digest;

    #[expect(clippy::disallowed_methods, reason = "time must begin somewhere")]
    fn start() -> Instant {
        Instant::now()
    }

    fn allocation(now: Instant) -> Allocation {
        let tuple = FiveTuple {
            client: "192.0.2.1:5".parse().unwrap(),
            server: "192.0.2.2:3478".parse().unwrap(),
            transport: Transport::Udp,
        };
        let login = Login { username: "ada".into(), key: Vec::new(), digest: Digest::Sha1 };
        Allocation::new(tuple, login, Protocol::Udp, [0; 12], Duration::from_secs(600), 0, now)
    }

    fn peer(last: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([8, 8, 8, last], port))
    }

    #[test]
    fn a_permission_is_for_an_address_and_ends() {
        let now = start();
        let mut allocation = allocation(now);
        assert!(allocation.permit(&[peer(1, 9)], 2, now));
        assert!(allocation.permits(peer(1, 0).ip(), now + Duration::from_secs(299)));
        assert!(!allocation.permits(peer(1, 0).ip(), now + Duration::from_secs(300)));
        assert!(!allocation.permits(peer(2, 0).ip(), now));
    }

    #[test]
    fn permissions_have_a_limit_that_renewing_does_not_reach() {
        let now = start();
        let mut allocation = allocation(now);
        assert!(allocation.permit(&[peer(1, 9), peer(2, 9), peer(2, 10)], 2, now));
        assert!(!allocation.permit(&[peer(3, 9)], 2, now));
        assert!(allocation.permit(&[peer(1, 9)], 2, now));
        assert!(allocation.permit(&[peer(3, 9)], 2, now + Duration::from_secs(300)));
    }

    #[test]
    fn a_channel_and_a_peer_belong_together_until_it_ends() {
        let now = start();
        let mut allocation = allocation(now);
        assert_eq!(allocation.bind(0x4001, peer(1, 9), 2, now), Ok(()));
        assert_eq!(allocation.bind(0x4001, peer(1, 9), 2, now), Ok(()));
        assert_eq!(allocation.bind(0x4001, peer(1, 10), 2, now), Err(ChannelError::Taken));
        assert_eq!(allocation.bind(0x4002, peer(1, 9), 2, now), Err(ChannelError::Taken));
        assert_eq!(allocation.bind(0x4000, peer(1, 10), 2, now), Ok(()));
        assert_eq!(allocation.bind(0x4003, peer(1, 11), 2, now), Err(ChannelError::Full));
        assert_eq!(allocation.peer_of(0x4000, now), Some(peer(1, 10)));
        assert_eq!(allocation.channel_of(peer(1, 9), now), Some(0x4001));
        let later = now + Duration::from_secs(600);
        assert_eq!(allocation.peer_of(0x4000, later), None);
        assert_eq!(allocation.channel_of(peer(1, 9), later), None);
        assert_eq!(allocation.bind(0x4001, peer(1, 10), 2, later), Ok(()));
    }

    #[test]
    fn a_key_does_not_name_a_later_allocation() {
        let now = start();
        let mut table = Table::default();
        let first = table.insert(allocation(now));
        assert!(table.remove(first).is_some());
        assert!(table.remove(first).is_none());
        let second = table.insert(allocation(now));
        assert!(table.get(first).is_none() && table.get(second).is_some());
        assert_eq!((first.index, table.len()), (second.index, 1));
    }
}
