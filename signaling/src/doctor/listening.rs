//! What a configuration listens on.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::config::{Config, TlsMode};

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
        })
    }
}

/// One socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket {
    /// The key of the configuration that has its port.
    pub port_key: &'static str,
    /// The key that has its address.
    pub bind_key: &'static str,
    /// How it speaks.
    pub protocol: Protocol,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Socket {
    /// Whether only one of the two can be open. Port 0 stands for any that is free.
    pub fn collides_with(&self, other: &Socket) -> bool {
        let (one, two) = (self.address, other.address);
        self.protocol == other.protocol
            && one.port() != 0
            && one.port() == two.port()
            && one.is_ipv4() == two.is_ipv4()
            && (one.ip() == two.ip() || one.ip().is_unspecified() || two.ip().is_unspecified())
    }
}

/// All sockets that listen, in the order in which the server opens them.
pub fn sockets(config: &Config) -> Vec<Socket> {
    let (server, media, turn) = (&config.server, &config.sfu, &config.turn);
    let mut sockets = Vec::new();
    let mut add = |port_key, bind_key, protocol, addresses: &[IpAddr], port| {
        sockets.extend(addresses.iter().map(|&ip| Socket {
            port_key,
            bind_key,
            protocol,
            address: SocketAddr::new(ip, port),
        }));
    };
    add("server.http_port", "server.bind", Protocol::Tcp, &server.bind, server.http_port);
    let internal = [server.internal_bind];
    add(
        "server.internal_port",
        "server.internal_bind",
        Protocol::Tcp,
        &internal,
        server.internal_port,
    );
    add("sfu.udp_port", "sfu.bind", Protocol::Udp, &media.bind, media.udp_port);
    if media.tcp {
        add("sfu.tcp_port", "sfu.bind", Protocol::Tcp, &media.bind, media.tcp_port);
    }
    if config.ice.turn {
        let (bind_key, bind) = match turn.bind.is_empty() {
            true => ("sfu.bind", &media.bind),
            false => ("turn.bind", &turn.bind),
        };
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            add("turn.port", bind_key, protocol, bind, turn.port);
            if turn.tls_port != 0 {
                add("turn.tls_port", bind_key, protocol, bind, turn.tls_port);
            }
        }
    }
    if config.serves_webtransport() && !config.shares_media_port() {
        let port = config.webtransport_port();
        add("webtransport.port", "server.bind", Protocol::Udp, &server.bind, port);
    }
    sockets
}

/// Whether clients are told of a port for TURN over TLS of its own.
pub fn offers_turn_by_tls(config: &Config) -> bool {
    config.ice.turn && config.turn.tls_port != 0 && config.tls.mode != TlsMode::Off
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_listen_on_their_ports_once() {
        let sockets = sockets(&Config::default());
        let on = |port_key: &str| sockets.iter().filter(|s| s.port_key == port_key).count();
        // Both families for HTTP and WebTransport, both protocols for TURN.
        let counts = [
            ("server.http_port", 2),
            ("server.internal_port", 1),
            ("sfu.udp_port", 1),
            ("sfu.tcp_port", 1),
            ("turn.port", 2),
            ("turn.tls_port", 2),
            ("webtransport.port", 2),
        ];
        for (key, count) in counts {
            assert_eq!(on(key), count, "{key}");
        }
        for (index, one) in sockets.iter().enumerate() {
            assert!(!sockets[..index].iter().any(|two| two.collides_with(one)), "{one:?}");
        }
    }

    #[test]
    fn sockets_collide_by_protocol_family_and_address() {
        let socket = |protocol, address: &str| Socket {
            port_key: "",
            bind_key: "",
            protocol,
            address: address.parse().unwrap(),
        };
        let one = socket(Protocol::Tcp, "0.0.0.0:443");
        assert!(one.collides_with(&socket(Protocol::Tcp, "192.0.2.1:443")));
        assert!(!one.collides_with(&socket(Protocol::Udp, "0.0.0.0:443")));
        assert!(!one.collides_with(&socket(Protocol::Tcp, "[::]:443")));
        assert!(!one.collides_with(&socket(Protocol::Tcp, "0.0.0.0:444")));
        let any = socket(Protocol::Tcp, "0.0.0.0:0");
        assert!(!any.collides_with(&any));
    }
}
