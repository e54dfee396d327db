//! Media that comes as expected is forwarded before str0m is told of it.
//!
//! A packet that is the next of its stream needs to be opened, and no more. What str0m makes of it besides, reports of
//! losses and of arrival times, is sent some twenty times a second: it hears of packets in batches, with the time at
//! which each came. Whatever is not as expected is str0m's to judge at once, and before that it is told of all that came
//! ([ADR 14](../../../../docs/adr/0014-str0m-hears-of-media-later.md)).

use std::time::{Duration, Instant};

use super::incoming::{Arrived, Reported};
use crate::header::{ExtensionIds, Received};
use crate::srtp::Opener;
use crate::srtp::keys::Cell;

/// How much later than a packet str0m may hear of it, if anything happens by then.
pub(super) const LAG: Duration = Duration::from_millis(50);

/// Streams that are followed. A remote side that sends more has its packets opened by str0m.
const MAX_STREAMS: usize = 32;

/// Bytes that str0m has not been told of.
const MAX_HELD: usize = 64 * 1024;

/// A stream of the remote side, as it was with the last packet that str0m gave of it.
#[derive(Debug)]
struct Stream {
    ssrc: u32,
    payload_type: u8,
    /// The extended sequence number of the next packet.
    next: u64,
    ids: ExtensionIds,
    reported: Option<Reported>,
}

/// The streams of one session that are followed, and the packets that str0m has not been told of.
#[derive(Debug)]
pub(super) struct FastPath {
    keys: Cell,
    opener: Option<Opener>,
    streams: Vec<Stream>,
    held: Vec<u8>,
    /// Where each packet ends in `held`, and when it came.
    ends: Vec<(usize, Instant)>,
}

impl FastPath {
    /// Follows nothing yet. The session's keys will be in `keys`.
    pub(super) fn new(keys: Cell) -> FastPath {
        let (streams, held, ends) = Default::default();
        FastPath { keys, opener: None, streams, held, ends }
    }

    /// Opens a packet if it is the next of a stream that is followed, and holds it for str0m.
    pub(super) fn open(&mut self, packet: &[u8], now: Instant) -> Option<Arrived> {
        let header = Received::parse(packet)?;
        let stream = self.streams.iter_mut().find(|stream| stream.ssrc == header.ssrc)?;
        let is_expected = header.sequence == stream.next as u16
            && header.payload_type == stream.payload_type
            && !header.has_padding
            && self.held.len() + packet.len() <= MAX_HELD;
        if !is_expected {
            return None;
        }
        let sequence = stream.next;
        let opener = self.opener.as_ref()?;
        let payload = opener.open(packet, header.length, header.ssrc, sequence).ok()?;
        if payload.is_empty() {
            return None;
        }
        stream.next += 1;
        self.held.extend_from_slice(packet);
        self.ends.push((self.held.len(), now));
        Some(Arrived {
            ssrc: header.ssrc,
            sequence,
            timestamp: header.timestamp,
            payload_type: header.payload_type,
            marker: header.marker,
            extensions: header.extensions(&stream.ids),
            payload,
            reported: stream.reported,
            at: now,
        })
    }

    /// Goes on behind a packet that str0m has given, if it is the last of its stream; `ids` are those of its m-line.
    pub(super) fn follow(&mut self, packet: &Arrived, ids: ExtensionIds) {
        if self.opener.is_none() {
            self.opener = self.keys.get().and_then(|keying| Opener::new(keying).ok());
        }
        let &Arrived { ssrc, payload_type, reported, sequence, .. } = packet;
        let next = sequence + 1;
        let stream = Stream { ssrc, payload_type, next, ids, reported };
        let has_room = self.streams.len() < MAX_STREAMS;
        match self.streams.iter_mut().find(|known| known.ssrc == ssrc) {
            Some(known) if known.next > next => {}
            Some(known) => *known = stream,
            None if has_room => self.streams.push(stream),
            None => {}
        }
    }

    /// Keeps what the remote side has reported on a stream.
    pub(super) fn note_report(&mut self, ssrc: u32, reported: Option<Reported>) {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.ssrc == ssrc) {
            stream.reported = reported;
        }
    }

    /// Follows no stream any more: what their numbers mean may have changed.
    pub(super) fn forget(&mut self) {
        self.streams.clear();
    }

    /// When str0m is to be told.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.ends.first().map(|(_, came)| *came + LAG)
    }

    /// Gives all that str0m has not been told of to `tell`, with the time at which it came. False if there is nothing.
    pub(super) fn catch_up(&mut self, mut tell: impl FnMut(&[u8], Instant)) -> bool {
        let mut start = 0;
        for &(end, came) in &self.ends {
            tell(&self.held[start..end], came);
            start = end;
        }
        self.held.clear();
        self.ends.clear();
        start > 0
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock};

    use proptest::prelude::*;
    use rtc_srtp::context::Context;
    use rtc_srtp::protection_profile::ProtectionProfile;

    use super::*;
    use crate::packet::Extensions;
    use crate::srtp::keys::{Keying, Profile};

    const SSRC: u32 = 7;
    const TYPE: u8 = 96;
    const LEVEL: u8 = 3;

    #[allow(clippy::disallowed_methods)]
    fn epoch() -> Instant {
        Instant::now()
    }

    /// A path that follows one stream, the next packet of which has the number `next`, and who sends it.
    fn path(next: u64) -> (FastPath, Context) {
        let material: Vec<u8> = (0..56).collect();
        let (key, salt) = (&material[..16], &material[32..44]);
        let crypto = rtc_crypto::default_provider().unwrap();
        let profile = ProtectionProfile::AeadAes128Gcm;
        let sender = Context::new(key, salt, profile, None, None, crypto.crypto()).unwrap();
        let keying = Keying { profile: Profile::Gcm128, material, is_client: false };
        let mut path = FastPath::new(Arc::new(OnceLock::from(keying)));
        path.follow(&given(next - 1), ids());
        (path, sender)
    }

    fn ids() -> ExtensionIds {
        ExtensionIds { audio_level: Some(LEVEL), ..ExtensionIds::default() }
    }

    fn given(sequence: u64) -> Arrived {
        Arrived {
            ssrc: SSRC,
            sequence,
            timestamp: 0,
            payload_type: TYPE,
            marker: false,
            extensions: Extensions::default(),
            payload: Arc::from([0]),
            reported: None,
            at: epoch(),
        }
    }

    fn packet(sequence: u64, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x90, 0x80 | TYPE, (sequence >> 8) as u8, sequence as u8, 0, 0, 0, 5];
        packet.extend(SSRC.to_be_bytes());
        packet.extend([0xbe, 0xde, 0, 1, LEVEL << 4, 0x80 | 20, 0, 0]);
        packet.extend(payload);
        packet
    }

    proptest! {
        /// Whatever is lost, comes twice, late or broken: each packet is opened once at most, in order, and str0m is told of just these.
        #[test]
        fn only_the_next_packet_is_opened(
            start in 1u64..65_536,
            order in prop::collection::vec((0u64..40, any::<bool>(), any::<bool>()), 1..120),
        ) {
            let (mut path, mut sender) = path(start);
            let sealed: Vec<_> = (start..start + 40)
                .map(|n| sender.encrypt_rtp(&packet(n, &[n as u8; 30])).unwrap().to_vec())
                .collect();
            let (mut next, mut opened, now) = (start, Vec::new(), epoch());
            for (place, is_broken, is_given) in order {
                let mut datagram = sealed[place as usize].clone();
                let last = datagram.len() - 1;
                datagram[last] ^= u8::from(is_broken);
                let is_next = start + place == next;
                if let Some(arrived) = path.open(&datagram, now) {
                    prop_assert!(is_next && !is_broken);
                    prop_assert_eq!(arrived.sequence, next);
                    prop_assert_eq!(&arrived.payload[..], &[next as u8; 30]);
                    prop_assert_eq!(arrived.extensions.audio_level, Some(-20));
                    prop_assert!(arrived.marker && arrived.timestamp == 5);
                    opened.push(datagram);
                    next += 1;
                } else {
                    prop_assert!(!is_next || is_broken);
                    // str0m takes it, and the stream goes on behind the last one.
                    if is_given && !is_broken {
                        path.follow(&given(start + place), ids());
                        next = next.max(start + place + 1);
                    }
                }
            }
            let mut told = Vec::new();
            prop_assert_eq!(path.deadline().is_some(), !opened.is_empty());
            let has_told = path.catch_up(|datagram, came| {
                assert_eq!(came, now);
                told.push(datagram.to_vec());
            });
            prop_assert_eq!(has_told, !opened.is_empty());
            prop_assert_eq!(told, opened);
            prop_assert!(path.deadline().is_none() && !path.catch_up(|_, _| ()));
        }
    }

    #[test]
    fn what_is_not_as_before_is_for_str0m() {
        let (mut path, mut sender) = path(10);
        let now = epoch();
        let mut seal = |packet: &[u8]| sender.encrypt_rtp(packet).unwrap().to_vec();
        let other_type = {
            let mut packet = packet(10, &[1; 30]);
            packet[1] = 97;
            seal(&packet)
        };
        let padded = {
            let mut packet = packet(10, &[1; 30]);
            packet[0] |= 0x20;
            seal(&packet)
        };
        for refused in [&other_type, &padded, &seal(&packet(10, &[]))] {
            assert!(path.open(refused, now).is_none());
        }
        let good = seal(&packet(10, &[1; 30]));
        path.forget();
        assert!(path.open(&good, now).is_none(), "nothing is followed");
        path.follow(&given(9), ids());
        assert!(path.open(&good, now).is_some());
    }

    #[test]
    fn what_str0m_has_not_heard_of_is_bounded() {
        let (mut path, mut sender) = path(10);
        let now = epoch();
        let sealed: Vec<_> = (10..200)
            .map(|sequence| sender.encrypt_rtp(&packet(sequence, &[1; 1_100])).unwrap())
            .collect();
        let opened = sealed.iter().take_while(|sealed| path.open(sealed, now).is_some()).count();
        assert!((50..70).contains(&opened), "{opened} of more than a kilobyte each");
        assert!(path.catch_up(|_, _| ()));
        assert!(path.open(&sealed[opened], now).is_some());
    }
}
