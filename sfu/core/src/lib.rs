//! The media plane's pure half: no sockets, no clock, no locks, no threads.
//!
//! # The path of a packet
//!
//! 1. The shell reads a batch of datagrams and gives each to [`Engine::handle`] with the time.
//! 2. `demux`: the source address names the session. A first STUN check is matched by ICE ufrag
//!    and must prove itself before its address counts for anything. `path` follows a client
//!    whose address changes, and ends all sending when its consent ends.
//! 3. `session`: what comes in order is opened at once, and str0m, whose NACK and RTX are, hears of
//!    it a little later. Out comes a packet with what forwarding must know of it: encoding, keyframe
//!    or not, capture time.
//! 4. `pictures`: the packets of a picture wait for its last one; then `departures` notes the track.
//! 5. [`Engine::poll`] has the `router` forward it, some subscriptions at a time: for each, and for
//!    each packet of the picture, `select` says whether it passes, and why not
//!    ([`stats::DropReason`]),
//! 6. `rewrite` makes its numbers continue the slot's stream,
//! 7. and the `egress` of the subscriber's session writes and seals the packets end to end in one
//!    buffer, which the system takes in one call.
//!
//! A data message goes the same way: what a session has received is read as an [`envelope`], `data`
//! says who gets a copy, the copy waits in its session's `backlog`, and [`Engine::poll`] has it given
//! to SCTP. A member whose data does not go by channels has a [`link`], and what is for it is an
//! output.

mod allowance;
mod backlog;
mod bulk;
mod cache;
mod capture;
mod codec;
mod command;
mod config;
mod containment;
mod data;
mod demux;
mod departures;
mod dtls;
mod egress;
mod engine;
pub mod envelope;
mod event;
mod header;
mod keyframe;
pub mod link;
mod negotiation;
mod packet;
mod path;
mod pictures;
mod quality;
mod rewrite;
mod router;
mod sctp;
mod select;
mod session;
mod slots;
mod sources;
mod srtp;
pub mod stats;
mod stun;
mod subscription;
mod timers;
mod track;
mod unsent;

pub use backlog::Fate;
pub use bulk::{Bulk, BulkLimits, Next};
pub use command::{BulkKey, Command, Group, LinkKey, RequestKey, RoomKey, SessionKey, TrackKey};
pub use config::Config;
pub use data::Channel;
pub use demux::{Place, Transport};
pub use engine::{Datagram, Engine, Input, Output, Transmit};
pub use event::{Answer, CommandError, DataMessage, Event, FailReason, Line, MediaKind};
pub use link::{LinkEnd, LinkQueue};
pub use quality::{Flow, Quality};
