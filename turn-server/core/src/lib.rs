//! The STUN and TURN server's pure half: no sockets, no clock, no locks, no threads.
//!
//! # The life of a relayed packet
//!
//! 1. The shell reads a batch of datagrams, or cuts a stream into messages ([`frame_length`]), and
//!    gives each to [`Server::handle`] with the time.
//! 2. `frame`: four bytes tell channel data; one look into the table tells whose it is.
//! 3. `relay`: the channel names the peer. Its permission, the bandwidth and the `policy` are asked,
//!    and every no has a name ([`stats::DropReason`]).
//! 4. The payload is copied into the arena. What goes to another allocation of this process turns
//!    round here, or goes to that worker; it never leaves the machine.
//! 5. [`Server::poll`] tells what goes where; what touches in the arena can leave in one call.
//!
//! Everything else is a request: `message` reads it, `auth` asks who it is, and one file per method
//! (`binding`, `allocate`, `refresh`, `permission`, `channel`, `connection`) answers it.

mod allocate;
mod allocation;
mod auth;
mod binding;
mod channel;
mod config;
mod connection;
mod error;
mod five_tuple;
mod frame;
mod input;
mod message;
mod output;
mod permission;
mod policy;
mod quota;
mod rate;
mod refresh;
mod relay;
mod response;
mod server;
pub mod stats;

pub use allocation::AllocationKey;
pub use auth::mint;
pub use config::{Config, Discovery};
pub use connection::ConnectionId;
pub use five_tuple::{FiveTuple, Transport};
pub use frame::{NotTurn, frame_length};
pub use input::{BindError, Input};
pub use message::Family;
pub use output::{Output, Port, Protocol, RelayKey, Span};
pub use policy::{Network, NotANetwork, Policy};
pub use quota::{Exceeded, Holder, Ledger, Limits};
pub use server::Server;
