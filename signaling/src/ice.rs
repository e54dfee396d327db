//! The STUN and TURN servers that a participant is told of.

use signaling_core::info::IceServer;

use crate::config;

/// The configured servers, as `RTCPeerConnection` takes them.
pub fn servers(config: &config::Ice) -> Vec<IceServer> {
    let non_empty = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    config
        .servers
        .iter()
        .map(|server| IceServer {
            urls: server.urls.clone(),
            username: non_empty(&server.username),
            credential: non_empty(server.credential.expose()),
        })
        .collect()
}
