//! The whole server on loopback, asked through its doors as clients ask.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acme;
mod data;
mod embedding;
mod feed_readers;
mod feeds;
mod floods;
mod moderation;
mod monitoring;
mod nearby;
mod observers;
mod operations;
mod pages;
mod process;
mod receiver;
mod recovery;
mod rest;
mod rooms;
mod server;
mod sockets;
mod stopping;
mod story;
mod telemetry;
mod tls;
mod tokens;
mod turn;
mod webhooks;
mod webtransport;
mod whip;
