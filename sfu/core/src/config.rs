//! What an engine is built with.

use std::net::SocketAddr;
use std::time::Duration;

use crate::demux::Place;

/// Settings of one [`Engine`](crate::Engine).
#[derive(Debug, Clone)]
pub struct Config {
    /// Node and worker, named in every ICE ufrag.
    pub place: Place,
    /// Addresses that clients are told to send to (ICE host candidates), one or more.
    pub advertised: Vec<SocketAddr>,
    /// Answer checks without sending any (RFC 8445 §2.5).
    pub ice_lite: bool,
    /// m-lines that one offer may have.
    pub max_lines: usize,
    /// Remote candidates that one session may name.
    pub max_candidates: usize,
    /// A session that is not connected for this long after its first offer, or that loses its
    /// path for this long, has failed.
    pub connect_timeout: Duration,
}
