//! Any server of WHIP and WHEP under load, and Janus: made-up media goes in at publishers, is counted
//! and checked at viewers, and the server's processor time is read meanwhile.
//!
//! Nothing here knows which server it is, so each is measured in the same way. All bots are driven by
//! one thread ([`generator`]), so that one core is enough for them and the other is the server's.
//!
//! ```text
//!   publishers ──► server ──► viewers          generator.rs: the thread, its phases
//!       ▲                        │             session.rs, publisher.rs, viewer.rs: the bots
//!       └── media.rs makes,  checks ──► report.rs ──► compare.rs: medians, ratios
//!   door.rs: whip.rs, janus.rs make sessions   floor.rs: what a core can do at best
//! ```

mod arrivals;
pub mod compare;
mod door;
pub mod floor;
mod generator;
mod janus;
mod media;
mod publisher;
mod report;
mod session;
mod socket;
mod usage;
mod viewer;
mod whip;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use door::{Door, Signaling};
use generator::Generator;
pub use report::{Delay, Report, ServerCost};

/// The most sessions of one run: each has a socket.
pub const MOST_SESSIONS: u32 = 5_000;

/// Where sessions are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// By WHIP and WHEP.
    Whip {
        /// `http://host:port/path` with `{room}` and `{publisher}`.
        whip: String,
        /// The same, in which `{publisher}` may be left out: then a viewer has one session for all.
        whep: String,
        /// The bearer token.
        token: Option<String>,
    },
    /// By Janus' videoroom.
    Janus {
        /// `ws://host:port`
        url: String,
    },
}

/// How many take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Rooms.
    pub rooms: u16,
    /// Publishers in each.
    pub publishers: u16,
    /// Viewers in each, of all its publishers.
    pub viewers: u16,
}

impl Shape {
    /// Peer connections that this takes at most.
    pub fn sessions(&self) -> u32 {
        let [rooms, publishers, viewers] =
            [self.rooms, self.publishers, self.viewers].map(u32::from);
        rooms.saturating_mul(publishers.saturating_add(publishers.saturating_mul(viewers)))
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The server.
    pub server: Server,
    /// What the report calls it.
    pub label: String,
    /// How many take part.
    pub shape: Shape,
    /// How long all of them run before it counts.
    pub warmup: Duration,
    /// How long it counts.
    pub window: Duration,
    /// Only sampled viewers decrypt; the others count clear headers and answer no more than a server
    /// needs to go on.
    pub fast: bool,
    /// Viewers of each room that check every payload.
    pub sampled: u16,
    /// The server's processes, where they are on this machine.
    pub pids: Vec<u32>,
}

/// Brings all bots to the server, measures, and ends their sessions.
///
/// # Errors
///
/// When the server cannot be reached, or not all sessions come about. What goes wrong after that is
/// in the report.
pub async fn run(plan: &Plan) -> anyhow::Result<Report> {
    let Shape { rooms, publishers, .. } = plan.shape;
    let door = Arc::new(Door::open(&plan.server, rooms, publishers).await?);
    let ip = local_address(door.authority()).await?;
    let (signaling, serving) = Signaling::start(Arc::clone(&door));
    let plan = plan.clone();
    let measured = tokio::task::spawn_blocking(move || {
        let mut generator = Generator::new(plan, ip, signaling)?;
        let measured = generator.measure();
        // Whatever came of it, nothing stays at the server.
        let left = generator.leave();
        let report = measured?;
        left.map(|()| report)
    });
    let measured = measured.await.context("the generator's thread failed")?;
    serving.await.context("signaling failed")?;
    let closed = door.close().await;
    // What failed first says more.
    let report = measured?;
    closed.map(|()| report)
}

/// The address that this machine has towards a server.
async fn local_address(authority: &str) -> anyhow::Result<IpAddr> {
    let unknown = || format!("`{authority}` has no address");
    let addresses = tokio::net::lookup_host(authority).await.with_context(unknown)?;
    let server = addresses.into_iter().next().with_context(unknown)?;
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => ([0; 4], 0).into(),
        SocketAddr::V6(_) => ([0; 16], 0).into(),
    };
    // Nothing is sent: the kernel only says by which way it would be.
    let probe = UdpSocket::bind(any)?;
    probe.connect(server).with_context(|| format!("there is no way to {server}"))?;
    Ok(probe.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_local_address_is_the_one_towards_the_server() {
        assert!(local_address("127.0.0.1:9").await.unwrap().is_loopback());
        assert!(local_address("nobody.invalid:80").await.is_err());
    }

    #[test]
    fn sessions_are_counted() {
        let shape = Shape { rooms: 10, publishers: 3, viewers: 3 };
        assert_eq!(shape.sessions(), 10 * (3 + 9));
    }
}
