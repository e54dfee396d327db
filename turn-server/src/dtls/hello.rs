//! What begins a DTLS session: nothing is kept of a client before it has sent a cookie back, and so
//! has shown that it gets what is sent to its address (RFC 6347 §4.2.1).
//!
//! `dimpl` knows cookies too, but makes them in the session whose beginning they are to delay. Here
//! the cookie is answered for without one. When it comes back the session is made, is told what the
//! client said first, and takes this cookie for its own.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use aws_lc_rs::hmac;
use dimpl::CryptoError;
use dimpl::crypto::{HashAlgorithm, HmacProvider, aws_lc_rs as provider};
use turn_core::FiveTuple;

use super::suites::SUITES;

/// Record (RFC 6347 §4.1) and handshake (§4.2.2) headers.
const RECORD: usize = 13;
const HANDSHAKE: usize = 12;
/// Version and random, at the start of a ClientHello.
const FIXED: usize = 34;

const CONTENT_HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const HELLO_VERIFY_REQUEST: u8 = 3;
const DTLS_1_2: [u8; 2] = [254, 253];
const DTLS_1_0: [u8; 2] = [254, 255];

/// A cookie is good for the rest of the period that it was made in, and for the next one.
const PERIOD_SECONDS: u64 = 60;

/// As long as those of `dimpl`.
pub(super) type Cookie = [u8; 32];

/// What a HelloVerifyRequest is long. A ClientHello has at least seven bytes more.
const ANSWER: usize = RECORD + HANDSHAKE + 3 + size_of::<Cookie>();

/// A ClientHello, whole in the first record of a datagram.
pub(super) struct Hello<'a> {
    /// The record's header and the handshake's.
    headers: &'a [u8],
    /// Version and random, and the session's id with its length.
    start: &'a [u8],
    cookie: &'a [u8],
    /// What follows the cookie.
    end: &'a [u8],
}

impl<'a> Hello<'a> {
    /// `None` for everything else, and for a hello in pieces: without a state they cannot be joined.
    pub(super) fn parse(datagram: &'a [u8]) -> Option<Hello<'a>> {
        if datagram.first() != Some(&CONTENT_HANDSHAKE) {
            return None;
        }
        let (headers, rest) = datagram.split_at_checked(RECORD + HANDSHAKE)?;
        let fragment = usize::from(u16::from_be_bytes([headers[11], headers[12]]));
        let body = rest.get(..fragment.checked_sub(HANDSHAKE)?)?;
        let is_first = headers[3..5] == [0, 0];
        let length = [&[0][..], &(body.len() as u16).to_be_bytes()].concat();
        let is_whole =
            headers[14..17] == length && headers[19..22] == [0; 3] && headers[22..25] == length;
        if !is_first || headers[13] != CLIENT_HELLO || !is_whole {
            return None;
        }
        let id = usize::from(*body.get(FIXED)?);
        let (start, rest) = body.split_at_checked(FIXED + 1 + id)?;
        let (&length, rest) = rest.split_first()?;
        let (cookie, end) = rest.split_at_checked(usize::from(length))?;
        Some(Hello { headers, start, cookie, end })
    }

    /// Whether the client knows DTLS 1.2.
    pub(super) fn is_known_version(&self) -> bool {
        self.start[..2] == DTLS_1_2
    }

    fn random(&self) -> &[u8] {
        &self.start[2..FIXED]
    }

    /// The record in which the client said hello first, but for its number.
    fn first(&self) -> Vec<u8> {
        let mut record = [self.headers, self.start, &[0], self.end].concat();
        let length = record.len() - RECORD - HANDSHAKE;
        record[10] ^= 1;
        record[11..13].copy_from_slice(&((HANDSHAKE + length) as u16).to_be_bytes());
        for at in [14, 22] {
            record[at..at + 3].copy_from_slice(&(length as u32).to_be_bytes()[1..]);
        }
        record[17..19].copy_from_slice(&[0, 0]);
        record
    }
}

/// What is to be done about a hello.
pub(super) enum Verdict {
    /// The client is to come back with the cookie in this record.
    Ask([u8; ANSWER]),
    /// It has. The session is to hear this first; [`accepting`] goes around that and what came.
    Proven { first: Vec<u8>, cookie: Cookie },
}

/// Makes cookies, and knows them again.
pub(super) struct Cookies {
    key: hmac::Key,
    began: Instant,
}

impl Cookies {
    pub(super) fn new(now: Instant) -> Cookies {
        let secret: [u8; 32] = rand::random();
        Cookies { key: hmac::Key::new(hmac::HMAC_SHA256, &secret), began: now }
    }

    pub(super) fn judge(&self, hello: &Hello<'_>, from: &FiveTuple, now: Instant) -> Verdict {
        let period = now.saturating_duration_since(self.began).as_secs() / PERIOD_SECONDS;
        // The second hello has the second number, or the session would wait for it for ever.
        if hello.headers[17..19] == [0, 1]
            && let Ok(cookie) = Cookie::try_from(hello.cookie)
            && [period, period.saturating_sub(1)].into_iter().any(|period| {
                hmac::verify(&self.key, &signed(hello, from, period), &cookie).is_ok()
            })
        {
            return Verdict::Proven { first: hello.first(), cookie };
        }
        let cookie = hmac::sign(&self.key, &signed(hello, from, period));
        let mut answer = [0; ANSWER];
        // Both numbers are 0, however often the client asks: those of the session begin with 1.
        answer[0] = CONTENT_HANDSHAKE;
        answer[1..3].copy_from_slice(&DTLS_1_0);
        answer[12] = (ANSWER - RECORD) as u8;
        answer[13] = HELLO_VERIFY_REQUEST;
        answer[16] = (ANSWER - RECORD - HANDSHAKE) as u8;
        answer[24] = answer[16];
        answer[25..27].copy_from_slice(&DTLS_1_0);
        answer[27] = size_of::<Cookie>() as u8;
        answer[28..].copy_from_slice(cookie.as_ref());
        Verdict::Ask(answer)
    }
}

fn signed(hello: &Hello<'_>, from: &FiveTuple, period: u64) -> Vec<u8> {
    let mut bytes = [hello.random(), &period.to_be_bytes()].concat();
    for address in [from.client, from.server] {
        bytes.extend_from_slice(&canonical(address));
        bytes.extend_from_slice(&address.port().to_be_bytes());
    }
    bytes
}

fn canonical(address: SocketAddr) -> [u8; 16] {
    match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

thread_local! {
    static ACCEPTED: Cell<Option<Cookie>> = const { Cell::new(None) };
}

/// Runs something in which sessions take this cookie, and no other, for their own.
pub(super) fn accepting<T>(cookie: Cookie, run: impl FnOnce() -> T) -> T {
    ACCEPTED.set(Some(cookie));
    let result = run();
    ACCEPTED.set(None);
    result
}

/// The provider that sessions are given: `dimpl` asks for HMAC-SHA-256 by name for cookies alone.
pub(super) fn crypto() -> dimpl::crypto::CryptoProvider {
    let standard = provider::default_provider();
    dimpl::crypto::CryptoProvider {
        hmac_provider: &AcceptedCookies,
        cipher_suites: SUITES,
        ..standard
    }
}

#[derive(Debug)]
struct AcceptedCookies;

impl HmacProvider for AcceptedCookies {
    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> Result<[u8; 32], CryptoError> {
        match ACCEPTED.get() {
            Some(cookie) => Ok(cookie),
            None => provider::default_provider().hmac_provider.hmac_sha256(key, data),
        }
    }

    fn hmac(
        &self,
        hash: HashAlgorithm,
        key: &[u8],
        data: &[u8],
        out: &mut [u8],
    ) -> Result<usize, CryptoError> {
        provider::default_provider().hmac_provider.hmac(hash, key, data, out)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use turn_core::Transport;

    use super::*;

    /// A ClientHello with a cookie; `number` counts the client's handshake messages.
    fn hello(number: u8, cookie: &[u8]) -> Vec<u8> {
        let mut body = [&DTLS_1_2[..], &[7; 32], &[0, cookie.len() as u8], cookie].concat();
        body.extend_from_slice(&[0, 2, 0xC0, 0x2B, 1, 0]);
        let length = body.len() as u8;
        let record = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, number, 0, length + 12];
        let handshake = [1, 0, 0, length, 0, number, 0, 0, 0, 0, 0, length];
        [&record[..], &handshake, &body].concat()
    }

    fn client(port: u16) -> FiveTuple {
        FiveTuple {
            client: SocketAddr::from(([192, 0, 2, 1], port)),
            server: SocketAddr::from(([192, 0, 2, 9], 3478)),
            transport: Transport::Dtls,
        }
    }

    fn asked(cookies: &Cookies, hello: &[u8], from: &FiveTuple, now: Instant) -> Option<Vec<u8>> {
        match cookies.judge(&Hello::parse(hello).unwrap(), from, now) {
            Verdict::Ask(answer) => Some(answer[28..].to_vec()),
            Verdict::Proven { .. } => None,
        }
    }

    #[test]
    fn a_cookie_is_its_clients_and_ends() {
        let now = Instant::now();
        let cookies = Cookies::new(now);
        let first = hello(0, &[]);
        let cookie = asked(&cookies, &first, &client(1), now).unwrap();
        assert!(ANSWER < first.len());
        let second = hello(1, &cookie);
        assert_eq!(asked(&cookies, &second, &client(1), now), None);
        assert!(asked(&cookies, &second, &client(2), now).is_some(), "another port");
        assert!(asked(&cookies, &hello(0, &cookie), &client(1), now).is_some(), "the first one");
        let soon = now + Duration::from_secs(PERIOD_SECONDS);
        assert_eq!(asked(&cookies, &second, &client(1), soon), None);
        let late = now + Duration::from_secs(2 * PERIOD_SECONDS);
        assert!(asked(&cookies, &second, &client(1), late).is_some());
        assert!(asked(&Cookies::new(now), &second, &client(1), now).is_some(), "another server");
    }

    #[test]
    fn the_first_hello_is_the_second_without_its_cookie() {
        let second = hello(1, &[9; 32]);
        let parsed = Hello::parse(&second).unwrap();
        assert_eq!(parsed.first(), hello(0, &[]));
    }

    #[test]
    fn what_is_cut_or_in_pieces_is_no_hello() {
        let whole = hello(0, &[]);
        assert!(Hello::parse(&whole).is_some_and(|hello| hello.is_known_version()));
        for length in 0..whole.len() {
            assert!(Hello::parse(&whole[..length]).is_none(), "{length}");
        }
        let mut piece = whole.clone();
        piece[24] -= 1;
        assert!(Hello::parse(&piece).is_none());
        let mut encrypted = whole;
        encrypted[4] = 1;
        assert!(Hello::parse(&encrypted).is_none());
    }
}
