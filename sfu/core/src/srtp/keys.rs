//! The keys of a session's SRTP (RFC 5764 §4.2).

use std::sync::{Arc, OnceLock};

/// The protection that both sides agreed on (RFC 5764 §4.1.2, RFC 7714 §14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// AES-128 in counter mode, HMAC-SHA1 cut to 80 bits.
    AesCm,
    /// AES-128-GCM.
    Gcm128,
    /// AES-256-GCM.
    Gcm256,
}

/// What DTLS hands out.
pub(crate) struct Keying {
    pub(crate) profile: Profile,
    /// Client's key, server's key, client's salt, server's salt.
    pub(crate) material: Vec<u8>,
    /// This side was the client of the handshake.
    pub(crate) is_client: bool,
}

impl std::fmt::Debug for Keying {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keying").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Where the keys of one session appear when its handshake is through.
pub(crate) type Cell = Arc<OnceLock<Keying>>;
