//! Application data of a session whose handshake is done: the records of DTLS 1.2 (RFC 6347 §4.1)
//! under the keys that `dimpl` agreed on. Every relayed message is one. A message is copied once
//! on its way out and not at all on its way in, where `dimpl` would copy it four times and
//! allocate for it.
//!
//! `dimpl` keeps the handshake and alerts. Both seal under one key, so the numbers of records here
//! begin where those of `dimpl` never get to: no two share a nonce.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

/// Type, version, epoch with number, length (RFC 6347 §4.1).
const HEADER: usize = 13;
/// What GCM says of its nonce in each record (RFC 5288 §3).
const EXPLICIT: usize = 8;
/// All ciphers here have a tag of this length.
const TAG: usize = 16;

const APPLICATION_DATA: u8 = 23;
const DTLS_1_2: [u8; 2] = [254, 253];
/// The epoch of the only keys that a session has, where a record's number begins.
const EPOCH: u64 = 1 << 48;
/// `dimpl` counts a few records of the handshake and its alerts, from zero.
const FIRST: u64 = EPOCH | 1 << 32;

/// The key of one direction.
pub(super) struct Key {
    aead: LessSafeKey,
    /// GCM has a nonce of a salt and what the record says, ChaCha20 one of the record's number
    /// (RFC 7905 §2).
    is_gcm: bool,
    /// The salt of GCM, with zeros behind it, or the whole of what ChaCha20 adds the number to.
    iv: OnceLock<[u8; NONCE_LEN]>,
}

impl Key {
    /// A key whose initialisation vector is not known yet.
    pub(super) fn new(aead: LessSafeKey, is_gcm: bool) -> Key {
        Key { aead, is_gcm, iv: OnceLock::new() }
    }

    /// Seals and opens for `dimpl`.
    pub(super) fn aead(&self) -> &LessSafeKey {
        &self.aead
    }

    /// Learns the initialisation vector from the nonce of a record of which this is authenticated
    /// beside.
    pub(super) fn learn(&self, nonce: [u8; NONCE_LEN], authenticated: &[u8]) {
        self.iv.get_or_init(|| {
            let mut iv = nonce;
            match authenticated.first_chunk() {
                Some(number) if !self.is_gcm => add(&mut iv, *number),
                _ => iv[NONCE_LEN - EXPLICIT..].fill(0),
            }
            iv
        });
    }

    /// The nonce of a record that says `said` of it: of GCM any eight bytes, else its number.
    fn nonce(&self, said: [u8; EXPLICIT]) -> Option<Nonce> {
        let mut nonce = *self.iv.get()?;
        add(&mut nonce, said);
        Some(Nonce::assume_unique_for_key(nonce))
    }

    /// What a record has more of than a header and a message.
    fn overhead(&self) -> usize {
        TAG + if self.is_gcm { EXPLICIT } else { 0 }
    }
}

fn add(nonce: &mut [u8; NONCE_LEN], number: [u8; 8]) {
    for (byte, other) in nonce[NONCE_LEN - EXPLICIT..].iter_mut().zip(number) {
        *byte ^= other;
    }
}

/// What is authenticated beside a message: number, type, version and length (RFC 5246 §6.2.3.3).
fn authenticated(number: [u8; 8], length: usize) -> Aad<[u8; HEADER]> {
    let mut bytes = [0; HEADER];
    bytes[..8].copy_from_slice(&number);
    bytes[8] = APPLICATION_DATA;
    bytes[9..11].copy_from_slice(&DTLS_1_2);
    bytes[11..].copy_from_slice(&(length as u16).to_be_bytes());
    Aad::from(bytes)
}

/// One record of a datagram.
pub(super) struct Record<'a> {
    bytes: &'a [u8],
}

impl<'a> Record<'a> {
    /// The records of a datagram; what is cut off at its end is none.
    pub(super) fn each(mut datagram: &'a [u8]) -> impl Iterator<Item = Record<'a>> {
        std::iter::from_fn(move || {
            let length = datagram.get(11..HEADER)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            let (bytes, rest) = datagram.split_at_checked(HEADER + length)?;
            datagram = rest;
            Some(Record { bytes })
        })
    }

    /// Header and all.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether it is for an [`Opener`]: it says that a message is in it.
    pub(super) fn is_message(&self) -> bool {
        self.bytes[0] == APPLICATION_DATA
    }

    /// Epoch and number.
    pub(super) fn number(&self) -> u64 {
        u64::from_be_bytes(self.said_in_header())
    }

    fn said_in_header(&self) -> [u8; 8] {
        let mut number = [0; 8];
        number.copy_from_slice(&self.bytes[3..11]);
        number
    }
}

/// Seals messages to the client.
pub(super) struct Sealer {
    key: Arc<Key>,
    next: u64,
}

impl Sealer {
    /// For a key with which `dimpl` has sealed what it had to.
    pub(super) fn new(key: Arc<Key>) -> Sealer {
        Sealer { key, next: FIRST }
    }

    /// Appends a message's record. False, with nothing appended, if it is too long for one.
    pub(super) fn seal(&mut self, message: &[u8], out: &mut Vec<u8>) -> bool {
        let begin = out.len();
        let number = self.next.to_be_bytes();
        let Ok(length) = u16::try_from(message.len() + self.key.overhead()) else { return false };
        let Some(nonce) = self.key.nonce(number) else { return false };
        out.reserve(HEADER + usize::from(length));
        out.push(APPLICATION_DATA);
        out.extend_from_slice(&DTLS_1_2);
        out.extend_from_slice(&number);
        out.extend_from_slice(&length.to_be_bytes());
        if self.key.is_gcm {
            out.extend_from_slice(&number);
        }
        let contents = out.len();
        out.extend_from_slice(message);
        let aad = authenticated(number, message.len());
        match self.key.aead.seal_in_place_separate_tag(nonce, aad, &mut out[contents..]) {
            Ok(tag) => {
                out.extend_from_slice(tag.as_ref());
                self.next += 1;
                true
            }
            Err(_) => {
                out.truncate(begin);
                false
            }
        }
    }
}

/// Opens what the client sends, each record once.
pub(super) struct Opener {
    key: Arc<Key>,
    /// The highest number of those that were opened.
    latest: u64,
    /// That one and the 63 before it, the latest lowest: those that were opened, too.
    seen: u64,
}

impl Opener {
    /// For records after the one of this number: those before it are not looked at.
    pub(super) fn new(key: Arc<Key>, latest: u64) -> Opener {
        Opener { key, latest, seen: u64::MAX }
    }

    /// Opens a record to the beginning of `out`. `None` for one that was opened before, is too old to
    /// know, or is not the client's (RFC 6347 §4.1.2.6 and §4.1.2.7: it says nothing of the session).
    pub(super) fn open<'a>(&mut self, record: &Record<'_>, out: &'a mut [u8]) -> Option<&'a [u8]> {
        let number = record.number();
        if record.bytes[1..3] != DTLS_1_2 || number >> 48 != EPOCH >> 48 {
            return None;
        }
        let behind = self.latest.saturating_sub(number);
        if number <= self.latest && (behind >= 64 || self.seen >> behind & 1 == 1) {
            return None;
        }
        let fragment = &record.bytes[HEADER..];
        let length = fragment.len().checked_sub(self.key.overhead())?;
        let (explicit, sealed) = fragment.split_at(self.key.overhead() - TAG);
        let said = explicit.try_into().unwrap_or(record.said_in_header());
        let (sealed, tag) = sealed.split_at(length);
        let out = out.get_mut(..length)?;
        let aad = authenticated(record.said_in_header(), length);
        self.key.aead.open_separate_gather(self.key.nonce(said)?, aad, sealed, tag, out).ok()?;
        if number > self.latest {
            self.seen =
                self.seen.checked_shl((number - self.latest).min(64) as u32).unwrap_or(0) | 1;
            self.latest = number;
        } else {
            self.seen |= 1 << behind;
        }
        Some(out)
    }
}
