//! The STUN and TURN server's shell: one thread per worker around a [`turn_core::Server`], all
//! workers on the same ports. It moves bytes and time; it decides nothing.

mod addresses;
mod config;
mod connection;
mod crowd;
mod dtls;
mod handle;
mod mailbox;
mod ports;
mod proxy;
mod relay_ports;
mod stream;
pub mod tls;
mod worker;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub use config::{Config, Secret};
pub use dtls::Identity;
pub use handle::{Overloaded, TurnHandle};
pub use mailbox::Adopted;
pub use turn_core::{Network, Policy, Protocol, mint, stats};

use crate::addresses::Addresses;
use crate::mailbox::{Mail, Mailbox};
use crate::ports::Ports;
use crate::relay_ports::RelayPorts;
use crate::worker::{Plan, Worker};

/// Why the TURN server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program has the port, or the address is not this machine's.
    #[error("cannot open {address} for TURN: {source}; set turn.port, turn.tls_port or turn.bind")]
    Bind {
        /// What was to be opened.
        address: SocketAddr,
        /// The system's words.
        source: std::io::Error,
    },
    /// A key of the configuration has a value that it cannot have.
    #[error("{0}")]
    Config(&'static str),
    /// A key's text names no network.
    #[error("{key}: {source}")]
    Network {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        source: turn_core::NotANetwork,
    },
    /// The certificate is not one for DTLS.
    #[error("cannot use the certificate for DTLS: {0}")]
    Dtls(String),
    /// The system refused something else.
    #[error("cannot start a TURN worker: {0}")]
    System(#[from] std::io::Error),
}

/// What the program around the server gives it.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// Peers on this machine that may be reached: where the SFU takes media.
    pub peers: Vec<SocketAddr>,
    /// For TLS and DTLS.
    pub tls: Option<Tls>,
}

/// What TLS and DTLS need.
#[derive(Debug, Clone)]
pub struct Tls {
    /// For TLS; shared, so that its certificate can be renewed.
    pub config: Arc<rustls::ServerConfig>,
    /// For DTLS, if the key is one of ECDSA.
    pub dtls: Option<Identity>,
}

/// The running TURN server. Dropping it stops its threads and ends all allocations.
#[derive(Debug)]
pub struct TurnServer {
    handle: TurnHandle,
    threads: Vec<JoinHandle<()>>,
}

impl TurnServer {
    /// Opens the sockets and starts the workers.
    ///
    /// # Errors
    /// When the configuration cannot be meant, or a port cannot be had.
    pub fn start(config: &Config, extras: Extras) -> Result<TurnServer, StartError> {
        config.check()?;
        let workers = config.worker_count()?;
        let all_ports = Ports::open(config, workers)?;
        let listening = all_ports.first().map(Ports::addresses).unwrap_or_default();
        let addresses = Addresses::find(config, &listening)?;
        tracing::info!(workers, ?listening, relays = ?addresses.relays, "STUN and TURN");

        let core = addresses.complete(config.core()?, &extras.peers);
        let relay_ports = RelayPorts::new(addresses.relays, config.relay_ports, config.limits());
        let relay_ports = Arc::new(Mutex::new(relay_ports));
        let proxies: Arc<[_]> = config::networks("turn.proxy_from", &config.proxy_from)?.into();
        let mut polls = Vec::new();
        let mut mailboxes = Vec::new();
        for _ in 0..workers {
            let poll = mio::Poll::new()?;
            mailboxes.push(Mailbox::new(poll.registry())?);
            polls.push(poll);
        }
        let mailboxes: Arc<[Mailbox]> = mailboxes.into();
        let mut threads = Vec::new();
        for (index, (poll, ports)) in polls.into_iter().zip(all_ports).enumerate() {
            let plan = Plan {
                index: index as u16,
                core: turn_core::Config {
                    worker: index as u16,
                    workers: workers as u16,
                    ..core.clone()
                },
                tls: extras.tls.clone(),
                max_connections: config.max_connections.div_ceil(workers),
                batch_wait: Duration::from_micros(config.batch_wait),
                proxies: Arc::clone(&proxies),
                relay_ports: Arc::clone(&relay_ports),
                mailboxes: Arc::clone(&mailboxes),
            };
            let worker = Worker::new(plan, poll, ports)?;
            let thread = std::thread::Builder::new()
                .name(format!("turn-{index}"))
                .spawn(move || worker.run())?;
            threads.push(thread);
        }
        Ok(TurnServer { handle: TurnHandle::new(mailboxes, relay_ports, listening), threads })
    }

    /// A handle for counters, draining and connections to adopt; cheap to clone.
    pub fn handle(&self) -> TurnHandle {
        self.handle.clone()
    }
}

impl Drop for TurnServer {
    fn drop(&mut self) {
        self.handle.broadcast(|| Mail::Stop);
        for thread in self.threads.drain(..) {
            // A worker that panicked outside its guard has said so on standard error.
            let _ = thread.join();
        }
    }
}
