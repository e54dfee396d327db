//! The media plane's shell: one thread per worker around an [`sfu_core::Engine`], all workers on
//! one UDP port, and one thread for clients that come by TCP. It moves bytes and time; it decides
//! nothing.

mod bulk;
mod config;
mod framing;
mod handle;
mod link;
mod mailbox;
mod neighbour;
mod placement;
mod socket;
mod tcp;
mod worker;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

pub use bulk::{BulkNext, BulkReceiver, BulkRefused, BulkSender, NobodyLeft};
pub use config::{Advertised, Config};
pub use handle::{Overloaded, SfuHandle};
pub use link::Link;
pub use neighbour::{Neighbour, Received, Train};
pub use sfu_core::{
    Answer, Channel, Command, CommandError, DataMessage, Event, FailReason, Flow, Group, Line,
    LinkEnd, MediaKind, Quality, RequestKey, RoomKey, SessionKey, TrackKey, envelope, stats,
};

use crate::link::Links;
use crate::mailbox::{Mail, Mailbox};
use crate::neighbour::Door;
use crate::socket::Sockets;
use crate::tcp::{Listeners, Tcp};
use crate::worker::{Shared, Worker};

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
    /// The same, for TCP.
    #[error(
        "cannot open TCP {address} for media: {source}; set sfu.tcp_port or sfu.bind, or sfu.tcp \
         to false"
    )]
    BindTcp {
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
        let sockets = Sockets::open(config, config.worker_count()?)?;
        Sfu::on(config, sockets, None, events)
    }

    /// The same with another protocol on the UDP port.
    pub fn start_beside(
        config: &Config,
        events: impl Fn(RoomKey, Event) + Send + Sync + 'static,
    ) -> Result<(Sfu, Neighbour), StartError> {
        let sockets = Sockets::open(config, config.worker_count()?)?;
        let first = sockets.first().ok_or(StartError::NoAddress)?;
        let neighbour = Neighbour::beside(first)?;
        Ok((Sfu::on(config, sockets, Some(neighbour.door()), events)?, neighbour))
    }

    /// One worker for each of these.
    fn on(
        config: &Config,
        all_sockets: Vec<Sockets>,
        neighbour: Option<Arc<Door>>,
        events: impl Fn(RoomKey, Event) + Send + Sync + 'static,
    ) -> Result<Sfu, StartError> {
        let workers = all_sockets.len();
        let port = all_sockets.first().map(Sockets::port).unwrap_or_default();
        let listeners = if config.tcp { Some(Listeners::open(config)?) } else { None };
        let tcp_port = listeners.as_ref().map(Listeners::port);
        let advertised = config.advertised_on(port, &config.advertised)?;
        let advertised_tcp = match tcp_port {
            Some(port) if config.advertised_tcp.is_empty() => {
                config.advertised_on(port, &config.advertised_ips())?
            }
            Some(port) => config.advertised_on(port, &config.advertised_tcp)?,
            None => Vec::new(),
        };
        tracing::info!(workers, ?advertised, ?advertised_tcp, "media plane");

        let events: Arc<dyn Fn(RoomKey, Event) + Send + Sync> = Arc::new(events);
        let mut polls = Vec::new();
        let mut mailboxes = Vec::new();
        for _ in 0..workers {
            let poll = mio::Poll::new()?;
            mailboxes.push(Mailbox::new(poll.registry())?);
            polls.push(poll);
        }
        let mailboxes: Arc<[Mailbox<Mail>]> = mailboxes.into();
        let links = Arc::new(Links::new(config));
        let mut threads = Vec::new();
        let mut tcp = None;
        if let Some(listeners) = listeners {
            let poll = mio::Poll::new()?;
            let mailbox = Arc::new(Mailbox::new(poll.registry())?);
            let connections =
                Tcp::new(config, poll, listeners, Arc::clone(&mailbox), Arc::clone(&mailboxes))?;
            let thread = std::thread::Builder::new()
                .name("media-tcp".to_owned())
                .spawn(move || connections.run())?;
            threads.push(thread);
            tcp = Some(mailbox);
        }
        let shared = Shared {
            mailboxes: Arc::clone(&mailboxes),
            tcp: tcp.clone(),
            links: Arc::clone(&links),
            neighbour,
            events,
        };
        for (index, (poll, sockets)) in polls.into_iter().zip(all_sockets).enumerate() {
            let engine = config.engine(index as u16, &advertised, &advertised_tcp);
            let worker = Worker::new(index as u16, engine, poll, sockets, shared.clone())?;
            let thread = std::thread::Builder::new()
                .name(format!("media-{index}"))
                .spawn(move || worker.run())?;
            threads.push(thread);
        }
        let handle = SfuHandle::new(mailboxes, tcp, links, &advertised, port, tcp_port);
        Ok(Sfu { handle, threads })
    }

    /// A handle for posting commands and reading counters; cheap to clone.
    pub fn handle(&self) -> SfuHandle {
        self.handle.clone()
    }
}

impl Drop for Sfu {
    fn drop(&mut self) {
        self.handle.stop();
        for thread in self.threads.drain(..) {
            // A worker that panicked outside its guard has said so on standard error.
            let _ = thread.join();
        }
    }
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
