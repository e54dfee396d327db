//! Our own TURN server: how it starts beside the media plane, what it counts, and connections that turn
//! out to be for it.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::ServerConnection;
use turn_server::{Adopted, Extras, Network, Policy, Protocol, Secret, TurnHandle, TurnServer};

use crate::config::Config;
use crate::counters::Row;
use crate::ice::OwnServer;
use crate::tls::Certificates;

/// The name of TURN in a TLS handshake (RFC 7443 §3).
pub const ALPN: &[u8] = b"stun.turn";

/// Which addresses requests of ours may go to: those that TURN's clients may reach of the Internet, and
/// those of `allowed`, whose key is `key`.
///
/// # Errors
/// For what is no network.
pub fn reachable(
    key: &str,
    allowed: &[String],
) -> anyhow::Result<impl Fn(SocketAddr) -> bool + Send + Sync + 'static> {
    let allowed = allowed.iter().map(|network| network.parse::<Network>());
    let allowed = allowed.collect::<Result<Vec<_>, _>>().with_context(|| key.to_owned())?;
    let policy = Policy { allowed, ..Policy::default() };
    Ok(move |address| policy.allows(Protocol::Tcp, address))
}

/// The running TURN server. Dropping it ends all allocations and waits for its threads.
pub struct Turn {
    server: TurnServer,
    offer: OwnServer,
    has_alternate: bool,
}

/// What others need of it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle(TurnHandle);

impl Turn {
    /// Starts it. Of all addresses on this machine its clients can reach those of `media`.
    ///
    /// # Errors
    /// When a port is taken or a key cannot be meant; the text names the key.
    pub fn start(
        config: &Config,
        media: &[SocketAddr],
        certificates: Option<&Arc<Certificates>>,
    ) -> anyhow::Result<Turn> {
        let settings = settings(config)?;
        let tls = certificates.map(|certificates| {
            let dtls = certificates.ecdsa_pair();
            anyhow::Ok(turn_server::Tls {
                config: certificates.server_config(&[])?,
                dtls: dtls.map(|(certificate, key)| turn_server::Identity { certificate, key }),
            })
        });
        let extras = Extras { peers: media.to_vec(), tls: tls.transpose()? };
        let has_tls = extras.tls.is_some();
        let server = TurnServer::start(&settings, extras)?;
        let port = server.handle().addresses().first().map_or(0, SocketAddr::port);
        let tls_port = if settings.tls_port == 0 { port } else { settings.tls_port };
        let named = Some(&config.ice.turn_host).filter(|host| !host.is_empty());
        let offer = OwnServer {
            // There is one: `settings` sees to it.
            secret: settings.secrets.first().cloned().unwrap_or_else(random_secret),
            hosts: named.map_or_else(|| hosts(config, &settings), |host| vec![host.clone()]),
            tls_host: named.cloned(),
            port,
            tls_port: has_tls.then_some(tls_port),
            credential_ttl: Duration::from_secs(config.ice.turn_credential_ttl),
        };
        Ok(Turn { server, offer, has_alternate: settings.alternate_server.is_some() })
    }

    /// How clients reach it.
    pub fn offer(&self) -> OwnServer {
        self.offer.clone()
    }

    /// For those who need it while it runs.
    pub fn handle(&self) -> Handle {
        Handle(self.server.handle())
    }

    /// Sends newcomers to the alternate server, if there is one. Otherwise it goes on as long as rooms
    /// do: who is in one may need another way to it.
    pub fn drain(&self) {
        if self.has_alternate {
            self.server.handle().drain();
        }
    }
}

impl Handle {
    /// What it has counted.
    pub fn counters(&self) -> Vec<Row> {
        let rows = |row: turn_server::stats::Row| Row {
            name: row.name,
            help: row.help,
            label: row.label,
            value: row.value,
            is_gauge: row.is_gauge,
        };
        self.0.counters().rows().map(rows).collect()
    }

    /// Allocations now.
    pub fn allocations(&self) -> usize {
        self.0.allocations()
    }

    /// Whether what comes first after a TLS handshake is STUN, not HTTP (RFC 7983 §7).
    pub fn is_for_turn(first: u8) -> bool {
        first <= 3
    }

    /// Takes over a connection with its TLS session. Bytes may be waiting in the session.
    ///
    /// # Errors
    /// When the server is overloaded; the connection is closed then.
    pub fn adopt(
        &self,
        socket: TcpStream,
        tls: ServerConnection,
        client: SocketAddr,
    ) -> Result<(), turn_server::Overloaded> {
        self.0.adopt(Adopted { socket, tls: Some(tls), received: Vec::new(), client })
    }
}

/// `[turn]` with what follows from other sections.
fn settings(config: &Config) -> anyhow::Result<turn_server::Config> {
    let mut settings = config.turn.clone();
    if settings.bind.is_empty() {
        settings.bind = config.sfu.usable_addresses()?;
    }
    // What clients see of the SFU's addresses is what peers see of the relay's.
    if settings.advertised.is_empty() && settings.relay_bind.is_empty() {
        for ipv4 in [true, false] {
            let bound = settings.bind.iter().copied().find(|ip| ip.is_ipv4() == ipv4);
            let mut advertised = config.sfu.advertised.iter().map(|one| one.ip);
            let seen = advertised.find(|ip| ip.is_ipv4() == ipv4);
            if let (Some(bound), Some(seen)) = (bound, seen) {
                settings.relay_bind.push(bound);
                settings.relay_advertised.push(seen);
            }
        }
    }
    if settings.secrets.is_empty() {
        settings.secrets.push(random_secret());
    }
    Ok(settings)
}

/// Nobody but this process needs to know it: credentials of an earlier run end with that.
fn random_secret() -> Secret {
    Secret::from(format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>()).as_str())
}

/// Hosts for `turn:` URLs, one of each family: what is advertised, or what is bound if that is no wildcard.
fn hosts(config: &Config, settings: &turn_server::Config) -> Vec<String> {
    let advertised: Vec<IpAddr> = if settings.advertised.is_empty() {
        config.sfu.advertised.iter().map(|one| one.ip).collect()
    } else {
        settings.advertised.clone()
    };
    let addresses = if advertised.is_empty() { &settings.bind } else { &advertised };
    if addresses.iter().any(IpAddr::is_unspecified) {
        return Vec::new();
    }
    [true, false]
        .into_iter()
        .filter_map(|ipv4| addresses.iter().find(|ip| ip.is_ipv4() == ipv4))
        .map(|ip| match ip {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(change: impl FnOnce(&mut Config)) -> (Config, turn_server::Config) {
        let mut config = Config::default();
        change(&mut config);
        let settings = settings(&config).unwrap();
        (config, settings)
    }

    #[test]
    fn it_listens_where_media_does_and_makes_up_a_secret() {
        let (config, settings) = config(|_| {});
        assert_eq!(settings.bind, config.sfu.bind);
        assert_eq!(hosts(&config, &settings), ["127.0.0.1"]);
        let secret = settings.secrets[0].reveal().to_owned();
        assert_eq!(secret.len(), 64);
        assert_ne!(secret, super::settings(&config).unwrap().secrets[0].reveal());
    }

    #[test]
    fn a_wildcard_is_no_host() {
        let (config, settings) =
            config(|config| config.sfu.bind = vec!["0.0.0.0".parse().unwrap()]);
        assert!(hosts(&config, &settings).is_empty());
        assert!(settings.relay_bind.is_empty());
    }

    #[test]
    fn behind_a_nat_the_address_of_the_media_is_that_of_the_relay() {
        let (config, settings) = config(|config| {
            config.sfu.bind = vec!["0.0.0.0".parse().unwrap(), "::".parse().unwrap()];
            config.sfu.advertised =
                vec!["203.0.113.7:30882".parse().unwrap(), "[2001:db8::7]:30882".parse().unwrap()];
        });
        assert_eq!(settings.relay_bind, config.sfu.bind);
        let public: [IpAddr; 2] = ["203.0.113.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
        assert_eq!(settings.relay_advertised, public);
        assert_eq!(hosts(&config, &settings), ["203.0.113.7", "[2001:db8::7]"]);
    }
}
