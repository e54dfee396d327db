//! Whose is this datagram? Two maps: address → session, and ICE ufrag → session for first checks.
//!
//! An address counts only after a verified ICE check came from it: a DTLS or RTP byte from
//! anywhere else is dropped unread. A local ufrag names its node and its worker, so that whoever
//! receives a first check knows the owner: `nnnwwrrrr…`, three characters of node, two of worker.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

/// Addresses that one session may come from at a time. The oldest makes room.
const ADDRESSES_PER_SESSION: usize = 16;

/// Addresses of other workers' sessions that are remembered. The oldest makes room: its owner
/// tells it again after the next check from there.
const FOREIGN_ADDRESSES: usize = 65_536;

/// Base 32 in ICE characters (RFC 8839 §5.4).
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

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

/// The receiver's ufrag in a STUN message: USERNAME is `receiver:sender` in checks
/// (RFC 8445 §7.2.2). `None` where there is no user name, as in responses.
pub(crate) fn stun_local_ufrag(message: &[u8]) -> Option<&str> {
    const HEADER: usize = 20;
    const USERNAME: u16 = 0x0006;
    let mut attributes = message.get(HEADER..)?;
    while let [kind_high, kind_low, length_high, length_low, rest @ ..] = attributes {
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        let value = rest.get(..length)?;
        if u16::from_be_bytes([*kind_high, *kind_low]) == USERNAME {
            let text = std::str::from_utf8(value).ok()?;
            return text.split_once(':').map(|(receiver, _)| receiver);
        }
        attributes = rest.get(length.next_multiple_of(4)..)?;
    }
    None
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
    addresses: HashMap<SocketAddr, Owner>,
    ufrags: HashMap<String, usize>,
    of_session: HashMap<usize, VecDeque<SocketAddr>>,
    foreign: VecDeque<SocketAddr>,
}

impl Demux {
    /// Whose address it is.
    pub(crate) fn owner(&self, source: SocketAddr) -> Option<Owner> {
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

    /// A verified check for `session` came from `source`. True if that is news.
    pub(crate) fn learn(&mut self, source: SocketAddr, session: usize) -> bool {
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
        addresses.push_back(source);
        if addresses.len() > ADDRESSES_PER_SESSION
            && let Some(oldest) = addresses.pop_front()
        {
            self.addresses.remove(&oldest);
        }
        true
    }

    /// Another worker verified a check from `source` and owns the session.
    pub(crate) fn learn_foreign(&mut self, source: SocketAddr, worker: u16) {
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

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    proptest! {
        #[test]
        fn a_ufrag_names_its_place(node in 0u16..32_768, worker in 0u16..1_024, rest in "[a-z2-7]{0,12}") {
            let place = Place { node, worker };
            prop_assert_eq!(Place::of_ufrag(&format!("{}{rest}", place.ufrag_prefix())), Some(place));
        }

        #[test]
        fn any_bytes_are_borne(bytes in prop::collection::vec(any::<u8>(), 0..80), text in ".{0,9}") {
            let _ = stun_local_ufrag(&bytes);
            let _ = Protocol::of(&bytes);
            let _ = Place::of_ufrag(&text);
        }
    }

    #[test]
    fn the_user_name_is_found_behind_other_attributes() {
        let mut message = vec![0, 1, 0, 0];
        message.extend([0; 16]);
        message.extend([0x80, 0x22, 0, 3, b'x', b'y', b'z', 0]);
        message.extend([0, 6, 0, 9]);
        message.extend(b"mine:your\0\0\0");
        assert_eq!(stun_local_ufrag(&message), Some("mine"));
    }

    #[test]
    fn an_address_moves_to_who_proved_it_last() {
        let mut demux = Demux::default();
        assert!(demux.learn(address(1), 7));
        assert!(!demux.learn(address(1), 7));
        assert!(demux.learn(address(1), 8));
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
            demux.learn(address(port), 1);
        }
        let known = (0..100).filter(|&port| demux.owner(address(port)).is_some()).count();
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
