//! The STUN and TURN servers that a participant is told of: those of the configuration, and our own with
//! a credential that ends.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signaling_core::info::IceServer;

use crate::config;

/// Makes out ICE servers. Clones are the same.
#[derive(Clone)]
pub struct Ice {
    shared: Arc<Shared>,
}

struct Shared {
    configured: Vec<IceServer>,
    own: Option<OwnServer>,
    /// Its keys are this process's secret: what it makes of a name tells nobody the name.
    names: RandomState,
}

/// How clients reach our own TURN server.
#[derive(Debug, Clone)]
pub struct OwnServer {
    /// Makes credentials.
    pub secret: turn_server::Secret,
    /// Hosts of `turn:` URLs; none for the host that the client came by.
    pub hosts: Vec<String>,
    /// The host of `turns:` URLs; `None` for the one that the client came by, whose name is in the
    /// certificate.
    pub tls_host: Option<String>,
    /// For UDP and TCP.
    pub port: u16,
    /// For TLS; `None` without a certificate. The port of HTTPS takes it, too.
    pub tls_port: Option<u16>,
    /// How long a credential is good for.
    pub credential_ttl: Duration,
}

impl Ice {
    /// The servers of the configuration, and our own if it runs.
    pub fn new(config: &config::Ice, own: Option<OwnServer>) -> Ice {
        let non_empty = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let configured = config.servers.iter().map(|server| IceServer {
            urls: server.urls.clone(),
            username: non_empty(&server.username),
            credential: non_empty(server.credential.expose()),
        });
        let configured = configured.collect();
        Ice { shared: Arc::new(Shared { configured, own, names: RandomState::new() }) }
    }

    /// What one client is told, as `RTCPeerConnection` takes it. `base_url` is how it came here; `whose`
    /// says who it is, in whatever form: the same again counts as the same user of the TURN server.
    pub fn servers(&self, base_url: Option<&str>, whose: impl Hash) -> Vec<IceServer> {
        let mut servers = self.shared.configured.clone();
        if let Some(own) = &self.shared.own {
            let urls = own.urls(base_url.and_then(Origin::parse).as_ref());
            if !urls.is_empty() {
                let name = format!("{:016x}", self.shared.names.hash_one(whose));
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let (username, credential) = turn_server::mint(
                    own.secret.reveal(),
                    &name,
                    now.as_secs(),
                    own.credential_ttl,
                );
                let (username, credential) = (Some(username), Some(credential));
                servers.push(IceServer { urls, username, credential });
            }
        }
        servers
    }
}

impl OwnServer {
    fn urls(&self, origin: Option<&Origin<'_>>) -> Vec<String> {
        let came_by = origin.map(|origin| origin.host.to_owned());
        let hosts = if self.hosts.is_empty() { came_by.as_slice() } else { &self.hosts };
        let mut urls: Vec<String> = hosts
            .iter()
            .flat_map(|host| {
                let port = self.port;
                ["udp", "tcp"].map(|transport| format!("turn:{host}:{port}?transport={transport}"))
            })
            .collect();
        if let (Some(port), Some(host)) =
            (self.tls_port, self.tls_host.as_ref().or(came_by.as_ref()))
        {
            urls.push(format!("turns:{host}:{port}?transport=tcp"));
            let https = origin.filter(|origin| origin.https).map(|origin| origin.port);
            if let Some(https) = https.filter(|https| *https != port) {
                urls.push(format!("turns:{host}:{https}?transport=tcp"));
            }
        }
        urls
    }
}

/// The parts of a URL like `https://meet.example.com:8443`.
struct Origin<'a> {
    https: bool,
    /// IPv6 addresses in brackets.
    host: &'a str,
    port: u16,
}

impl Origin<'_> {
    fn parse(url: &str) -> Option<Origin<'_>> {
        let (scheme, authority) = url.split_once("://")?;
        let https = scheme.eq_ignore_ascii_case("https");
        // A colon within brackets is one of an IPv6 address.
        let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'))
        {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, if https { 443 } else { 80 }),
        };
        (!host.is_empty()).then_some(Origin { https, host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> OwnServer {
        OwnServer {
            secret: turn_server::Secret::from("secret"),
            hosts: Vec::new(),
            tls_host: None,
            port: 3478,
            tls_port: None,
            credential_ttl: Duration::from_secs(7_200),
        }
    }

    fn urls(own: &OwnServer, base_url: &str) -> Vec<String> {
        own.urls(Origin::parse(base_url).as_ref())
    }

    #[test]
    fn without_an_address_of_its_own_it_is_where_the_client_came_to() {
        for (base_url, host) in [
            ("http://meet.example.com:7880", "meet.example.com"),
            ("http://meet.example.com", "meet.example.com"),
            ("http://192.0.2.1:7880", "192.0.2.1"),
            ("http://[2001:db8::1]:7880", "[2001:db8::1]"),
            ("http://[2001:db8::1]", "[2001:db8::1]"),
        ] {
            let [udp, tcp] =
                ["udp", "tcp"].map(|transport| format!("turn:{host}:3478?transport={transport}"));
            assert_eq!(urls(&own(), base_url), [udp, tcp], "{base_url}");
        }
        assert!(own().urls(None).is_empty());
    }

    #[test]
    fn tls_has_the_name_of_the_certificate_and_shares_the_port_of_https() {
        let own = OwnServer { hosts: vec!["203.0.113.7".into()], tls_port: Some(5349), ..own() };
        let all = urls(&own, "https://meet.example.com");
        assert_eq!(
            all,
            [
                "turn:203.0.113.7:3478?transport=udp",
                "turn:203.0.113.7:3478?transport=tcp",
                "turns:meet.example.com:5349?transport=tcp",
                "turns:meet.example.com:443?transport=tcp",
            ]
        );
        let named = OwnServer { tls_host: Some("turn.example.com".into()), ..own };
        let all = urls(&named, "https://meet.example.com:8443");
        assert_eq!(
            all[2..],
            [
                "turns:turn.example.com:5349?transport=tcp",
                "turns:turn.example.com:8443?transport=tcp"
            ]
        );
        // A proxy speaks TLS in our place: nobody there knows of TURN.
        assert_eq!(urls(&named, "http://meet.example.com").len(), 3);
    }

    #[test]
    fn a_credential_is_ones_own_and_does_not_tell_the_name() {
        let ice = Ice::new(&config::Ice::default(), Some(own()));
        let user = |whose: &str| {
            let servers = ice.servers(Some("http://127.0.0.1:7880"), whose);
            let username = servers[0].username.clone().unwrap();
            username.split_once(':').unwrap().1.to_owned()
        };
        assert_eq!(user("ana"), user("ana"));
        assert_ne!(user("ana"), user("ben"));
        assert!(!user("ana").contains("ana"));
    }
}
