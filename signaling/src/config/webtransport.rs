//! `[webtransport]`: HTTP/3 for WebTransport, beside HTTPS.

use serde::{Deserialize, Serialize};

use super::{Config, TlsMode, Unusable};

/// HTTP/3 for WebTransport, on the addresses of the HTTP doors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebTransport {
    /// Whether it is served. Behind a proxy that speaks TLS in our place it takes a port, too.
    pub enabled: bool,
    /// UDP port; 0 takes the number that HTTP has by TCP.
    pub port: u16,
    /// Be on the media port (`sfu.udp_port`), instead of one of its own.
    pub share_media_port: bool,
    /// Connections in all. More are refused.
    pub connections: u32,
    /// Connections from one address (IPv6: one /64).
    pub connections_per_address: u32,
}

impl Default for WebTransport {
    fn default() -> Self {
        WebTransport {
            enabled: true,
            port: 0,
            share_media_port: false,
            connections: 10_000,
            connections_per_address: 500,
        }
    }
}

impl WebTransport {
    pub(super) fn check(&self) -> Result<(), Unusable> {
        if self.connections == 0 {
            let key = "webtransport.connections".into();
            return Err(Unusable { key, problem: "must be at least 1".into() });
        }
        if self.share_media_port && self.port != 0 {
            let key = "webtransport.port".into();
            let problem = "must be 0 with webtransport.share_media_port: it is on the media port";
            return Err(Unusable { key, problem: problem.into() });
        }
        Ok(())
    }
}

impl Config {
    /// Whether WebTransport is served. Without TLS of our own and on public addresses there is a proxy in
    /// front, which does not carry UDP: then only where a port is named, or that of media is taken.
    pub fn serves_webtransport(&self) -> bool {
        let is_alone = self.tls.mode != TlsMode::Off
            || !self.server.is_public()
            || self.server.dev_public
            || self.webtransport.port != 0
            || self.webtransport.share_media_port;
        self.webtransport.enabled && is_alone
    }

    /// Whether WebTransport is served on the media port.
    pub fn shares_media_port(&self) -> bool {
        self.webtransport.share_media_port && self.serves_webtransport()
    }

    /// Its UDP port, as far as that is known beforehand, where it is one of its own.
    pub fn webtransport_port(&self) -> u16 {
        match self.webtransport.port {
            0 => self.server.http_port,
            port => port,
        }
    }
}
