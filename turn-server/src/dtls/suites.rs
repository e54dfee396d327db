//! Cipher suites as `dimpl` has them, whose keys are left for [`super::records`] too: `dimpl` keeps
//! its own to itself.

use std::cell::RefCell;
use std::sync::Arc;

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad as Authenticated, CHACHA20_POLY1305, LessSafeKey,
    Nonce as Unique, UnboundKey,
};
use dimpl::crypto::{
    Aad, Buf, Cipher, Dtls12CipherSuite, HashAlgorithm, Nonce, SupportedDtls12CipherSuite, TmpBuf,
};
use dimpl::{CryptoError, CryptoOperation};

use super::records::Key;

/// What sessions may choose from, the first that both sides know.
pub(super) static SUITES: &[&dyn SupportedDtls12CipherSuite] = &[
    &Suite(Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256),
    &Suite(Dtls12CipherSuite::ECDHE_ECDSA_AES256_GCM_SHA384),
    &Suite(Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256),
];

thread_local! {
    static MADE: RefCell<Vec<Arc<Key>>> = const { RefCell::new(Vec::new()) };
}

/// The keys that a session made while this ran: none, or the client's and the server's.
///
/// `dimpl` has no way to say for which session it makes a cipher: they lie beside, on this
/// thread, for as long.
pub(super) fn watching<T>(run: impl FnOnce() -> T) -> (T, Option<[Arc<Key>; 2]>) {
    MADE.take();
    let result = run();
    (result, MADE.take().try_into().ok())
}

#[derive(Debug)]
struct Suite(Dtls12CipherSuite);

impl Suite {
    fn is_gcm(&self) -> bool {
        self.0 != Dtls12CipherSuite::ECDHE_ECDSA_CHACHA20_POLY1305_SHA256
    }
}

impl SupportedDtls12CipherSuite for Suite {
    fn suite(&self) -> Dtls12CipherSuite {
        self.0
    }

    fn hash_algorithm(&self) -> HashAlgorithm {
        match self.0 {
            Dtls12CipherSuite::ECDHE_ECDSA_AES256_GCM_SHA384 => HashAlgorithm::SHA384,
            _ => HashAlgorithm::SHA256,
        }
    }

    /// No key of a separate code, the cipher's, and what is fixed of its nonce (RFC 5288 §3, RFC 7905 §2).
    fn key_lengths(&self) -> (usize, usize, usize) {
        match self.0 {
            Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256 => (0, 16, 4),
            Dtls12CipherSuite::ECDHE_ECDSA_AES256_GCM_SHA384 => (0, 32, 4),
            _ => (0, 32, 12),
        }
    }

    fn explicit_nonce_len(&self) -> usize {
        if self.is_gcm() { 8 } else { 0 }
    }

    fn tag_len(&self) -> usize {
        16
    }

    fn create_cipher(&self, key: &[u8]) -> Result<Box<dyn Cipher>, CryptoError> {
        let algorithm = match self.0 {
            Dtls12CipherSuite::ECDHE_ECDSA_AES128_GCM_SHA256 => &AES_128_GCM,
            Dtls12CipherSuite::ECDHE_ECDSA_AES256_GCM_SHA384 => &AES_256_GCM,
            _ => &CHACHA20_POLY1305,
        };
        let key =
            UnboundKey::new(algorithm, key).map_err(|_| failed(CryptoOperation::CreateCipher))?;
        let key = Arc::new(Key::new(LessSafeKey::new(key), self.is_gcm()));
        MADE.with_borrow_mut(|made| made.push(Arc::clone(&key)));
        Ok(Box::new(Shared(key)))
    }
}

fn failed(operation: CryptoOperation) -> CryptoError {
    CryptoError::OperationFailed(operation)
}

/// A key as `dimpl` uses it.
struct Shared(Arc<Key>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Cipher for Shared {
    fn encrypt(&mut self, plaintext: &mut Buf, aad: Aad, nonce: Nonce) -> Result<(), CryptoError> {
        self.0.learn(nonce.0, &aad);
        self.0
            .aead()
            .seal_in_place_append_tag(
                Unique::assume_unique_for_key(nonce.0),
                Authenticated::from(&aad[..]),
                plaintext,
            )
            .map_err(|_| failed(CryptoOperation::Encrypt))
    }

    fn decrypt(
        &mut self,
        ciphertext: &mut TmpBuf<'_>,
        aad: Aad,
        nonce: Nonce,
    ) -> Result<(), CryptoError> {
        self.0.learn(nonce.0, &aad);
        let nonce = Unique::assume_unique_for_key(nonce.0);
        let opened = self
            .0
            .aead()
            .open_in_place(nonce, Authenticated::from(&aad[..]), ciphertext.as_mut())
            .map_err(|_| failed(CryptoOperation::Decrypt))?
            .len();
        ciphertext.truncate(opened);
        Ok(())
    }
}
