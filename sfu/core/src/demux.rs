//! Whose is this datagram? Two maps: address → session, and ICE ufrag → session for first checks.
//!
//! An address counts only after a verified ICE check came from it: a DTLS or RTP byte from
//! anywhere else is dropped unread. A local ufrag names its node and its worker, so that whoever
//! receives a first check knows the owner: `nnnwwrrrr…`, three characters of node, two of worker.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use crate::stun;

/// Addresses that one session may come from at a time.
const ADDRESSES_PER_SESSION: usize = 16;

/// Addresses of other workers' sessions that are remembered. The oldest makes room: its owner
/// tells it again after the next check from there.
const FOREIGN_ADDRESSES: usize = 65_536;

/// Base 32 in ICE characters (RFC 8839 §5.4).
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// How datagrams travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// As they are.
    Udp,
    /// Each with its length in front (RFC 4571), on a connection that the client opened
    /// (RFC 6544 §4.5, a passive candidate).
    Tcp,
}

/// Where datagrams come from or go to. An address of one transport says nothing of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    pub(crate) transport: Transport,
    pub(crate) address: SocketAddr,
}

/// Which engine of which node: named in every ufrag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The node, below 32,768.
    pub node: u16,
    /// The worker on the node, below 1,024.
    pub worker: u16,
}

impl Place {
    /// The five characters with which the place's ufrags begin.
    pub(crate) fn ufrag_prefix(self) -> String {
        let digit = |value: u16| char::from(ALPHABET[usize::from(value & 31)]);
        [self.node >> 10, self.node >> 5, self.node, self.worker >> 5, self.worker]
            .map(digit)
            .iter()
            .collect()
    }

    /// The place whose session a STUN check is for; `None` for anything else. It is the sender's
    /// word: the session checks the integrity.
    pub fn of_check(datagram: &[u8]) -> Option<Place> {
        let is_check = Protocol::of(datagram) == Some(Protocol::Stun) && stun::is_check(datagram);
        Place::of_ufrag(stun::receiver_ufrag(datagram).filter(|_| is_check)?)
    }

    /// The place that a ufrag names.
    pub(crate) fn of_ufrag(ufrag: &str) -> Option<Place> {
        let mut digits = [0u16; 5];
        let bytes = ufrag.as_bytes().get(..5)?;
        for (digit, byte) in digits.iter_mut().zip(bytes) {
            *digit = ALPHABET.iter().position(|letter| letter == byte)? as u16;
        }
        let [a, b, c, d, e] = digits;
        Some(Place { node: (a << 10) | (b << 5) | c, worker: (d << 5) | e })
    }
}

/// What kind of packet a datagram is, by its first byte (RFC 7983 §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Stun,
    Dtls,
    Rtp,
}

impl Protocol {
    pub(crate) fn of(datagram: &[u8]) -> Option<Protocol> {
        match datagram.first()? {
            0..=3 => Some(Protocol::Stun),
            20..=63 => Some(Protocol::Dtls),
            128..=191 => Some(Protocol::Rtp),
            _ => None,
        }
    }
}

/// Where a known address leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A session of this engine, by index.
    Session(usize),
    /// Another worker of this node.
    Worker(u16),
}

/// The maps of one engine.
#[derive(Debug, Default)]
pub(crate) struct Demux {
    addresses: HashMap<Endpoint, Owner>,
    ufrags: HashMap<String, usize>,
    of_session: HashMap<usize, VecDeque<Endpoint>>,
    foreign: VecDeque<Endpoint>,
}

impl Demux {
    /// Whose address it is.
    pub(crate) fn owner(&self, source: Endpoint) -> Option<Owner> {
        self.addresses.get(&source).copied()
    }

    /// The session that a local ufrag belongs to.
    pub(crate) fn session_of_ufrag(&self, ufrag: &str) -> Option<usize> {
        self.ufrags.get(ufrag).copied()
    }

    /// From now on checks for `ufrag`, and for no other, are `session`'s: with an ICE restart the
    /// old one has ended (RFC 8445 §9).
    pub(crate) fn set_ufrag(&mut self, ufrag: String, session: usize) {
        if self.session_of_ufrag(&ufrag) == Some(session) {
            return;
        }
        self.ufrags.retain(|_, owner| *owner != session);
        self.ufrags.insert(ufrag, session);
    }

    /// A verified check for `session` came from `source`. True if that is news. The oldest address
    /// makes room for it, but before all others one that the session can do without.
    pub(crate) fn learn(
        &mut self,
        source: Endpoint,
        session: usize,
        is_needed: impl Fn(Endpoint) -> bool,
    ) -> bool {
        match self.addresses.insert(source, Owner::Session(session)) {
            Some(Owner::Session(before)) if before == session => return false,
            Some(Owner::Session(before)) => {
                if let Some(addresses) = self.of_session.get_mut(&before) {
                    addresses.retain(|address| *address != source);
                }
            }
            Some(Owner::Worker(_)) => self.foreign.retain(|address| *address != source),
            None => {}
        }
        let addresses = self.of_session.entry(session).or_default();
        if addresses.len() == ADDRESSES_PER_SESSION {
            let spare = addresses.iter().position(|address| !is_needed(*address));
            if let Some(spare) = addresses.remove(spare.unwrap_or_default()) {
                self.addresses.remove(&spare);
            }
        }
        addresses.push_back(source);
        true
    }

    /// Another worker verified a check from `source` and owns the session.
    ///
    /// A TCP connection's datagrams come to their owner alone, so this is about UDP.
    pub(crate) fn learn_foreign(&mut self, source: SocketAddr, worker: u16) {
        let source = Endpoint { transport: Transport::Udp, address: source };
        if let Some(Owner::Session(before)) = self.addresses.insert(source, Owner::Worker(worker))
            && let Some(addresses) = self.of_session.get_mut(&before)
        {
            addresses.retain(|address| *address != source);
        }
        self.foreign.retain(|address| *address != source);
        self.foreign.push_back(source);
        if self.foreign.len() > FOREIGN_ADDRESSES
            && let Some(oldest) = self.foreign.pop_front()
        {
            self.addresses.remove(&oldest);
        }
    }

    /// Forgets a session with its addresses and ufrag.
    pub(crate) fn remove(&mut self, session: usize) {
        for address in self.of_session.remove(&session).unwrap_or_default() {
            self.addresses.remove(&address);
        }
        self.ufrags.retain(|_, owner| *owner != session);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn address(port: u16) -> Endpoint {
        on(Transport::Udp, port)
    }

    fn on(transport: Transport, port: u16) -> Endpoint {
        Endpoint { transport, address: SocketAddr::from(([127, 0, 0, 1], port)) }
    }

    proptest! {
        #[test]
        fn a_ufrag_names_its_place(node in 0u16..32_768, worker in 0u16..1_024, rest in "[a-z2-7]{0,12}") {
            let place = Place { node, worker };
            prop_assert_eq!(Place::of_ufrag(&format!("{}{rest}", place.ufrag_prefix())), Some(place));
        }

        #[test]
        fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 0..80), text in ".{0,9}") {
            let _ = Place::of_check(&bytes);
            let _ = Protocol::of(&bytes);
            let _ = Place::of_ufrag(&text);
        }
    }

    #[test]
    fn an_address_of_one_transport_is_not_one_of_the_other() {
        let mut demux = Demux::default();
        demux.learn(on(Transport::Tcp, 1), 7, |_| false);
        assert_eq!(demux.owner(on(Transport::Udp, 1)), None);
        assert_eq!(demux.owner(on(Transport::Tcp, 1)), Some(Owner::Session(7)));
        demux.learn(on(Transport::Udp, 1), 8, |_| false);
        demux.remove(8);
        assert_eq!(demux.owner(on(Transport::Tcp, 1)), Some(Owner::Session(7)));
    }

    #[test]
    fn an_address_moves_to_who_proved_it_last() {
        let mut demux = Demux::default();
        assert!(demux.learn(address(1), 7, |_| false));
        assert!(!demux.learn(address(1), 7, |_| false));
        assert!(demux.learn(address(1), 8, |_| false));
        assert_eq!(demux.owner(address(1)), Some(Owner::Session(8)));
        demux.remove(7);
        assert_eq!(demux.owner(address(1)), Some(Owner::Session(8)));
        demux.remove(8);
        assert_eq!(demux.owner(address(1)), None);
    }

    #[test]
    fn a_session_keeps_a_bounded_number_of_addresses() {
        let mut demux = Demux::default();
        for port in 0..100 {
            demux.learn(address(port), 1, |_| false);
        }
        demux.learn(address(100), 1, |known| known == address(84));
        assert_eq!(demux.owner(address(84)), Some(Owner::Session(1)), "it is needed");
        assert_eq!(demux.owner(address(85)), None);
        let known = (0..=100).filter(|&port| demux.owner(address(port)).is_some()).count();
        assert_eq!(known, ADDRESSES_PER_SESSION);
        assert_eq!(demux.owner(address(99)), Some(Owner::Session(1)));
    }

    #[test]
    fn restarts_of_ice_leave_one_ufrag_to_a_session() {
        let mut demux = Demux::default();
        demux.set_ufrag("other".into(), 2);
        for restart in 0..100 {
            demux.set_ufrag(format!("ufrag{restart}"), 1);
        }
        assert_eq!(demux.ufrags.len(), 2);
        assert_eq!(demux.session_of_ufrag("ufrag99"), Some(1));
        assert_eq!(demux.session_of_ufrag("other"), Some(2));
    }
}
