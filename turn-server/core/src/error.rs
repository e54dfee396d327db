//! Why a request is refused, as clients are told.

use std::net::SocketAddr;

/// An error response's code, with what goes into the response beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Error {
    TryAlternate(SocketAddr),
    BadRequest(&'static str),
    Forbidden,
    MobilityForbidden,
    UnknownAttributes(Vec<u16>),
    AllocationMismatch(&'static str),
    FamilyNotSupported,
    WrongCredentials,
    TransportNotSupported,
    FamilyMismatch,
    ConnectionExists,
    ConnectionFailed,
    QuotaReached,
    InsufficientCapacity,
}

impl Error {
    /// The codes of RFC 8489 §18.3, RFC 8656 §19, RFC 6062 §6.3 and RFC 8016 §6.
    pub(crate) fn code(&self) -> u16 {
        match self {
            Error::TryAlternate(_) => 300,
            Error::BadRequest(_) => 400,
            Error::Forbidden => 403,
            Error::MobilityForbidden => 405,
            Error::UnknownAttributes(_) => 420,
            Error::AllocationMismatch(_) => 437,
            Error::FamilyNotSupported => 440,
            Error::WrongCredentials => 441,
            Error::TransportNotSupported => 442,
            Error::FamilyMismatch => 443,
            Error::ConnectionExists => 446,
            Error::ConnectionFailed => 447,
            Error::QuotaReached => 486,
            Error::InsufficientCapacity => 508,
        }
    }

    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Error::TryAlternate(_) => "Try Alternate",
            Error::BadRequest(what) | Error::AllocationMismatch(what) => what,
            Error::Forbidden => "This peer must not be reached",
            Error::MobilityForbidden => "Mobility is not supported",
            Error::UnknownAttributes(_) => "Unknown Attribute",
            Error::FamilyNotSupported => "Address Family not Supported",
            Error::WrongCredentials => "The allocation is another user's",
            Error::TransportNotSupported => "This protocol is not relayed",
            Error::FamilyMismatch => "The allocation has no address of the peer's family",
            Error::ConnectionExists => "There is a connection to this peer already",
            Error::ConnectionFailed => "The peer could not be connected to",
            Error::QuotaReached => "Allocation Quota Reached",
            Error::InsufficientCapacity => "Insufficient Capacity",
        }
    }
}

impl From<crate::message::Malformed> for Error {
    fn from(_: crate::message::Malformed) -> Error {
        Error::BadRequest("An attribute has a value that it cannot have")
    }
}
