//! Who a client is: long-term credentials (RFC 8489 §9.2) of static users, and time-limited ones as
//! in draft-uberti-behave-turn-rest; nonces that need no memory.

use std::collections::HashMap;

use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use md5::{Digest as _, Md5};

use crate::five_tuple::FiveTuple;
use crate::message::{Digest, Request};

/// PASSWORD-ALGORITHMS as it is sent: SHA-256 (RFC 8489 §14.11). Clients that read the attribute know
/// that one, and the others use MD5 without being told.
pub(crate) const PASSWORD_ALGORITHMS: [u8; 4] = [0, 2, 0, 0];

/// The start of every nonce: the cookie of RFC 8489 §9.2 and, as 24 bits in base64, the one
/// feature: password algorithms.
const NONCE_COOKIE: &str = "obMatJos2gAAA";

/// Bytes of a nonce's HMAC.
const TAG: usize = 10;

/// Makes a time-limited credential: user name and password, good until `now + ttl` (coturn's
/// `use-auth-secret`). `now` in seconds since 1970.
pub fn mint(secret: &str, name: &str, now: u64, ttl: Duration) -> (String, String) {
    let username = format!("{}:{name}", now + ttl.as_secs());
    let password = rest_password(secret, &username);
    (username, password)
}

fn rest_password(secret: &str, username: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    BASE64_STANDARD.encode(hmac::sign(&key, username.as_bytes()))
}

/// How a password becomes a key (RFC 8489 §18.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PasswordAlgorithm {
    Md5,
    Sha256,
}

impl PasswordAlgorithm {
    pub(crate) fn key(self, username: &str, realm: &str, password: &str) -> Vec<u8> {
        let text = format!("{username}:{realm}:{password}");
        match self {
            PasswordAlgorithm::Md5 => Md5::digest(text.as_bytes()).to_vec(),
            PasswordAlgorithm::Sha256 => {
                digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
            }
        }
    }
}

/// A client that has proved who it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) username: String,
    pub(crate) key: Vec<u8>,
    pub(crate) digest: Digest,
}

/// Why a request is not answered as asked (RFC 8489 §9.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// 400: parts of the credential are missing or contradict each other.
    BadRequest,
    /// 401: there is none, or a wrong one.
    Unauthenticated,
    /// 438: the nonce is too old, of another server, or of another client.
    StaleNonce,
}

/// What is needed to check credentials.
pub(crate) struct Authenticator {
    pub(crate) realm: String,
    pub(crate) users: HashMap<String, String>,
    pub(crate) secrets: Vec<String>,
    pub(crate) nonces: Nonces,
}

impl Authenticator {
    /// Checks a request's credential. `clients` are those whose nonces are good for it. `unix` in
    /// seconds since 1970; `may_be_expired` says of a user name whether its time limit does not count
    /// any more.
    pub(crate) fn check(
        &self,
        request: &Request,
        clients: &[&FiveTuple],
        unix: u64,
        may_be_expired: impl Fn(&str) -> bool,
    ) -> Result<Login, Refusal> {
        let digest = request.digest().ok_or(Refusal::Unauthenticated)?;
        let (Some(username), Some(realm), Some(nonce)) =
            (request.username(), request.realm(), request.nonce())
        else {
            return Err(Refusal::BadRequest);
        };
        let algorithm = password_algorithm(request, digest)?;
        if !clients.iter().any(|client| self.nonces.is_good(nonce, client, unix)) {
            return Err(Refusal::StaleNonce);
        }
        if realm != self.realm {
            return Err(Refusal::Unauthenticated);
        }
        let passwords = self.passwords(username, unix, may_be_expired);
        // With an unknown user the work is the same, so that names cannot be told apart by time.
        let passwords = if passwords.is_empty() { vec![(String::new(), false)] } else { passwords };
        for (password, counts) in passwords {
            let key = algorithm.key(username, realm, &password);
            if request.is_signed(digest, &key) && counts {
                return Ok(Login { username: username.to_owned(), key, digest });
            }
        }
        Err(Refusal::Unauthenticated)
    }

    /// The passwords that a user name may have, each with whether it lets in.
    fn passwords(
        &self,
        username: &str,
        unix: u64,
        may_be_expired: impl Fn(&str) -> bool,
    ) -> Vec<(String, bool)> {
        if let Some(password) = self.users.get(username) {
            return vec![(password.clone(), true)];
        }
        let expiry = username.split(':').next().and_then(|digits| digits.parse::<u64>().ok());
        let Some(expiry) = expiry else { return Vec::new() };
        let counts = unix < expiry || may_be_expired(username);
        self.secrets.iter().map(|secret| (rest_password(secret, username), counts)).collect()
    }
}

/// The algorithm that the client chose. It must send back what it was offered, so that nobody in
/// between can have taken SHA-256 out, and must use what goes with it.
fn password_algorithm(request: &Request, digest: Digest) -> Result<PasswordAlgorithm, Refusal> {
    match (request.password_algorithm(), request.password_algorithms()) {
        (None, None) if digest == Digest::Sha1 => Ok(PasswordAlgorithm::Md5),
        // A client that knows the newer integrity knows the algorithms too.
        (None, None) => Err(Refusal::BadRequest),
        (Some([0, 2, 0, 0]), Some(offered))
            if *offered == PASSWORD_ALGORITHMS && digest == Digest::Sha256 =>
        {
            Ok(PasswordAlgorithm::Sha256)
        }
        _ => Err(Refusal::BadRequest),
    }
}

/// Nonces: when they end, and an HMAC over that and over whom they are for.
pub(crate) struct Nonces {
    key: hmac::Key,
    lifetime: u64,
}

impl Nonces {
    pub(crate) fn new(secret: &[u8; 32], lifetime: Duration) -> Nonces {
        Nonces { key: hmac::Key::new(hmac::HMAC_SHA256, secret), lifetime: lifetime.as_secs() }
    }

    /// A nonce for this client, good for the lifetime from `unix` on.
    pub(crate) fn issue(&self, client: &FiveTuple, unix: u64) -> String {
        let end = (unix + self.lifetime).to_be_bytes();
        let tag = hmac::sign(&self.key, &Nonces::signed(&end, client));
        // Four bytes of seconds last until 2106, and the shorter the answer the better: with these
        // the nonce needs no padding.
        let value = [&end[4..], &tag.as_ref()[..TAG]].concat();
        format!("{NONCE_COOKIE}{}", BASE64_URL_SAFE_NO_PAD.encode(value))
    }

    fn is_good(&self, nonce: &str, client: &FiveTuple, unix: u64) -> bool {
        let Some(encoded) = nonce.strip_prefix(NONCE_COOKIE) else { return false };
        let Ok(value) = BASE64_URL_SAFE_NO_PAD.decode(encoded) else { return false };
        let Ok(value) = <[u8; 4 + TAG]>::try_from(value) else { return false };
        let mut end = [0; 8];
        end[4..].copy_from_slice(&value[..4]);
        let tag = hmac::sign(&self.key, &Nonces::signed(&end, client));
        let same =
            aws_lc_rs::constant_time::verify_slices_are_equal(&value[4..], &tag.as_ref()[..TAG]);
        same.is_ok() && unix < u64::from_be_bytes(end)
    }

    fn signed(end: &[u8; 8], client: &FiveTuple) -> Vec<u8> {
        format!("{}/{:?}/", client.client, client.transport)
            .into_bytes()
            .into_iter()
            .chain(end.iter().copied())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::five_tuple::Transport;

    fn client(port: u16) -> FiveTuple {
        FiveTuple {
            client: SocketAddr::from(([192, 0, 2, 1], port)),
            server: SocketAddr::from(([192, 0, 2, 9], 3478)),
            transport: Transport::Udp,
        }
    }

    /// Computed by openssl: the HMAC-SHA-1 of the user name under the secret, in base64.
    #[test]
    fn a_minted_credential_is_the_one_of_the_draft() {
        let (username, password) = mint("north", "ada", 1_700_000_000, Duration::from_secs(600));
        assert_eq!(username, "1700000600:ada");
        assert_eq!(password, "PxnDSvp1YXUZ9V3JJfLv80je4zM=");
    }

    #[test]
    fn a_nonce_is_good_for_its_client_and_its_time() {
        let nonces = Nonces::new(&[7; 32], Duration::from_secs(60));
        let nonce = nonces.issue(&client(1), 1_000);
        assert!(nonces.is_good(&nonce, &client(1), 1_059));
        assert!(!nonces.is_good(&nonce, &client(1), 1_060));
        assert!(!nonces.is_good(&nonce, &client(2), 1_000));
        let tls = FiveTuple { transport: Transport::Tls, ..client(1) };
        assert!(!nonces.is_good(&nonce, &tls, 1_000));
        let other = Nonces::new(&[8; 32], Duration::from_secs(60));
        assert!(!other.is_good(&nonce, &client(1), 1_000));
    }

    #[test]
    fn a_changed_nonce_is_no_nonce() {
        let nonces = Nonces::new(&[7; 32], Duration::from_secs(60));
        let nonce = nonces.issue(&client(1), 1_000);
        for at in 0..nonce.len() {
            let mut bytes = nonce.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(!nonces.is_good(&changed, &client(1), 1_000), "{changed}");
        }
    }
}
