//! Proof: participants that are programs. They join a room through the same doors as people, send
//! media that can be recognised, and say what they received.
//!
//! - [`bot`] is one participant: it speaks the signaling protocol with the types of
//!   `signaling-core` and has a peer connection of a WebRTC stack that the server does not use.
//! - [`run`] carries out a [`scenario`]: hundreds of participants with [`media`] that is checked where
//!   it arrives, what they [`measure`], what it costs the server's [`process`], and a [`report`].
//! - [`call`] puts several in a room and judges what each heard of the others.
//! - [`storm`] has hundreds join at once, on [`bot::light`], and says how long that took.
//! - [`feeds`] has thousands read what happens in a room, and says what a copy of an event costs.
//! - [`data`] has data messages relayed by each way there is, and says what came, when, and at what cost.
//! - [`bulk`] has a long stream relayed to many of whom one is slow, and says what that is to the others.
//! - [`relay`] is a bad network in user space, [`netns`] a network with NATs of the kernel's own; what
//!   goes through them need not know. [`lines`] makes tools of both for other programs.
//! - [`peer`] puts load on any server by WHIP and WHEP, and on Janus, to set them side by side.
//! - [`tone`] is the arithmetic: a tone of a given frequency, and the frequency of a given sound.
//!
//! Nothing here knows how the server works inside; what it knows is the protocol.

pub mod bot;
pub mod bulk;
pub mod call;
pub mod data;
pub mod feeds;
mod http;
pub mod lines;
pub mod measure;
pub mod media;
pub mod netns;
pub mod peer;
pub mod process;
mod receiving;
pub mod relay;
pub mod report;
pub mod run;
pub mod scenario;
mod session;
mod share;
pub mod storm;
pub mod tone;
