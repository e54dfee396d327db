//! What can be configured, with its defaults. `config.example.toml` says the same in prose, and a
//! test keeps the two equal.
//!
//! Every key always has a value (an empty text or list stands for "not set"), so that the effective
//! configuration can be printed as one complete document. How the layers are merged is in
//! [`layers`].

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize, Serializer};

use crate::origins::{self, Origins};

pub mod layers;
mod telemetry;
mod tls;
mod webhooks;
mod webtransport;

pub use telemetry::Telemetry;
pub use tls::{Acme, Tls, TlsMode};
pub use webhooks::{Endpoint, Signature, Webhooks};
pub use webtransport::WebTransport;

/// The whole configuration of one server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Addresses and ports of the HTTP doors.
    pub server: Server,
    /// Encryption of the HTTP doors.
    pub tls: Tls,
    /// HTTP/3 for WebTransport, beside HTTPS.
    pub webtransport: WebTransport,
    /// Who may sign tokens.
    pub auth: Auth,
    /// How rooms begin and end.
    pub rooms: Rooms,
    /// What browsers are told about the way to the media.
    pub ice: Ice,
    /// How much one address or connection may ask.
    pub limits: Limits,
    /// Who is told by HTTP what happens in rooms.
    pub webhooks: Webhooks,
    /// The media plane.
    pub sfu: sfu::Config,
    /// The TURN server. Empty lists follow from other sections.
    pub turn: turn_server::Config,
    /// Where metrics and traces are sent.
    pub telemetry: Telemetry,
    /// What is logged.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            server: Server::default(),
            tls: Tls::default(),
            webtransport: WebTransport::default(),
            auth: Auth::default(),
            rooms: Rooms::default(),
            ice: Ice::default(),
            limits: Limits::default(),
            webhooks: Webhooks::default(),
            sfu: sfu::Config::default(),
            // Where media comes to, and known to nobody: who changes `sfu.bind` need not think of it.
            turn: turn_server::Config { bind: Vec::new(), ..turn_server::Config::default() },
            telemetry: Telemetry::default(),
            log: Log::default(),
        }
    }
}

/// Addresses and ports of the HTTP doors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Addresses that the page, signaling, WHIP and WHEP are served on.
    pub bind: Vec<IpAddr>,
    /// TCP port of the same; 0 takes any free one.
    pub http_port: u16,
    /// Address of health, readiness and metrics. Not meant for the public.
    pub internal_bind: IpAddr,
    /// TCP port of the same; 0 takes any free one.
    pub internal_port: u16,
    /// The server's URL as its users write it, where that is not what the `Host` header says.
    pub public_url: String,
    /// Foreign origins whose pages may join, and hold rooms in a frame, where the room has no list of its own:
    /// `https://example.com`, `https://*.example.com`; `*` for all.
    pub allowed_origins: Vec<String>,
    /// Allow the development key on addresses that others can reach.
    pub dev_public: bool,
    /// Where the development key and certificates of our own or by ACME are kept.
    pub state_dir: PathBuf,
    /// Seconds that rooms have to end by themselves when the server is asked to stop.
    pub drain_timeout: u64,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            // Both families: browsers resolve `localhost` to ::1 first.
            bind: vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
            http_port: 7880,
            internal_bind: Ipv4Addr::LOCALHOST.into(),
            internal_port: 7890,
            public_url: String::new(),
            allowed_origins: Vec::new(),
            dev_public: false,
            state_dir: PathBuf::new(),
            drain_timeout: 60,
        }
    }
}

impl Server {
    /// Whether others than this machine can reach the HTTP doors.
    pub fn is_public(&self) -> bool {
        self.bind.iter().any(|address| !address.to_canonical().is_loopback())
    }
}

/// Who may sign tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// The keys that tokens may be signed with. Several at a time allow for rotation.
    pub keys: Vec<Key>,
    /// The `aud` that tokens must carry; empty leaves it unchecked.
    pub audience: String,
    /// Seconds that a guest's token is good for.
    pub guest_token_ttl: u64,
}

impl Default for Auth {
    fn default() -> Self {
        Auth { keys: Vec::new(), audience: String::new(), guest_token_ttl: 6 * 3600 }
    }
}

/// One key that tokens may be signed with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Its name: `kid` in the token's header, or `iss` among the claims.
    pub id: String,
    /// The HMAC secret, 32 bytes or more (RFC 7518 §3.2).
    pub secret: Secret,
}

/// A text that is never printed: not by `{:?}`, not by `oriel config`.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being printed.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { "[redacted]" })
    }
}

/// How rooms begin and end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rooms {
    /// Whether people without a token may ask for one.
    pub guests: Guests,
    /// Whether the first join creates its room. Otherwise only tokens with `roomCreate` do.
    pub auto_create: bool,
    /// Seconds that a room lives on with nobody in it.
    pub empty_timeout: u64,
    /// Participants in one room.
    pub max_participants: u32,
    /// With more participants than that, coming and going is told together, once a second.
    pub coalesce_above: u32,
    /// Rooms on this server.
    pub max_rooms: u32,
    /// Seconds that a participant whose connection is gone keeps its place.
    pub lease: u64,
    /// Chat messages that a newcomer gets to read; 0 for none.
    pub chat_history: u32,
    /// Bytes of JSON that a room keeps for those who come back, of the last two minutes.
    pub journal_bytes: u32,
    /// Whether devices of one network may show themselves to each other.
    pub nearby: Nearby,
}

impl Default for Rooms {
    fn default() -> Self {
        Rooms {
            guests: Guests::Auto,
            auto_create: true,
            empty_timeout: 60,
            max_participants: 300,
            coalesce_above: 100,
            max_rooms: 10_000,
            lease: 30,
            chat_history: 100,
            journal_bytes: 1 << 20,
            nearby: Nearby::Auto,
        }
    }
}

/// Whether people without a token may ask for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guests {
    /// Open with the development key, off with a configured one.
    #[default]
    Auto,
    /// They may.
    Open,
    /// They may not.
    Off,
}

/// Whether devices of one network may show themselves to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nearby {
    /// Where the server sees the addresses of its clients: not behind a proxy that speaks TLS in its place.
    #[default]
    Auto,
    /// They may: whatever is in front passes addresses on.
    On,
    /// They may not.
    Off,
}

/// What browsers are told about the way to the media.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ice {
    /// Run the TURN server of `[turn]` and offer it to clients.
    pub turn: bool,
    /// The name or address by which clients reach it, where that is neither what is advertised nor what
    /// they came by.
    pub turn_host: String,
    /// Seconds that a client's TURN credential is good for.
    pub turn_credential_ttl: u64,
    /// Other STUN and TURN servers for the clients' `RTCPeerConnection`.
    pub servers: Vec<IceServer>,
}

impl Default for Ice {
    fn default() -> Self {
        Ice {
            turn: true,
            turn_host: String::new(),
            turn_credential_ttl: 6 * 3600,
            servers: Vec::new(),
        }
    }
}

/// One STUN or TURN server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` URLs.
    pub urls: Vec<String>,
    /// TURN user name.
    #[serde(default)]
    pub username: String,
    /// TURN password.
    #[serde(default)]
    pub credential: Secret,
}

/// How much one address or connection may ask. 0 lifts a limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests a second on one connection, by WebSocket or WebTransport.
    pub requests_per_second: u32,
    /// Requests that a WebSocket may have saved up.
    pub request_burst: u32,
    /// Joins a second from one address (IPv6: one /64).
    pub joins_per_second: u32,
    /// Joins that an address may have saved up.
    pub join_burst: u32,
    /// TCP connections from one address (IPv6: one /64).
    pub connections_per_address: u32,
    /// TCP connections in all. More wait in the kernel's queue.
    pub connections: u32,
    /// Event feeds (observers' streams and polls, participants without a WebSocket) of one address
    /// (IPv6: one /64).
    pub feeds_per_address: u32,
    /// Event feeds of observers with one token.
    pub feeds_per_token: u32,
    /// Event feeds in all.
    pub feeds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            requests_per_second: 50,
            request_burst: 100,
            joins_per_second: 10,
            join_burst: 100,
            connections_per_address: 500,
            connections: 10_000,
            feeds_per_address: 500,
            feeds_per_token: 100,
            feeds: 10_000,
        }
    }
}

/// What is logged, to standard error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`; also by module: `info,sfu=debug`.
    pub level: String,
    /// Lines for people or for machines.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Log { level: "info".into(), format: LogFormat::Text }
    }
}

/// Lines for people or for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A configuration that parses and cannot work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct Unusable {
    /// The key to change.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Config {
    /// Checks what types cannot say.
    pub fn check(&self) -> Result<(), Unusable> {
        let unusable =
            |key: &str, problem: &str| Err(Unusable { key: key.into(), problem: problem.into() });
        if self.server.bind.is_empty() {
            return unusable("server.bind", "needs at least one address");
        }
        if !self.server.public_url.is_empty() {
            let url = self.server.public_url.trim_end_matches('/');
            let authority =
                url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or("");
            if authority.is_empty() || authority.contains('/') {
                return unusable(
                    "server.public_url",
                    "must be a scheme and a host without a path, as in https://meet.example.com",
                );
            }
        }
        self.tls.check()?;
        if let Err(no_origin) = Origins::parse(&self.server.allowed_origins) {
            return unusable("server.allowed_origins", &no_origin.to_string());
        }
        if self.server.allowed_origins.len() > origins::MOST {
            return unusable("server.allowed_origins", "has more than 100 origins");
        }
        for (index, key) in self.auth.keys.iter().enumerate() {
            if key.id.is_empty() {
                return unusable(&format!("auth.keys[{index}].id"), "must not be empty");
            }
            if key.secret.expose().len() < 32 {
                return unusable(
                    &format!("auth.keys[{index}].secret"),
                    "must have 32 bytes or more; `openssl rand -base64 32` makes one",
                );
            }
            if self.auth.keys[..index].iter().any(|earlier| earlier.id == key.id) {
                return unusable(&format!("auth.keys[{index}].id"), "is taken by an earlier key");
            }
        }
        // It is put into URLs.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if !self.ice.turn_host.bytes().all(plain) {
            return unusable(
                "ice.turn_host",
                "must be a name or an address, an IPv6 one in brackets",
            );
        }
        if self.ice.turn_credential_ttl < 2 * 3600 {
            return unusable(
                "ice.turn_credential_ttl",
                "must be at least 7200: clients ask for another one when theirs is an hour old",
            );
        }
        for (key, value) in [
            ("auth.guest_token_ttl", self.auth.guest_token_ttl),
            ("rooms.max_participants", self.rooms.max_participants.into()),
            ("rooms.max_rooms", self.rooms.max_rooms.into()),
            ("limits.connections", self.limits.connections.into()),
        ] {
            if value == 0 {
                return unusable(key, "must be at least 1");
            }
        }
        self.webtransport.check()?;
        self.webhooks.check()
    }
}
