//! The media plane's part of the configuration.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sfu_core::Place;

use crate::StartError;

/// `[sfu]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Media threads; 0 means one per core.
    pub workers: usize,
    /// This node's number in ICE ufrags, below 32,768.
    pub node: u16,
    /// Local addresses to open, IPv4 or IPv6; 0.0.0.0 and :: for all.
    pub bind: Vec<IpAddr>,
    /// The one UDP port for all media; 0 means any.
    pub udp_port: u16,
    /// Addresses that clients are told to send to. Empty: those that are bound, or those of the
    /// machine's interfaces. Behind a 1:1 NAT, the public address.
    pub advertised: Vec<IpAddr>,
    /// Answer ICE checks without sending any.
    pub ice_lite: bool,
    /// m-lines that one offer may have.
    pub max_lines: usize,
    /// ICE candidates that one offer may name.
    pub max_candidates: usize,
    /// Seconds until a peer connection that does not come about has failed.
    pub connect_timeout: u64,
    /// Bytes of the system's receive and send buffers, each, as far as the system allows.
    pub socket_buffer: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            workers: 0,
            node: 0,
            bind: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            udp_port: 7882,
            advertised: Vec::new(),
            // Firefox on loopback does not connect to an ICE-lite server; full ICE suits both.
            ice_lite: false,
            max_lines: 128,
            max_candidates: 100,
            connect_timeout: 30,
            socket_buffer: 4 << 20,
        }
    }
}

impl Config {
    pub(crate) fn worker_count(&self) -> Result<usize, StartError> {
        if self.bind.is_empty() {
            return Err(StartError::Config("sfu.bind names no address; 127.0.0.1 is the default"));
        }
        if self.node >= 1 << 15 {
            return Err(StartError::Config("sfu.node must be below 32768"));
        }
        match self.workers {
            0 => Ok(std::thread::available_parallelism()?.get().min(1 << 10)),
            workers if workers <= 1 << 10 => Ok(workers),
            _ => Err(StartError::Config("sfu.workers must be 1024 at most")),
        }
    }

    pub(crate) fn engine(&self, worker: u16, advertised: Vec<SocketAddr>) -> sfu_core::Config {
        sfu_core::Config {
            place: Place { node: self.node, worker },
            advertised,
            ice_lite: self.ice_lite,
            max_lines: self.max_lines,
            max_candidates: self.max_candidates,
            connect_timeout: Duration::from_secs(self.connect_timeout),
        }
    }
}
