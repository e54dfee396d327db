//! The control plane's pure half: no sockets, no clock, no locks, no async.
//!
//! # The life of a message
//!
//! 1. A door reads bytes and makes a [`request::Request`] of them.
//! 2. The room's task gives it to `Room::handle` together with the time.
//! 3. The room changes its state and queues outputs: the reply, events, media commands, a deadline.
//! 4. The task drains the outputs: the reply goes to the asking door, an event through the
//!    journal to every reader, a media command to the media plane.

pub mod error;
pub mod event;
pub mod id;
pub mod media;
pub mod request;
