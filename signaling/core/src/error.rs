//! Errors with a stable id for programs and words for people.

use serde::{Deserialize, Serialize};

/// Why a request was not done. One row per code in [`ErrorCode::row`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request does not parse, or makes no sense at this point.
    BadRequest,
    /// The token is missing, wrong, expired or not yet valid.
    Unauthorized,
    /// The token is good and does not allow this.
    Forbidden,
    /// Pages of this origin may not use the room, or not this ticket.
    OriginNotAllowed,
    /// The embed ticket was exchanged before.
    TicketUsed,
    /// The embed ticket was not exchanged in time.
    TicketExpired,
    /// The room has a password, and none or another one was given.
    PasswordRequired,
    /// The room is locked.
    Locked,
    /// No such room, participant, track or m-line.
    NotFound,
    /// The message or the description is larger than allowed.
    TooLarge,
    /// More requests than allowed in this time.
    RateLimited,
    /// The room or the server is full.
    Full,
    /// A queue is full; the same request may succeed in a moment.
    Busy,
    /// The session description cannot be used.
    BadSdp,
    /// The server is stopping.
    Stopping,
    /// The server failed.
    Internal,
}

/// What a door needs to know of an [`ErrorCode`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorRow {
    /// HTTP status.
    pub http: u16,
    /// WebSocket close code where the error ends the connection (RFC 6455 §7.4.2: 4000-4999).
    pub close: u16,
    /// Whether the very same request may succeed later.
    pub retry: bool,
}

impl ErrorCode {
    /// Every code, for documentation and tests.
    pub const ALL: [ErrorCode; 16] = [
        ErrorCode::BadRequest,
        ErrorCode::Unauthorized,
        ErrorCode::Forbidden,
        ErrorCode::OriginNotAllowed,
        ErrorCode::TicketUsed,
        ErrorCode::TicketExpired,
        ErrorCode::PasswordRequired,
        ErrorCode::Locked,
        ErrorCode::NotFound,
        ErrorCode::TooLarge,
        ErrorCode::RateLimited,
        ErrorCode::Full,
        ErrorCode::Busy,
        ErrorCode::BadSdp,
        ErrorCode::Stopping,
        ErrorCode::Internal,
    ];

    /// The code's row: HTTP status, close code, retry.
    pub const fn row(self) -> ErrorRow {
        let (http, close, retry) = match self {
            ErrorCode::BadRequest => (400, 4400, false),
            ErrorCode::Unauthorized => (401, 4401, false),
            ErrorCode::Forbidden => (403, 4403, false),
            ErrorCode::OriginNotAllowed => (403, 4403, false),
            ErrorCode::TicketUsed => (410, 4410, false),
            ErrorCode::TicketExpired => (410, 4410, false),
            ErrorCode::PasswordRequired => (403, 4403, false),
            ErrorCode::Locked => (423, 4423, false),
            ErrorCode::NotFound => (404, 4404, false),
            ErrorCode::TooLarge => (413, 4413, false),
            ErrorCode::RateLimited => (429, 4429, true),
            ErrorCode::Full => (503, 4503, true),
            ErrorCode::Busy => (503, 4503, true),
            ErrorCode::BadSdp => (400, 4400, false),
            ErrorCode::Stopping => (503, 4503, true),
            ErrorCode::Internal => (500, 4500, true),
        };
        ErrorRow { http, close, retry }
    }
}

/// Why a request was not done: `{"code", "message", "retry"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[error("{message}")]
pub struct RequestError {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what is wrong and what to do.
    pub message: String,
    /// Whether the very same request may succeed later.
    pub retry: bool,
}

impl RequestError {
    /// An error with the code's own answer to `retry`.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        RequestError { code, message: message.into(), retry: code.row().retry }
    }
}
