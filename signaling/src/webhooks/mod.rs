//! Webhooks: what happens in rooms, told to endpoints elsewhere, at least once and in each room's order.
//!
//! A room's task lays its events into the [`store`] before it tells anybody of them, so that a crash loses
//! none that was acknowledged. Each endpoint has a task that tells them on ([`endpoint`]), by a schedule
//! that is pure (`signaling_core::delivery`). No endpoint holds up a room, or another endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use signaling_core::event::{Envelope, Event};
use signaling_core::id::RoomId;
use signaling_core::journal::Cursor;
use signaling_core::room::Room;
use tokio::task::JoinSet;

use crate::client::{Client, Reachable, Target};
use crate::clock::Clock;
use crate::config;
use crate::feed::Item;
use crate::state::StateDir;

mod endpoint;
mod signing;
mod store;

pub use store::{Letter, Store};

use endpoint::Endpoint;
use store::{Entry, Limits};

/// The file in the state directory.
const FILE: &str = "webhooks.redb";

/// The way of events out of the rooms. Clones are the same one.
#[derive(Clone, Default)]
pub struct Webhooks {
    shared: Option<Arc<Shared>>,
}

struct Shared {
    store: Store,
    endpoints: Vec<Described>,
}

/// What is known of an endpoint everywhere.
struct Described {
    id: String,
    url: String,
    /// The types that it is told; all where there are none.
    events: Vec<String>,
    counts: Arc<endpoint::Counts>,
}

/// An endpoint as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Its name.
    pub id: String,
    /// Its address.
    pub url: String,
    /// Events that wait.
    pub waiting: u64,
    /// Events that were given up.
    pub dead: u64,
    /// Events that it has taken since the start.
    pub delivered: u64,
    /// Attempts that failed since the start.
    pub failed: u64,
}

/// An event as an endpoint reads it.
#[derive(Serialize)]
struct Told<'a> {
    /// The place in its room's journal, which no other event has: who gets one twice drops one.
    id: String,
    r#type: &'a str,
    /// Milliseconds since 1970 (UTC).
    at: u64,
    room: Place<'a>,
    event: &'a RawValue,
}

#[derive(Serialize)]
struct Place<'a> {
    id: RoomId,
    name: &'a str,
}

impl Webhooks {
    /// Opens the store, and begins to tell what it has. Without endpoints there is neither.
    ///
    /// # Errors
    /// When the store cannot be opened, or an endpoint cannot be one; the text names file or key.
    pub fn start(
        config: &config::Webhooks,
        state: &StateDir,
        clock: Clock,
        reachable: &Reachable,
    ) -> anyhow::Result<(Webhooks, JoinSet<()>)> {
        let mut tasks = JoinSet::new();
        if config.endpoints.is_empty() {
            return Ok((Webhooks::default(), tasks));
        }
        let path = state.path(FILE);
        let limits = Limits { waiting: config.max_waiting, dead: config.max_dead };
        let store = Store::open(&path, limits)
            .with_context(|| format!("cannot open {} (server.state_dir)", path.display()))?;
        let client = Client::new(Arc::clone(reachable), Duration::from_secs(config.timeout))?;
        let mut endpoints = Vec::new();
        for (index, endpoint) in config.endpoints.iter().enumerate() {
            let key = || format!("webhooks.endpoints[{index}].url");
            let target = Target::parse(&endpoint.url).with_context(key)?;
            let counts = Arc::default();
            let described = Described {
                id: endpoint.id.clone(),
                url: endpoint.url.clone(),
                events: endpoint.events.clone(),
                counts: Arc::clone(&counts),
            };
            endpoints.push(described);
            let endpoint = Endpoint {
                id: endpoint.id.clone(),
                target,
                signer: signing::Signer::new(endpoint),
                client: client.clone(),
                store: store.clone(),
                clock,
                concurrency: config.concurrency as usize,
                retry_for: Duration::from_secs(config.retry_for),
                counts,
            };
            tasks.spawn(endpoint.run(store.follow(&config.endpoints[index].id)));
        }
        let shared = Arc::new(Shared { store, endpoints });
        Ok((Webhooks { shared: Some(shared) }, tasks))
    }

    /// Keeps what has happened in a room; returns when it is on the disk. What cannot be written is
    /// counted, and the room goes on.
    pub async fn record<'a>(&self, room: &Room, happened: impl Iterator<Item = &'a Envelope>) {
        let Some(shared) = &self.shared else { return };
        let entries: Vec<Entry> =
            happened.flat_map(|envelope| shared.entries(room, envelope)).collect();
        if !entries.is_empty() {
            shared.store.record(entries).await;
        }
    }

    /// All endpoints as they are now.
    pub fn endpoints(&self) -> Vec<Status> {
        let Some(shared) = &self.shared else { return Vec::new() };
        let status = |endpoint: &Described| {
            let (waiting, dead) = shared.store.count(&endpoint.id);
            let (delivered, failed) = endpoint.counts.read();
            let (id, url) = (endpoint.id.clone(), endpoint.url.clone());
            Status { id, url, waiting, dead, delivered, failed }
        };
        shared.endpoints.iter().map(status).collect()
    }

    /// Events that could not be written since the start.
    pub fn unwritten(&self) -> u64 {
        self.shared.as_ref().map_or(0, |shared| shared.store.unwritten())
    }

    /// The store, if there is an endpoint of this name.
    pub fn store_of(&self, endpoint: &str) -> Option<&Store> {
        let shared = self.shared.as_ref()?;
        let is_there = shared.endpoints.iter().any(|one| one.id == endpoint);
        is_there.then_some(&shared.store)
    }
}

impl Shared {
    /// One for each endpoint that is told of it: what everybody in a room may see, is numbered, and is not
    /// the application's own.
    fn entries(&self, room: &Room, envelope: &Envelope) -> Vec<Entry> {
        let event = &envelope.frame.event;
        let is_data = matches!(event, Event::DataReceived { .. });
        let Some(seq) = envelope.frame.seq.filter(|_| envelope.audience.is_public() && !is_data)
        else {
            return Vec::new();
        };
        // The doors will find that it cannot be written, and end the room.
        let Ok(event) = to_raw_value(&envelope.frame) else { return Vec::new() };
        let epoch = room.journal().cursor().epoch;
        let kind = Item::kind_of(event.get().as_bytes());
        let told = Told {
            id: Cursor { epoch, seq }.to_string(),
            r#type: kind,
            at: envelope.at,
            room: Place { id: envelope.room, name: &room.info().name },
            event: &event,
        };
        let Ok(body) = serde_json::to_vec(&told) else { return Vec::new() };
        let body: Arc<[u8]> = body.into();
        let wants = |endpoint: &&Described| {
            endpoint.events.is_empty() || endpoint.events.iter().any(|one| *one == kind)
        };
        let entry = |endpoint: &Described| Entry {
            endpoint: endpoint.id.clone(),
            room: envelope.room,
            at: envelope.at,
            body: Arc::clone(&body),
        };
        self.endpoints.iter().filter(wants).map(entry).collect()
    }
}

/// How many wait and how many are dead, by endpoint.
type Tally = BTreeMap<String, (u64, u64)>;
