//! The whole server on loopback, asked through its doors as clients ask.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod pages;
mod rooms;
mod server;
mod sockets;
mod tls;
mod tokens;
mod whip;
