//! What an engine is built with.

use std::net::SocketAddr;
use std::time::Duration;

use crate::demux::Place;

/// Settings of one [`Engine`](crate::Engine).
#[derive(Debug, Clone)]
pub struct Config {
    /// Node and worker, named in every ICE ufrag.
    pub place: Place,
    /// UDP addresses that clients are told to send to (ICE host candidates), one or more.
    pub advertised: Vec<SocketAddr>,
    /// TCP addresses that clients are told to connect to (RFC 6544, passive candidates).
    pub advertised_tcp: Vec<SocketAddr>,
    /// Answer checks without sending any (RFC 8445 §2.5).
    pub ice_lite: bool,
    /// m-lines that one offer may have.
    pub max_lines: usize,
    /// Remote candidates that one session may name.
    pub max_candidates: usize,
    /// A session that is not connected for this long after its first offer has failed.
    pub connect_timeout: Duration,
    /// Bytes of reliable data messages that may wait for one receiver, in SCTP and before it.
    pub data_buffer: usize,
    /// How long a lossy data message may wait for one receiver.
    pub data_max_age: Duration,
    /// Bytes of a lossy data message as its sender writes it: those that every path takes in one packet.
    pub data_lossy_bytes: usize,
    /// Data messages that one session may send in a second.
    pub data_messages_per_second: u32,
    /// Bytes of data messages that one session may send in a second.
    pub data_bytes_per_second: u32,
}
