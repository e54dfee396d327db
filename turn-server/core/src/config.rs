//! What a server is told at its start.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::policy::Policy;

/// The settings of one worker's server.
#[derive(Clone)]
pub struct Config {
    /// Which worker of the process this one is, from 0 on.
    pub worker: u16,
    /// How many workers the process has, 1024 at most.
    pub workers: u16,
    /// The realm of the credentials.
    pub realm: String,
    /// Static users: name and password.
    pub users: HashMap<String, String>,
    /// Secrets of time-limited credentials; the first one is for minting, all are accepted.
    pub secrets: Vec<String>,
    /// Random bytes that all workers share, for nonces.
    pub nonce_secret: [u8; 32],
    /// How long a nonce is good.
    pub nonce_lifetime: Duration,
    /// Which peers may be reached.
    pub policy: Policy,
    /// Whether there are relay addresses of IPv4, of IPv6.
    pub families: [bool; 2],
    /// The longest lifetime of an allocation without a refresh.
    pub max_lifetime: Duration,
    /// How long an allocation may be refreshed after its time-limited credential has expired,
    /// counted from its start.
    pub max_session: Duration,
    /// Permissions of one allocation.
    pub max_permissions: usize,
    /// Channels of one allocation.
    pub max_channels: usize,
    /// TCP connections of one allocation to its peers; 0 for no TCP allocations.
    pub max_peer_connections: usize,
    /// Payload bytes per second of one allocation, both ways together; 0 for any number.
    pub max_bandwidth: u64,
    /// Answers per second to requests without a good credential, per /24 and /64.
    pub stranger_rate: u32,
    /// Where clients are sent while this server drains.
    pub alternate_server: Option<SocketAddr>,
    /// The addresses of behaviour discovery.
    pub discovery: Option<Discovery>,
}

/// Two addresses with two ports each, for RFC 5780.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discovery {
    /// The local addresses.
    pub bound: [IpAddr; 2],
    /// What clients see of them.
    pub advertised: [IpAddr; 2],
    /// The ports, open on both.
    pub ports: [u16; 2],
}

impl Discovery {
    /// Which of the addresses and which of the ports this is.
    pub(crate) fn place(&self, server: SocketAddr) -> Option<(usize, usize)> {
        let ip = self.bound.iter().position(|&ip| ip == server.ip())?;
        let port = self.ports.iter().position(|&port| port == server.port())?;
        Some((ip, port))
    }

    pub(crate) fn bound(&self, (ip, port): (usize, usize)) -> SocketAddr {
        SocketAddr::new(self.bound[ip], self.ports[port])
    }

    pub(crate) fn advertised(&self, (ip, port): (usize, usize)) -> SocketAddr {
        SocketAddr::new(self.advertised[ip], self.ports[port])
    }
}
