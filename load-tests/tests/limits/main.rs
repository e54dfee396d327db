//! The server at the edges that a system sets it: memory, open files, the time to stop. What goes on is a call
//! between participants with media of their own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../server/mod.rs"]
mod server;

mod call;
mod confined;
mod files;
mod memory;
mod stopping;
