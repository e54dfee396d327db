//! The TURN server's part of the configuration.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};
use turn_core::{Limits, Network};

use crate::StartError;

/// `[turn]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Threads; 0 means one per core.
    pub workers: usize,
    /// Local addresses to open, IPv4 or IPv6; 0.0.0.0 and :: for all.
    pub bind: Vec<IpAddr>,
    /// The port for UDP and TCP. DTLS and TLS are answered there too, if there is a certificate.
    pub port: u16,
    /// The port that clients are told for TLS and DTLS; 0 for none. All else is answered there too.
    pub tls_port: u16,
    /// What clients see of the addresses of `bind`, in their order, behind a 1:1 NAT.
    pub advertised: Vec<IpAddr>,
    /// The local addresses to relay from, one IPv4 and one IPv6 at most. Empty: those of `bind`,
    /// or the machine's first.
    pub relay_bind: Vec<IpAddr>,
    /// What peers see of the addresses of `relay_bind`, in their order, behind a 1:1 NAT.
    pub relay_advertised: Vec<IpAddr>,
    /// The first and the last port to relay from.
    pub relay_ports: [u16; 2],
    /// The realm of the credentials.
    pub realm: String,
    /// Users with their passwords.
    pub users: BTreeMap<String, Secret>,
    /// Secrets of time-limited credentials. The first one is for making them, all are accepted.
    pub secrets: Vec<Secret>,
    /// Seconds that a nonce is good.
    pub nonce_lifetime: u64,
    /// The longest lifetime of an allocation without a refresh, in seconds.
    pub max_lifetime: u64,
    /// Seconds that an allocation can be refreshed although its time-limited credential has
    /// expired, counted from its start.
    pub max_session: u64,
    /// Allocations at a time; 0 for any number.
    pub max_allocations: usize,
    /// Allocations of one user; 0 for any number.
    pub user_quota: usize,
    /// Allocations of one source address; 0 for any number.
    pub source_quota: usize,
    /// Permissions of one allocation.
    pub max_permissions: usize,
    /// Channels of one allocation.
    pub max_channels: usize,
    /// TCP connections of one allocation to its peers (RFC 6062); 0 for no TCP allocations.
    pub max_peer_connections: usize,
    /// Payload bytes per second of one allocation, both ways together; 0 for any number.
    pub max_bandwidth: u64,
    /// Answers per second to requests without a good credential, per source /24 and /64.
    pub stranger_rate: u32,
    /// TCP and TLS connections at a time, and DTLS sessions.
    pub max_connections: usize,
    /// Networks of peers that are allowed although private: "10.0.0.0/8".
    pub allowed_peers: Vec<String>,
    /// Networks of peers that are denied although public.
    pub denied_peers: Vec<String>,
    /// Where clients are sent while this server drains; as text, empty for nowhere.
    #[serde(with = "address_or_empty")]
    pub alternate_server: Option<SocketAddr>,
    /// Networks of load balancers whose connections begin with a PROXY protocol header (v2).
    pub proxy_from: Vec<String>,
    /// Microseconds that messages may wait for others, to be relayed together, while a thread relays
    /// thousands a second; 0 for none.
    pub batch_wait: u64,
    /// Bytes of the system's buffers of the listening sockets, each, as far as the system allows.
    pub socket_buffer: usize,
}

/// A password or key that is never printed: not by `{:?}`, not as configuration.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Secret {
        Secret(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("[redacted]")
    }
}

/// In a configuration every key has a value: an empty text stands for no address.
mod address_or_empty {
    use std::net::SocketAddr;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        address: &Option<SocketAddr>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => serializer.collect_str(address),
            None => serializer.serialize_str(""),
        }
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(
        deserializer: D,
    ) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = |_| Error::custom(format!("{text:?} is no address with a port"));
        text.parse().map(Some).map_err(wrong)
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            workers: 0,
            bind: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            port: 3478,
            tls_port: 5349,
            advertised: Vec::new(),
            relay_bind: Vec::new(),
            relay_advertised: Vec::new(),
            relay_ports: [49_152, 65_535],
            realm: "oriel".into(),
            users: BTreeMap::new(),
            secrets: Vec::new(),
            nonce_lifetime: 600,
            max_lifetime: 3_600,
            max_session: 43_200,
            max_allocations: 10_000,
            user_quota: 32,
            source_quota: 512,
            max_permissions: 64,
            max_channels: 64,
            max_peer_connections: 16,
            max_bandwidth: 12_500_000,
            stranger_rate: 200,
            max_connections: 10_000,
            allowed_peers: Vec::new(),
            denied_peers: Vec::new(),
            alternate_server: None,
            proxy_from: Vec::new(),
            batch_wait: 1_000,
            socket_buffer: 4 << 20,
        }
    }
}

impl Config {
    /// Refuses what cannot be meant, naming the key.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let wrong = |what| Err(StartError::Config(what));
        if self.bind.is_empty() {
            return wrong("turn.bind names no address; 127.0.0.1 is the default");
        }
        if self.workers > 1 << 10 {
            return wrong("turn.workers must be 1024 at most");
        }
        if !self.advertised.is_empty() && self.advertised.len() != self.bind.len() {
            return wrong("turn.advertised must name one address for each of turn.bind, or none");
        }
        if !self.relay_advertised.is_empty() && self.relay_advertised.len() != self.relay_bind.len()
        {
            return wrong(
                "turn.relay_advertised must name one address for each of turn.relay_bind",
            );
        }
        for ipv4 in [true, false] {
            if self.relay_bind.iter().filter(|ip| ip.is_ipv4() == ipv4).count() > 1 {
                return wrong("turn.relay_bind can have one IPv4 and one IPv6 address");
            }
        }
        let [first, last] = self.relay_ports;
        if first < 1_024 || last < first {
            return wrong("turn.relay_ports must be the first and the last port, from 1024 on");
        }
        if self.port != 0 && self.port == self.tls_port {
            return wrong("turn.tls_port must differ from turn.port, or be 0");
        }
        if self.realm.is_empty() || self.realm.len() > 127 {
            return wrong("turn.realm must have 1 to 127 bytes");
        }
        if self.secrets.iter().chain(self.users.values()).any(|secret| secret.reveal().is_empty()) {
            return wrong("turn.users and turn.secrets cannot have empty passwords or secrets");
        }
        if self.batch_wait > 10_000 {
            return wrong("turn.batch_wait must be 10000 (microseconds) at most");
        }
        if self.nonce_lifetime == 0 {
            return wrong("turn.nonce_lifetime must be at least 1");
        }
        Ok(())
    }

    pub(crate) fn worker_count(&self) -> std::io::Result<usize> {
        match self.workers {
            0 => Ok(std::thread::available_parallelism()?.get().min(1 << 10)),
            workers => Ok(workers),
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            allocations: self.max_allocations,
            per_user: self.user_quota,
            per_source: self.source_quota,
        }
    }

    /// What the server's pure half is told, save what depends on the sockets.
    pub(crate) fn core(&self) -> Result<turn_core::Config, StartError> {
        let users = self.users.iter();
        Ok(turn_core::Config {
            worker: 0,
            workers: 1,
            realm: self.realm.clone(),
            users: users.map(|(name, secret)| (name.clone(), secret.0.clone())).collect(),
            secrets: self.secrets.iter().map(|secret| secret.0.clone()).collect(),
            nonce_secret: rand::random(),
            nonce_lifetime: Duration::from_secs(self.nonce_lifetime),
            policy: turn_core::Policy {
                allowed: networks("turn.allowed_peers", &self.allowed_peers)?,
                denied: networks("turn.denied_peers", &self.denied_peers)?,
                ..turn_core::Policy::default()
            },
            families: [false, false],
            max_lifetime: Duration::from_secs(self.max_lifetime),
            max_session: Duration::from_secs(self.max_session),
            max_permissions: self.max_permissions,
            max_channels: self.max_channels,
            max_peer_connections: self.max_peer_connections,
            max_bandwidth: self.max_bandwidth,
            stranger_rate: self.stranger_rate,
            alternate_server: self.alternate_server,
            discovery: None,
        })
    }
}

/// Reads the networks of a key.
pub(crate) fn networks(key: &'static str, texts: &[String]) -> Result<Vec<Network>, StartError> {
    let read = |text: &String| {
        text.parse::<Network>().map_err(|source| StartError::Network { key, source })
    };
    texts.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good_and_show_no_secret() {
        let config = Config {
            users: BTreeMap::from([("ada".to_owned(), Secret::from("lovelace"))]),
            secrets: vec![Secret::from("north")],
            ..Config::default()
        };
        assert!(config.check().is_ok());
        for shown in [format!("{config:?}"), toml::to_string(&config).unwrap_or_default()] {
            assert!(!shown.contains("lovelace") && !shown.contains("north"), "{shown}");
            assert!(shown.contains("ada") && shown.contains("[redacted]"), "{shown}");
        }
    }

    #[test]
    fn no_alternate_server_is_an_empty_text() {
        let read = |text: &str| toml::from_str::<Config>(&format!("alternate_server = {text:?}"));
        let address = SocketAddr::from(([192, 0, 2, 1], 3_478));
        for (text, expected) in [("", None), ("192.0.2.1:3478", Some(address))] {
            let config = read(text).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(config.alternate_server, expected);
            let shown = toml::to_string(&config).unwrap_or_default();
            assert!(shown.contains(&format!("alternate_server = {text:?}")), "{shown}");
        }
        assert!(read("example.org").is_err());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_key() {
        let refused = |change: fn(&mut Config)| {
            let mut config = Config::default();
            change(&mut config);
            config.check().and_then(|()| config.core()).err().map(|error| error.to_string())
        };
        let names = |key: &str, change: fn(&mut Config)| {
            let error = refused(change).unwrap_or_default();
            assert!(error.contains(key), "{error:?} should name {key}");
        };
        names("turn.bind", |config| config.bind.clear());
        names("turn.relay_ports", |config| config.relay_ports = [2, 1]);
        names("turn.tls_port", |config| config.tls_port = config.port);
        names("turn.batch_wait", |config| config.batch_wait = 10_001);
        names("turn.realm", |config| config.realm.clear());
        names("turn.secrets", |config| config.secrets = vec![Secret::from("")]);
        names("turn.allowed_peers", |config| config.allowed_peers = vec!["ten".into()]);
        names("turn.advertised", |config| {
            config.advertised = vec!["192.0.2.1".parse().unwrap_or(config.bind[0]); 2];
        });
        assert_eq!(refused(|_| ()), None);
    }
}
