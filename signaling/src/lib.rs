//! The control plane's shell: doors, rooms' tasks, keys, configuration; and the binary `oriel`.
//!
//! Read [`app`] first: it is the one place that knows everyone.

pub mod actor;
pub mod app;
pub mod auth;
pub mod bars;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod conversation;
pub mod cors;
pub mod counters;
pub mod doctor;
pub mod doors;
pub mod feed;
pub mod firehose;
pub mod frame;
pub mod headroom;
pub mod hub;
pub mod ice;
pub mod limits;
pub mod media;
pub mod metrics;
pub mod observers;
pub mod origins;
pub mod outbox;
pub mod participation;
pub mod problem;
pub mod process;
pub mod pulse;
pub mod server;
pub mod site;
pub mod state;
pub mod tail;
pub mod telemetry;
pub mod tickets;
pub mod tls;
pub mod turn;
pub mod watch;
pub mod webhooks;
pub mod websocket;
pub mod webtransport;
pub mod wishes;
