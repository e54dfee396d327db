//! The media plane's shell: one thread per worker around an [`sfu_core::Engine`], all workers on
//! one UDP port. It moves bytes and time; it decides nothing.

mod config;
mod handle;
mod mailbox;
mod placement;
mod socket;
mod worker;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

pub use config::Config;
pub use handle::{Overloaded, SfuHandle};
pub use sfu_core::{
    Answer, Command, CommandError, Event, Group, Line, MediaKind, RequestKey, RoomKey, SessionKey,
    TrackKey, stats,
};

use crate::mailbox::{Mail, Mailbox};
use crate::socket::Sockets;
use crate::worker::Worker;

/// Why the media plane did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program has the port, or the address is not this machine's.
    #[error("cannot open UDP {address} for media: {source}; set sfu.udp_port or sfu.bind")]
    Bind {
        /// What was to be opened.
        address: SocketAddr,
        /// The system's words.
        source: std::io::Error,
    },
    /// There is no address that clients could be told.
    #[error("no address to advertise for media was found; set sfu.advertised")]
    NoAddress,
    /// A limit of the configuration is outside its range.
    #[error("{0}")]
    Config(&'static str),
    /// The system refused something else.
    #[error("cannot start a media worker: {0}")]
    System(#[from] std::io::Error),
}

/// The running media plane. Dropping it stops its threads.
#[derive(Debug)]
pub struct Sfu {
    handle: SfuHandle,
    threads: Vec<JoinHandle<()>>,
}

impl Sfu {
    /// Opens the sockets and starts the workers. `events` is called from the workers' threads:
    /// it must not block.
    pub fn start(
        config: &Config,
        events: impl Fn(RoomKey, Event) + Send + Sync + 'static,
    ) -> Result<Sfu, StartError> {
        let workers = config.worker_count()?;
        let all_sockets = Sockets::open(config, workers)?;
        let port = all_sockets.first().map(Sockets::port).unwrap_or_default();
        let advertised = advertised_addresses(config, port)?;
        tracing::info!(workers, ?advertised, "media plane");

        let events: Arc<dyn Fn(RoomKey, Event) + Send + Sync> = Arc::new(events);
        let mut polls = Vec::new();
        let mut mailboxes = Vec::new();
        for _ in 0..workers {
            let poll = mio::Poll::new()?;
            mailboxes.push(Mailbox::new(poll.registry())?);
            polls.push(poll);
        }
        let mailboxes: Arc<[Mailbox]> = mailboxes.into();
        let mut threads = Vec::new();
        for (index, (poll, sockets)) in polls.into_iter().zip(all_sockets).enumerate() {
            let engine = config.engine(index as u16, advertised.clone());
            let mailboxes = Arc::clone(&mailboxes);
            let worker =
                Worker::new(index as u16, engine, poll, sockets, mailboxes, Arc::clone(&events))?;
            let thread = std::thread::Builder::new()
                .name(format!("media-{index}"))
                .spawn(move || worker.run())?;
            threads.push(thread);
        }
        Ok(Sfu { handle: SfuHandle::new(mailboxes, port), threads })
    }

    /// A handle for posting commands and reading counters; cheap to clone.
    pub fn handle(&self) -> SfuHandle {
        self.handle.clone()
    }
}

impl Drop for Sfu {
    fn drop(&mut self) {
        self.handle.broadcast(|| Mail::Stop);
        for thread in self.threads.drain(..) {
            // A worker that panicked outside its guard has said so on standard error.
            let _ = thread.join();
        }
    }
}

/// What clients are told to send to: the configured addresses, else those that are bound, else
/// those of the machine's interfaces.
fn advertised_addresses(config: &Config, port: u16) -> Result<Vec<SocketAddr>, StartError> {
    let mut addresses: Vec<IpAddr> = config.advertised.clone();
    if addresses.is_empty() {
        for &bound in &config.bind {
            if bound.is_unspecified() {
                addresses.extend(interface_addresses(bound.is_ipv4())?);
            } else {
                addresses.push(bound);
            }
        }
    }
    if addresses.is_empty() {
        return Err(StartError::NoAddress);
    }
    Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

/// Addresses of this machine's interfaces in one family. Loopback only where there is no other;
/// link-local IPv6 never, since a candidate cannot name its zone.
fn interface_addresses(ipv4: bool) -> std::io::Result<Vec<IpAddr>> {
    let all: Vec<IpAddr> = if_addrs::get_if_addrs()?
        .into_iter()
        .map(|interface| interface.ip())
        .filter(|ip| ip.is_ipv4() == ipv4)
        .filter(|ip| !matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local()))
        .collect();
    let outside: Vec<IpAddr> = all.iter().copied().filter(|ip| !ip.is_loopback()).collect();
    Ok(if outside.is_empty() { all } else { outside })
}
