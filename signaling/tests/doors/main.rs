//! The whole server on loopback, asked through its doors as clients ask.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod data;
mod feed_readers;
mod feeds;
mod floods;
mod moderation;
mod observers;
mod pages;
mod recovery;
mod rooms;
mod server;
mod sockets;
mod stopping;
mod tls;
mod tokens;
mod turn;
mod whip;
