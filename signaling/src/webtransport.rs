//! WebTransport (draft-ietf-webtrans-http3), whatever is said on it: the endpoint, the way to a session, its
//! streams and datagrams, and the closing word.
//!
//! A connection carries one session and nothing else. QUIC is by `quinn`; what HTTP/3 there is (SETTINGS, one
//! CONNECT, capsules) by `web-transport-proto` ([ADR 10](../../docs/adr/0010-webtransport-on-quinn.md)).

pub use quinn::{RecvStream, SendStream, WriteError};
use web_transport_proto::error_to_http3;

mod asked;
mod endpoint;
mod offer;
mod session;
mod shared;

pub use asked::Asked;
pub use endpoint::{Endpoint, Gate};
pub use offer::{Invitation, Offer};
pub use session::{Datagrams, REASON_BYTES, Session, Streams, Words};

/// HTTP/3 (RFC 9114 §3.1).
pub const ALPN: &[u8] = b"h3";

/// H3_NO_ERROR (RFC 9114 §8.1).
const NO_ERROR: quinn::VarInt = quinn::VarInt::from_u32(0x100);
/// H3_STREAM_CREATION_ERROR.
const NO_SUCH_STREAM: quinn::VarInt = quinn::VarInt::from_u32(0x103);
/// H3_MESSAGE_ERROR.
const MALFORMED: quinn::VarInt = quinn::VarInt::from_u32(0x10e);

/// Why a stream was reset or is not read (`docs/protocol.md`, "WebTransport").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamCode {
    /// Its receiver reads too slowly.
    Slow = 1,
    /// Its sender broke it off.
    Cancelled = 2,
    /// It is not for this participant to open.
    Forbidden = 3,
    /// What it begins with is too long.
    TooLarge = 4,
    /// There are too many.
    Busy = 5,
    /// The session or the server ends.
    Stopping = 6,
}

impl StreamCode {
    /// As QUIC carries it.
    pub fn to_quic(self) -> quinn::VarInt {
        to_quic(self as u32)
    }
}

/// A code of the application's as QUIC carries it (draft-ietf-webtrans-http3 §4.3).
fn to_quic(code: u32) -> quinn::VarInt {
    // What the draft maps to is always below 2^62.
    quinn::VarInt::from_u64(error_to_http3(code)).unwrap_or(NO_ERROR)
}
