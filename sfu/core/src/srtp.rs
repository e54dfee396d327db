//! SRTP and SRTCP: sealing what leaves, opening what comes (RFC 3711, RFC 7714).
//!
//! Packets are sealed where they lie, in the buffer that goes to the system. Nonces are made of
//! SSRC and index: whoever seals sees to it that no pair comes twice.

pub(crate) mod keys;
pub(crate) mod used;

use std::sync::Arc;

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
// AES-GCM is ring's: with the vector instructions of processors without AVX-512 it takes two thirds of the
// time, and a key is where its session is, not behind a pointer.
use keys::{Keying, Profile};
use ring::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use used::Used;

use crate::cache;

/// What a sealed packet has at its end.
const GCM_TAG: usize = 16;
const SHA1_TAG: usize = 10;

/// The part of an RTCP packet that stays in the clear: its first header and SSRC.
const RTCP_CLEAR: usize = 8;

/// The index of an SRTCP packet, with the bit that says that the packet is encrypted.
const RTCP_INDEX: usize = 4;
const ENCRYPTED: u32 = 1 << 31;

/// SSRCs of the remote side whose replays are told. A browser reports under one for each kind of
/// media, or for each stream that it sends.
const MAX_REPORTERS: usize = 32;

/// Key derivation labels (RFC 3711 §4.3.2).
const RTP: [u8; 3] = [0, 1, 2];
const RTCP: [u8; 3] = [3, 4, 5];

/// Keys of one direction, for RTP or for RTCP.
#[expect(clippy::large_enum_variant, reason = "nearly all are GCM, and its key is to be near")]
enum Cipher {
    Gcm { key: LessSafeKey, salt: [u8; 12] },
    // Boxed: the key of a MAC is larger than a kilobyte.
    Cm(Box<CounterMode>),
}

/// AES in counter mode with a MAC of its own.
struct CounterMode {
    key: EncryptingKey,
    salt: [u8; 14],
    mac: hmac::Key,
}

impl Cipher {
    fn tag_len(&self) -> usize {
        match self {
            Cipher::Gcm { .. } => GCM_TAG,
            Cipher::Cm(_) => SHA1_TAG,
        }
    }
}

/// What one session sends and gets reports with.
pub(crate) struct Srtp {
    rtp: Cipher,
    rtcp: Cipher,
    remote_rtcp: Cipher,
    rtcp_index: u32,
    /// The indices of the remote side's RTCP: each of its SSRCs counts for itself.
    heard: Vec<(u32, Used)>,
}

impl std::fmt::Debug for Srtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Srtp").field("rtcp_index", &self.rtcp_index).finish_non_exhaustive()
    }
}

impl Srtp {
    /// Derives the session keys. Fails if the material is not as long as the profile asks.
    pub(crate) fn new(keying: &Keying) -> Result<Srtp, Unspecified> {
        let local = master(keying, keying.is_client)?;
        let remote = master(keying, !keying.is_client)?;
        Ok(Srtp {
            rtp: cipher(keying.profile, local, RTP)?,
            rtcp: cipher(keying.profile, local, RTCP)?,
            remote_rtcp: cipher(keying.profile, remote, RTCP)?,
            rtcp_index: 0,
            heard: Vec::new(),
        })
    }

    /// How much longer a sealed RTP packet is.
    pub(crate) fn overhead(&self) -> usize {
        self.rtp.tag_len()
    }

    /// Has the memory fetched of the key that packets are sealed with.
    pub(crate) fn fetch(&self) {
        cache::fetch(&self.rtp);
    }

    /// Seals the RTP packet that lies in `buffer` from `start`, with a header of `header` bytes.
    /// `index` is the extended sequence number; with one SSRC it must never come twice.
    pub(crate) fn seal(
        &self,
        buffer: &mut Vec<u8>,
        start: usize,
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<(), Unspecified> {
        let (head, body) = buffer[start..].split_at_mut(header);
        match &self.rtp {
            Cipher::Gcm { key, salt } => {
                let tag = key
                    .seal_in_place_separate_tag(nonce(salt, ssrc, index), Aad::from(&*head), body)
                    .map_err(|_| Unspecified)?;
                buffer.extend_from_slice(tag.as_ref());
            }
            Cipher::Cm(keys) => {
                counter_mode(keys, ssrc, index, body)?;
                let tag = sha1(&keys.mac, &[&buffer[start..], &rollovers(index)]);
                buffer.extend_from_slice(&tag);
            }
        }
        Ok(())
    }

    /// Seals an RTCP packet, in place.
    pub(crate) fn seal_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), Unspecified> {
        let index = self.rtcp_index;
        self.rtcp_index = (index + 1) & !ENCRYPTED;
        let ssrc = ssrc_at(packet, 4).ok_or(Unspecified)?;
        let word = (ENCRYPTED | index).to_be_bytes();
        let (head, body) = packet.split_at_mut(RTCP_CLEAR);
        match &self.rtcp {
            Cipher::Gcm { key, salt } => {
                let nonce = rtcp_nonce(salt, ssrc, index);
                let tag = key
                    .seal_in_place_separate_tag(nonce, rtcp_aad(head, word), body)
                    .map_err(|_| Unspecified)?;
                packet.extend_from_slice(tag.as_ref());
                packet.extend_from_slice(&word);
            }
            Cipher::Cm(keys) => {
                counter_mode(keys, ssrc, u64::from(index), body)?;
                packet.extend_from_slice(&word);
                let tag = sha1(&keys.mac, &[packet]);
                packet.extend_from_slice(&tag);
            }
        }
        Ok(())
    }

    /// Opens an SRTCP packet of the remote side into `clear`. Fails if it is not authentic or came
    /// before. A packet that is not encrypted is none of a browser's.
    pub(crate) fn open_rtcp(
        &mut self,
        packet: &[u8],
        clear: &mut Vec<u8>,
    ) -> Result<(), Unspecified> {
        let tag_len = self.remote_rtcp.tag_len();
        if packet.len() < RTCP_CLEAR + RTCP_INDEX + tag_len {
            return Err(Unspecified);
        }
        let ssrc = ssrc_at(packet, 4).ok_or(Unspecified)?;
        clear.clear();
        let index = match &self.remote_rtcp {
            Cipher::Gcm { key, salt } => {
                let (sealed, word) = packet.split_at(packet.len() - RTCP_INDEX);
                let word: [u8; RTCP_INDEX] = word.try_into().map_err(|_| Unspecified)?;
                let index = index_of(word)?;
                clear.extend_from_slice(sealed);
                let (head, body) = clear.split_at_mut(RTCP_CLEAR);
                key.open_in_place(rtcp_nonce(salt, ssrc, index), rtcp_aad(head, word), body)
                    .map_err(|_| Unspecified)?;
                clear.truncate(sealed.len() - tag_len);
                index
            }
            Cipher::Cm(keys) => {
                let (authenticated, tag) = packet.split_at(packet.len() - tag_len);
                if !is_equal(&sha1(&keys.mac, &[authenticated]), tag) {
                    return Err(Unspecified);
                }
                let (sealed, word) = authenticated.split_at(authenticated.len() - RTCP_INDEX);
                let index = index_of(word.try_into().map_err(|_| Unspecified)?)?;
                clear.extend_from_slice(sealed);
                counter_mode(keys, ssrc, u64::from(index), &mut clear[RTCP_CLEAR..])?;
                index
            }
        };
        if self.is_new(ssrc, index) { Ok(()) } else { Err(Unspecified) }
    }

    fn is_new(&mut self, ssrc: u32, index: u32) -> bool {
        let known = self.heard.iter().position(|(known, _)| *known == ssrc);
        let at = known.unwrap_or_else(|| {
            if self.heard.len() == MAX_REPORTERS {
                self.heard.remove(0);
            }
            self.heard.push((ssrc, Used::default()));
            self.heard.len() - 1
        });
        self.heard[at].1.take(u64::from(index))
    }
}

/// Opens the RTP that the remote side sends.
pub(crate) struct Opener {
    rtp: Cipher,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").finish_non_exhaustive()
    }
}

impl Opener {
    /// Derives the session key. Fails if the material is not as long as the profile asks.
    pub(crate) fn new(keying: &Keying) -> Result<Opener, Unspecified> {
        let remote = master(keying, !keying.is_client)?;
        Ok(Opener { rtp: cipher(keying.profile, remote, RTP)? })
    }

    /// What is in an RTP packet behind a header of `header` bytes. `index` is the extended sequence number. Fails if the packet is not
    /// authentic; whether it came before is not looked at.
    pub(crate) fn open(
        &self,
        packet: &[u8],
        header: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<Arc<[u8]>, Unspecified> {
        let end = packet.len().checked_sub(self.rtp.tag_len()).filter(|end| header <= *end);
        let (sealed, tag) = packet.split_at(end.ok_or(Unspecified)?);
        let (head, body) = sealed.split_at(header);
        let mut payload: Arc<[u8]> = Arc::from(body);
        let clear = Arc::get_mut(&mut payload).ok_or(Unspecified)?;
        match &self.rtp {
            Cipher::Gcm { key, salt } => {
                let tag = Tag::try_from(tag).map_err(|_| Unspecified)?;
                let nonce = nonce(salt, ssrc, index);
                key.open_in_place_separate_tag(nonce, Aad::from(head), tag, clear, 0..)
                    .map_err(|_| Unspecified)?;
            }
            Cipher::Cm(keys) => {
                if !is_equal(&sha1(&keys.mac, &[sealed, &rollovers(index)]), tag) {
                    return Err(Unspecified);
                }
                counter_mode(keys, ssrc, index, clear)?;
            }
        }
        Ok(payload)
    }
}

/// The master key and salt of the client or the server (RFC 5764 §4.2).
fn master(keying: &Keying, is_client: bool) -> Result<(&[u8], &[u8]), Unspecified> {
    let (key_len, salt_len) = match keying.profile {
        Profile::AesCm => (16, 14),
        Profile::Gcm128 => (16, 12),
        Profile::Gcm256 => (32, 12),
    };
    if keying.material.len() != 2 * (key_len + salt_len) {
        return Err(Unspecified);
    }
    let (keys, salts) = keying.material.split_at(2 * key_len);
    let side = usize::from(!is_client);
    Ok((&keys[side * key_len..][..key_len], &salts[side * salt_len..][..salt_len]))
}

fn cipher(
    profile: Profile,
    (master, salt): (&[u8], &[u8]),
    [cipher_label, mac_label, salt_label]: [u8; 3],
) -> Result<Cipher, Unspecified> {
    let mut key = [0; 32];
    let key = &mut key[..master.len()];
    derive(master, salt, cipher_label, key)?;
    let gcm = |algorithm| -> Result<Cipher, Unspecified> {
        let mut session_salt = [0; 12];
        derive(master, salt, salt_label, &mut session_salt)?;
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(|_| Unspecified)?);
        Ok(Cipher::Gcm { key, salt: session_salt })
    };
    match profile {
        Profile::Gcm128 => gcm(&AES_128_GCM),
        Profile::Gcm256 => gcm(&AES_256_GCM),
        Profile::AesCm => {
            let (mut session_salt, mut mac) = ([0; 14], [0; 20]);
            derive(master, salt, salt_label, &mut session_salt)?;
            derive(master, salt, mac_label, &mut mac)?;
            Ok(Cipher::Cm(Box::new(CounterMode {
                key: EncryptingKey::ctr(UnboundCipherKey::new(&AES_128, key)?)?,
                salt: session_salt,
                mac: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &mac),
            })))
        }
    }
}

/// RFC 3711 §4.3.1 and §4.3.3: the key stream of AES in counter mode under the master key, from
/// label and master salt on. Salts of 96 bits are filled up with zeros (RFC 7714 §11).
fn derive(master: &[u8], salt: &[u8], label: u8, out: &mut [u8]) -> Result<(), Unspecified> {
    let algorithm = if master.len() == 32 { &AES_256 } else { &AES_128 };
    let key = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, master)?)?;
    let mut counter = [0; 16];
    counter[..salt.len()].copy_from_slice(salt);
    counter[7] ^= label;
    out.fill(0);
    key.less_safe_encrypt(out, EncryptionContext::Iv128(FixedLength::from(counter)))?;
    Ok(())
}

/// RFC 3711 §4.1.1: encrypts, and decrypts.
fn counter_mode(
    keys: &CounterMode,
    ssrc: u32,
    index: u64,
    body: &mut [u8],
) -> Result<(), Unspecified> {
    let mut counter = [0; 16];
    counter[4..8].copy_from_slice(&ssrc.to_be_bytes());
    counter[8..14].copy_from_slice(&index.to_be_bytes()[2..]);
    for (byte, salt) in counter.iter_mut().zip(&keys.salt) {
        *byte ^= salt;
    }
    keys.key.less_safe_encrypt(body, EncryptionContext::Iv128(FixedLength::from(counter)))?;
    Ok(())
}

/// RFC 7714 §8.1: 0 | SSRC | rollover counter | sequence number.
fn nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
    nonce[6..].copy_from_slice(&index.to_be_bytes()[2..]);
    Nonce::assume_unique_for_key(xor(nonce, salt))
}

/// What of the index the MAC knows besides the packet (RFC 3711 §4.2).
fn rollovers(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// RFC 7714 §9.1: 0 | SSRC | 0 | SRTCP index.
fn rtcp_nonce(salt: &[u8; 12], ssrc: u32, index: u32) -> Nonce {
    let mut nonce = [0; 12];
    nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
    nonce[8..].copy_from_slice(&index.to_be_bytes());
    Nonce::assume_unique_for_key(xor(nonce, salt))
}

fn rtcp_aad(head: &[u8], word: [u8; RTCP_INDEX]) -> Aad<[u8; RTCP_CLEAR + RTCP_INDEX]> {
    let mut aad = [0; RTCP_CLEAR + RTCP_INDEX];
    aad[..RTCP_CLEAR].copy_from_slice(head);
    aad[RTCP_CLEAR..].copy_from_slice(&word);
    Aad::from(aad)
}

fn index_of(word: [u8; RTCP_INDEX]) -> Result<u32, Unspecified> {
    let word = u32::from_be_bytes(word);
    if word & ENCRYPTED == 0 { Err(Unspecified) } else { Ok(word & !ENCRYPTED) }
}

fn ssrc_at(packet: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(packet.get(at..at + 4)?.try_into().ok()?))
}

fn xor(mut nonce: [u8; 12], salt: &[u8; 12]) -> [u8; 12] {
    for (byte, salt) in nonce.iter_mut().zip(salt) {
        *byte ^= salt;
    }
    nonce
}

fn sha1(key: &hmac::Key, parts: &[&[u8]]) -> [u8; SHA1_TAG] {
    let mut context = hmac::Context::with_key(key);
    parts.iter().for_each(|part| context.update(part));
    let mut cut = [0; SHA1_TAG];
    cut.copy_from_slice(&context.sign().as_ref()[..SHA1_TAG]);
    cut
}

fn is_equal(ours: &[u8], theirs: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(ours, theirs).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rtc_srtp::context::Context;
    use rtc_srtp::protection_profile::ProtectionProfile;

    use super::*;

    fn profile() -> impl Strategy<Value = (Profile, ProtectionProfile, usize, usize)> {
        prop_oneof![
            Just((Profile::AesCm, ProtectionProfile::Aes128CmHmacSha1_80, 16, 14)),
            Just((Profile::Gcm128, ProtectionProfile::AeadAes128Gcm, 16, 12)),
            Just((Profile::Gcm256, ProtectionProfile::AeadAes256Gcm, 32, 12)),
        ]
    }

    /// Another implementation's half of what `material` gives the side that we are or are not.
    fn peer(
        (_, profile, key, salt): (Profile, ProtectionProfile, usize, usize),
        material: &[u8],
        is_client: bool,
    ) -> Context {
        let side = usize::from(!is_client);
        let (keys, salts) = material.split_at(2 * key);
        let crypto = rtc_crypto::default_provider().unwrap();
        let (key, salt) = (&keys[side * key..][..key], &salts[side * salt..][..salt]);
        Context::new(key, salt, profile, None, None, crypto.crypto()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// What is sealed here, another implementation opens, whatever profile and header, across
        /// rollovers, and wherever in the buffer it lies.
        #[test]
        fn another_implementation_opens_what_is_sealed(
            profile in profile(),
            material in prop::collection::vec(any::<u8>(), 88),
            is_client: bool,
            ssrc: u32,
            start in 0u64..65_536,
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1_300), 1..20),
            before in 0usize..50,
        ) {
            let material = material[..2 * (profile.2 + profile.3)].to_vec();
            let keying = Keying { profile: profile.0, material: material.clone(), is_client };
            let srtp = Srtp::new(&keying).unwrap();
            let mut peer = peer(profile, &material, is_client);
            // Small steps: that is how the other side follows the rollovers.
            for (index, body) in (start..).step_by(9_000).zip(bodies) {
                let mut clear = vec![0x90, 96, (index >> 8) as u8, index as u8, 0, 0, 0, 1];
                clear.extend(ssrc.to_be_bytes());
                clear.extend([0xbe, 0xde, 0, 1, 0x10, 7, 0, 0]);
                let header = clear.len();
                clear.extend(body);
                let mut buffer = vec![5; before];
                buffer.extend(&clear);
                srtp.seal(&mut buffer, before, header, ssrc, index).unwrap();
                prop_assert_eq!(buffer.len(), before + clear.len() + srtp.overhead());
                let opened = peer.decrypt_rtp(&buffer[before..]).unwrap();
                prop_assert_eq!(&opened[..], &clear[..]);
            }
        }

        /// What another implementation seals is opened here, across rollovers, and nothing that was changed on the way.
        #[test]
        fn what_another_implementation_seals_is_opened(
            profile in profile(),
            material in prop::collection::vec(any::<u8>(), 88),
            is_client: bool,
            ssrc: u32,
            start in 0u64..65_536,
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..1_300), 1..20),
            flipped in any::<prop::sample::Index>(),
        ) {
            let material = material[..2 * (profile.2 + profile.3)].to_vec();
            let keying = Keying { profile: profile.0, material: material.clone(), is_client };
            let opener = Opener::new(&keying).unwrap();
            let mut peer = peer(profile, &material, !is_client);
            for (index, body) in (start..).step_by(9_000).zip(bodies) {
                let mut clear = vec![0x90, 96, (index >> 8) as u8, index as u8, 0, 0, 0, 1];
                clear.extend(ssrc.to_be_bytes());
                clear.extend([0xbe, 0xde, 0, 1, 0x10, 7, 0, 0]);
                let header = clear.len();
                clear.extend(&body);
                let mut sealed = peer.encrypt_rtp(&clear).unwrap().to_vec();
                prop_assert_eq!(&opener.open(&sealed, header, ssrc, index).unwrap()[..], &body);
                let at = flipped.index(sealed.len());
                prop_assert!(opener.open(&sealed[..at], header, ssrc, index).is_err());
                prop_assert!(opener.open(&sealed, header, ssrc, index + 65_536).is_err());
                sealed[at] ^= 1;
                prop_assert!(opener.open(&sealed, header, ssrc, index).is_err());
            }
        }

        /// RTCP goes both ways, and what was changed on the way is refused.
        #[test]
        fn reports_are_understood_both_ways(
            profile in profile(),
            material in prop::collection::vec(any::<u8>(), 88),
            is_client: bool,
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 4..80), 1..5),
            flipped in any::<prop::sample::Index>(),
        ) {
            let material = material[..2 * (profile.2 + profile.3)].to_vec();
            let keying = Keying { profile: profile.0, material: material.clone(), is_client };
            let mut srtp = Srtp::new(&keying).unwrap();
            let mut reader = peer(profile, &material, is_client);
            let mut writer = peer(profile, &material, !is_client);
            for body in bodies {
                let mut clear = vec![0x80, 201, 0, 1];
                clear.extend(&body[..body.len() & !3]);
                let mut sealed = clear.clone();
                srtp.seal_rtcp(&mut sealed).unwrap();
                prop_assert_eq!(&reader.decrypt_rtcp(&sealed).unwrap()[..], &clear[..]);

                let theirs = writer.encrypt_rtcp(&clear).unwrap();
                let mut opened = Vec::new();
                srtp.open_rtcp(&theirs, &mut opened).unwrap();
                prop_assert_eq!(&opened, &clear);
                prop_assert!(srtp.open_rtcp(&theirs, &mut opened).is_err(), "a replay");
                let mut changed = theirs.to_vec();
                let at = flipped.index(changed.len());
                changed[at] ^= 1;
                prop_assert!(srtp.open_rtcp(&changed, &mut opened).is_err());
                prop_assert!(srtp.open_rtcp(&theirs[..at], &mut opened).is_err());
            }
        }
    }
}
