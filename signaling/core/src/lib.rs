//! The control plane's pure half: no sockets, no clock, no locks, no async.
//!
//! # The life of a message
//!
//! 1. A door reads bytes and makes a [`request::Request`] of them.
//! 2. The room's task gives it to [`room::Room::handle`] together with the time.
//! 3. The room changes its state and queues outputs: the reply, events, media commands.
//! 4. The task drains [`room::Room::poll`]: the reply goes to the asking door, an event to every
//!    reader whom its [`event::Audience`] includes, a media command to the media plane. Then it
//!    sets its one timer to [`room::Room::deadline`].

pub mod base64;
pub mod delivery;
#[cfg(test)]
mod documentation;
mod entrance;
pub mod error;
pub mod event;
pub mod framing;
pub mod grants;
mod history;
pub mod id;
pub mod info;
pub mod interest;
pub mod journal;
mod lobby;
pub mod media;
pub mod name;
mod outcomes;
mod participant;
mod participants;
mod permission;
mod publication;
pub mod reply;
pub mod request;
mod retained;
pub mod rights;
pub mod room;
#[cfg(test)]
mod schema;
pub mod snapshot;

pub use participant::{Admission, AttachmentId};
