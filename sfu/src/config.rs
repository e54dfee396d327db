//! The media plane's part of the configuration.

use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sfu_core::{Place, envelope};

use crate::{StartError, interface_addresses};

/// An address that clients are told to send to: "203.0.113.7", or with a port, "203.0.113.7:30882" or
/// "[2001:db8::7]:30882", where one is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Advertised {
    /// The address.
    pub ip: IpAddr,
    /// The port; `None` for the one that is open here.
    pub port: Option<u16>,
}

impl From<IpAddr> for Advertised {
    fn from(ip: IpAddr) -> Advertised {
        Advertised { ip, port: None }
    }
}

impl From<SocketAddr> for Advertised {
    fn from(address: SocketAddr) -> Advertised {
        Advertised { ip: address.ip(), port: Some(address.port()) }
    }
}

impl FromStr for Advertised {
    type Err = String;

    fn from_str(text: &str) -> Result<Advertised, String> {
        let ip = text.parse::<IpAddr>().map(Advertised::from);
        let address = ip.or_else(|_| text.parse::<SocketAddr>().map(Advertised::from));
        let address = address.map_err(|_| {
            format!(
                "{text:?} is no address: write \"203.0.113.7\", \"203.0.113.7:30882\" or \
                 \"[2001:db8::7]:30882\""
            )
        })?;
        if address.ip.is_unspecified() || address.port == Some(0) {
            return Err(format!("{text:?} is nothing that a client could send to"));
        }
        Ok(address)
    }
}

impl TryFrom<String> for Advertised {
    type Error = String;

    fn try_from(text: String) -> Result<Advertised, String> {
        text.parse()
    }
}

impl fmt::Display for Advertised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}", SocketAddr::new(self.ip, port)),
            None => write!(f, "{}", self.ip),
        }
    }
}

impl From<Advertised> for String {
    fn from(address: Advertised) -> String {
        address.to_string()
    }
}

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
    /// Take clients by TCP, too: where UDP is blocked.
    pub tcp: bool,
    /// The one TCP port for all media; 0 means any.
    pub tcp_port: u16,
    /// TCP connections for media. More wait in the kernel's queue.
    pub max_tcp_connections: usize,
    /// UDP addresses that clients are told to send to. Empty: those that are bound, or those of
    /// the machine's interfaces. Behind a 1:1 NAT, the public address.
    pub advertised: Vec<Advertised>,
    /// TCP addresses that clients are told to connect to. Empty: the IPs of `advertised` with
    /// `tcp_port`.
    pub advertised_tcp: Vec<Advertised>,
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
    /// Bytes of reliable data messages that may wait for one receiver. One that falls further behind
    /// is let go.
    pub data_buffer: usize,
    /// Milliseconds that a lossy data message may wait for one receiver.
    pub data_max_age: u64,
    /// Bytes that a lossy data message may have as its sender writes it. Larger ones are dropped: they do
    /// not go into one packet on every path.
    pub data_lossy_bytes: u32,
    /// Data messages that one session may send in a second.
    pub data_messages_per_second: u32,
    /// Bytes of data messages that one session may send in a second.
    pub data_bytes_per_second: u32,
    /// Bytes of one bulk stream that may wait, for all of its receivers together.
    pub bulk_buffer: usize,
    /// Milliseconds that a receiver of a bulk stream may hold up others, in all.
    pub bulk_grace: u64,
    /// Seconds that a receiver of a bulk stream may take nothing of what waits for it.
    pub bulk_timeout: u64,
}

/// What [`Config::data_lossy_bytes`] may be: enough for a topic and some bytes, and what a client may send.
const LOSSY_BYTES: std::ops::RangeInclusive<usize> = 256..=envelope::MAX_CLIENT_BYTES;

/// What is read of a bulk stream at once.
const PIECE: usize = 64 * 1024;

impl Default for Config {
    fn default() -> Self {
        Config {
            workers: 0,
            node: 0,
            bind: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            udp_port: 7882,
            tcp: true,
            tcp_port: 7881,
            max_tcp_connections: 1_000,
            advertised: Vec::new(),
            advertised_tcp: Vec::new(),
            // Firefox on loopback does not connect to an ICE-lite server; full ICE suits both.
            ice_lite: false,
            max_lines: 128,
            max_candidates: 100,
            connect_timeout: 30,
            socket_buffer: 4 << 20,
            data_buffer: 1 << 20,
            data_max_age: 100,
            data_lossy_bytes: 1_100,
            data_messages_per_second: 2_000,
            data_bytes_per_second: 1 << 20,
            bulk_buffer: 4 << 20,
            bulk_grace: 2_000,
            bulk_timeout: 60,
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
        if self.data_buffer < envelope::MAX_BYTES {
            return Err(StartError::Config("sfu.data_buffer must be 65536 (one message) or more"));
        }
        if !LOSSY_BYTES.contains(&(self.data_lossy_bytes as usize)) {
            return Err(StartError::Config("sfu.data_lossy_bytes must be from 256 to 65520"));
        }
        if self.data_messages_per_second == 0 {
            return Err(StartError::Config("sfu.data_messages_per_second must be 1 or more"));
        }
        if (self.data_bytes_per_second as usize) < envelope::MAX_BYTES {
            return Err(StartError::Config(
                "sfu.data_bytes_per_second must be 65536 (one message) or more",
            ));
        }
        if self.bulk_buffer < PIECE {
            return Err(StartError::Config("sfu.bulk_buffer must be 65536 (one piece) or more"));
        }
        if self.bulk_timeout == 0 {
            return Err(StartError::Config("sfu.bulk_timeout must be 1 or more"));
        }
        match self.workers {
            0 => Ok(std::thread::available_parallelism()?.get().min(1 << 10)),
            workers if workers <= 1 << 10 => Ok(workers),
            _ => Err(StartError::Config("sfu.workers must be 1024 at most")),
        }
    }

    /// The bound addresses that this machine has. One family may be missing as a whole.
    ///
    /// # Errors
    /// When the machine has none of them.
    pub fn usable_addresses(&self) -> Result<Vec<IpAddr>, StartError> {
        let mut usable = Vec::new();
        let mut missing = None;
        for &ip in &self.bind {
            let address = SocketAddr::new(ip, 0);
            match UdpSocket::bind(address) {
                Err(source) if lacks_family(ip, &source) => {
                    tracing::warn!(%ip, "this machine has no such address; going on without");
                    missing = Some(StartError::Bind { address, source });
                }
                // What else is wrong shows when the port itself is opened.
                _ => usable.push(ip),
            }
        }
        match missing {
            Some(error) if usable.is_empty() => Err(error),
            _ => Ok(usable),
        }
    }

    /// The IPs that clients are told, without ports.
    pub(crate) fn advertised_ips(&self) -> Vec<Advertised> {
        let mut ips: Vec<Advertised> = Vec::new();
        for address in &self.advertised {
            let ip = Advertised::from(address.ip);
            if !ips.contains(&ip) {
                ips.push(ip);
            }
        }
        ips
    }

    /// What clients are told to send to: `configured`, else what is bound, else what the machine's
    /// interfaces have. `port` stands where none is given.
    pub(crate) fn advertised_on(
        &self,
        port: u16,
        configured: &[Advertised],
    ) -> Result<Vec<SocketAddr>, StartError> {
        let mut addresses = configured.to_vec();
        if addresses.is_empty() {
            for bound in self.usable_addresses()? {
                if bound.is_unspecified() {
                    let all = interface_addresses(bound.is_ipv4())?;
                    addresses.extend(all.into_iter().map(Advertised::from));
                } else {
                    addresses.push(bound.into());
                }
            }
        }
        if addresses.is_empty() {
            return Err(StartError::NoAddress);
        }
        let with_port = |a: Advertised| SocketAddr::new(a.ip, a.port.unwrap_or(port));
        Ok(addresses.into_iter().map(with_port).collect())
    }

    pub(crate) fn engine(
        &self,
        worker: u16,
        advertised: &[SocketAddr],
        advertised_tcp: &[SocketAddr],
    ) -> sfu_core::Config {
        sfu_core::Config {
            place: Place { node: self.node, worker },
            advertised: advertised.to_vec(),
            advertised_tcp: advertised_tcp.to_vec(),
            ice_lite: self.ice_lite,
            max_lines: self.max_lines,
            max_candidates: self.max_candidates,
            connect_timeout: Duration::from_secs(self.connect_timeout),
            data_buffer: self.data_buffer,
            data_max_age: Duration::from_millis(self.data_max_age),
            data_lossy_bytes: self.data_lossy_bytes as usize,
            data_messages_per_second: self.data_messages_per_second,
            data_bytes_per_second: self.data_bytes_per_second,
        }
    }
}

/// Whether "all addresses" or "this machine" cannot be opened because the machine does without
/// that family. A specific address that is not there is a mistake.
fn lacks_family(ip: IpAddr, error: &std::io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    let is_missing =
        error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT);
    is_missing && (ip.is_unspecified() || ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advertised_address_may_have_a_port() {
        for text in ["203.0.113.7", "203.0.113.7:30882", "2001:db8::7", "[2001:db8::7]:30882"] {
            let address: Advertised = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        for text in ["", "example.com", "203.0.113.7:", "203.0.113.7:99999", "0.0.0.0", "[::1]:0"] {
            assert!(text.parse::<Advertised>().unwrap_err().contains(text));
        }
    }

    #[test]
    fn a_port_that_is_given_wins_over_the_bound_one() {
        let advertised = vec!["203.0.113.7:30882".parse().unwrap(), "203.0.113.7".parse().unwrap()];
        let config = Config { advertised, ..Config::default() };
        let udp = config.advertised_on(7882, &config.advertised).unwrap();
        assert_eq!(
            udp.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["203.0.113.7:30882", "203.0.113.7:7882"]
        );
        let tcp = config.advertised_on(7881, &config.advertised_ips()).unwrap();
        assert_eq!(tcp, [SocketAddr::from(([203, 0, 113, 7], 7881))]);
    }

    #[test]
    fn without_an_advertised_address_the_bound_ones_are() {
        let bind = vec!["127.0.0.1".parse().unwrap()];
        let config = Config { bind, ..Config::default() };
        let addresses = config.advertised_on(5, &config.advertised).unwrap();
        assert_eq!(addresses, [SocketAddr::from(([127, 0, 0, 1], 5))]);
    }
}
