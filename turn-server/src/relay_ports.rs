//! Relay sockets: which ports they get, who may have how many, and ports that are reserved. One for
//! all workers, behind a lock that is taken once per allocation.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use mio::net::TcpListener;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Socket, Type};
use turn_core::{BindError, Exceeded, Holder, Ledger, Limits, Port, Protocol};

use oriel_udp::Datagrams;

/// How long a port stays reserved (RFC 8656 §7.2).
const RESERVATION: Duration = Duration::from_secs(30);

/// Ports at one time that are reserved and not yet used.
const MAX_RESERVATIONS: usize = 1_024;

/// Ports that are tried before the range counts as full.
const ATTEMPTS: usize = 256;

/// Connections of peers that wait to be accepted.
const BACKLOG: i32 = 64;

const TCP: socket2::Protocol = socket2::Protocol::TCP;

/// A local address to relay from, and what peers see of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RelayAddress {
    pub(crate) bound: IpAddr,
    pub(crate) advertised: IpAddr,
}

/// What peers send or connect to.
#[derive(Debug)]
pub(crate) enum RelaySocket {
    Udp(Datagrams),
    /// `bound`: where connections to peers leave from too.
    Tcp {
        listener: TcpListener,
        bound: SocketAddr,
    },
}

impl RelaySocket {
    pub(crate) fn as_udp(&self) -> Option<&Datagrams> {
        match self {
            RelaySocket::Udp(socket) => Some(socket),
            RelaySocket::Tcp { .. } => None,
        }
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            RelaySocket::Udp(socket) => socket.register(registry, token),
            RelaySocket::Tcp { listener, .. } => {
                registry.register(listener, token, Interest::READABLE)
            }
        }
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            RelaySocket::Udp(socket) => socket.deregister(registry),
            RelaySocket::Tcp { listener, .. } => registry.deregister(listener),
        }
    }
}

/// A relay socket with its address as peers see it.
#[derive(Debug)]
pub(crate) struct Relay {
    pub(crate) socket: RelaySocket,
    pub(crate) advertised: SocketAddr,
}

/// What an allocation gets.
pub(crate) struct Opened {
    /// By family.
    pub(crate) relays: [Option<Relay>; 2],
    pub(crate) reservation: Option<[u8; 8]>,
}

/// The relay ports of the process.
pub(crate) struct RelayPorts {
    /// By family.
    addresses: [Option<RelayAddress>; 2],
    range: RangeInclusive<u16>,
    ledger: Ledger,
    reservations: HashMap<[u8; 8], Reservation>,
}

struct Reservation {
    relay: Relay,
    user: String,
    expires: Instant,
}

impl RelayPorts {
    pub(crate) fn new(
        addresses: [Option<RelayAddress>; 2],
        [first, last]: [u16; 2],
        limits: Limits,
    ) -> RelayPorts {
        RelayPorts {
            addresses,
            range: first..=last,
            ledger: Ledger::new(limits),
            reservations: HashMap::new(),
        }
    }

    /// Opens the sockets of an allocation and counts it for its holder.
    pub(crate) fn open(
        &mut self,
        holder: &Holder,
        protocol: Protocol,
        families: [bool; 2],
        port: Port,
        now: Instant,
    ) -> Result<Opened, BindError> {
        self.reservations.retain(|_, reservation| now < reservation.expires);
        self.ledger.enter(holder).map_err(|exceeded| match exceeded {
            Exceeded::Quota => BindError::Quota,
            Exceeded::Capacity => BindError::Capacity,
        })?;
        let opened = self.sockets(holder, protocol, families, port, now);
        if opened.is_none() {
            self.ledger.leave(holder);
        }
        opened.ok_or(BindError::Capacity)
    }

    /// An allocation of this holder has ended.
    pub(crate) fn leave(&mut self, holder: &Holder) {
        self.ledger.leave(holder);
    }

    /// Allocations of all workers.
    pub(crate) fn count(&self) -> usize {
        self.ledger.count()
    }

    fn sockets(
        &mut self,
        holder: &Holder,
        protocol: Protocol,
        families: [bool; 2],
        port: Port,
        now: Instant,
    ) -> Option<Opened> {
        if let Port::Reserved(token) = port {
            let is_theirs = self.reservations.get(&token)?.user == holder.user;
            let reservation = if is_theirs { self.reservations.remove(&token) } else { None };
            let relay = reservation?.relay;
            let family = usize::from(relay.advertised.is_ipv6());
            let mut relays = [None, None];
            relays[family] = Some(relay);
            return Some(Opened { relays, reservation: None });
        }
        let mut opened = Opened { relays: [None, None], reservation: None };
        for (family, wanted) in families.into_iter().enumerate() {
            let Some(address) = self.addresses[family].filter(|_| wanted) else { continue };
            opened.relays[family] = match port {
                Port::Even { reserve: true } => {
                    let (even, odd) = self.pair(address)?;
                    opened.reservation = Some(self.reserve(odd, holder, now)?);
                    Some(even)
                }
                Port::Even { reserve: false } => self.any(protocol, address, |port| port & !1),
                _ => self.any(protocol, address, |port| port),
            };
        }
        opened.relays.iter().any(Option::is_some).then_some(opened)
    }

    fn any(
        &self,
        protocol: Protocol,
        address: RelayAddress,
        adjust: impl Fn(u16) -> u16,
    ) -> Option<Relay> {
        let range = self.range.clone();
        let mut ports = (0..ATTEMPTS).map(|_| adjust(rand::random_range(range.clone())));
        ports.find_map(|port| {
            let port = Some(port).filter(|port| self.range.contains(port))?;
            bind(protocol, address, port)
        })
    }

    /// An even port and the next one, for UDP.
    fn pair(&self, address: RelayAddress) -> Option<(Relay, Relay)> {
        (0..ATTEMPTS).find_map(|_| {
            let even = self.any(Protocol::Udp, address, |port| port & !1)?;
            let next = Some(even.advertised.port() + 1).filter(|next| self.range.contains(next))?;
            Some((even, bind(Protocol::Udp, address, next)?))
        })
    }

    fn reserve(&mut self, relay: Relay, holder: &Holder, now: Instant) -> Option<[u8; 8]> {
        if self.reservations.len() >= MAX_RESERVATIONS {
            return None;
        }
        let token: [u8; 8] = rand::random();
        let expires = now + RESERVATION;
        self.reservations.insert(token, Reservation { relay, user: holder.user.clone(), expires });
        Some(token)
    }
}

fn bind(protocol: Protocol, address: RelayAddress, port: u16) -> Option<Relay> {
    let bound = SocketAddr::new(address.bound, port);
    let socket = match protocol {
        Protocol::Udp => {
            // The client says which of its datagrams may not be cut up (RFC 8656 §14.8).
            Datagrams::open(bound, false, 0)
                .and_then(|socket| socket.set_dont_fragment(false).map(|()| socket))
                .map(RelaySocket::Udp)
        }
        Protocol::Tcp => listen(bound).map(|listener| RelaySocket::Tcp { listener, bound }),
    };
    match socket {
        Ok(socket) => Some(Relay { socket, advertised: SocketAddr::new(address.advertised, port) }),
        Err(error) => {
            tracing::debug!(%error, port, "a relay port is not free");
            None
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // The port may be one of connections that have ended, but nobody else's who listens.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    // Only from now on: connections to peers leave from this port too.
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.listen(BACKLOG)?;
    Ok(TcpListener::from_std(socket.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UDP: Protocol = Protocol::Udp;
    const ANY: [bool; 2] = [true, false];

    fn ports(range: [u16; 2]) -> RelayPorts {
        let ip = IpAddr::from([127, 0, 0, 1]);
        let address = RelayAddress { bound: ip, advertised: IpAddr::from([192, 0, 2, 1]) };
        let limits = Limits { allocations: 0, per_user: 3, per_source: 0 };
        RelayPorts::new([Some(address), None], range, limits)
    }

    fn holder(user: &str) -> Holder {
        Holder::new(user, IpAddr::from([192, 0, 2, 7]))
    }

    #[test]
    fn a_reserved_port_is_the_next_one_and_its_users_alone() {
        let now = Instant::now();
        let mut ports = ports([20_000, 21_999]);
        let first = ports.open(&holder("ada"), UDP, ANY, Port::Even { reserve: true }, now);
        let first = first.unwrap_or_else(|error| panic!("{error:?}"));
        let even = first.relays[0].as_ref().map(|relay| relay.advertised.port()).unwrap_or(1);
        assert_eq!(even % 2, 0);
        let token = Port::Reserved(first.reservation.unwrap_or_default());
        assert!(ports.open(&holder("eve"), UDP, ANY, token, now).is_err());
        let second = ports.open(&holder("ada"), UDP, ANY, token, now);
        let second = second.unwrap_or_else(|error| panic!("{error:?}"));
        let advertised = second.relays[0].as_ref().map(|relay| relay.advertised);
        assert_eq!(advertised, Some(SocketAddr::from(([192, 0, 2, 1], even + 1))));
        assert!(ports.open(&holder("ada"), UDP, ANY, token, now).is_err(), "a token is good once");
        assert_eq!(ports.count(), 2);
    }

    #[test]
    fn a_reservation_ends() {
        let now = Instant::now();
        let mut ports = ports([22_000, 23_999]);
        let first = ports.open(&holder("ada"), UDP, ANY, Port::Even { reserve: true }, now);
        let token = first.ok().and_then(|opened| opened.reservation).unwrap_or_default();
        let later = now + RESERVATION;
        assert!(ports.open(&holder("ada"), UDP, ANY, Port::Reserved(token), later).is_err());
        assert!(ports.reservations.is_empty());
    }

    #[test]
    fn a_full_range_and_a_full_quota_are_told_apart() {
        let now = Instant::now();
        let mut ports = ports([24_000, 24_000]);
        let held = ports.open(&holder("ada"), UDP, ANY, Port::Any, now);
        assert!(held.is_ok());
        let refused = ports.open(&holder("bob"), UDP, ANY, Port::Any, now).err();
        assert_eq!(refused, Some(BindError::Capacity));
        for _ in 0..2 {
            assert_eq!(ports.ledger.enter(&holder("ada")), Ok(()));
        }
        let refused = ports.open(&holder("ada"), UDP, ANY, Port::Any, now).err();
        assert_eq!(refused, Some(BindError::Quota));
        assert!(ports.open(&holder("bob"), UDP, [false, true], Port::Any, now).is_err());
        assert_eq!(ports.count(), 3);
    }
}
