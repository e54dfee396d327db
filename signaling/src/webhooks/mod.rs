//! Webhooks: what happens in rooms, told to endpoints elsewhere, at least once and in each room's order.
//!
//! A room's task lays its events into the [`store`] before it tells anybody of them, so that a crash loses
//! none that was acknowledged. Each endpoint has a task that tells them on ([`endpoint`]), by a schedule
//! that is pure (`signaling_core::delivery`). No endpoint holds up a room, or another endpoint.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use signaling_core::event::{Audience, EndReason, Envelope, Event, EventFrame};
use signaling_core::id::RoomId;
use signaling_core::journal::Cursor;
use signaling_core::room::Room;
use tokio::task::JoinSet;

use crate::client::{self, Client, Reachable, Target};
use crate::clock::Clock;
use crate::config;
use crate::feed::Item;
use crate::state::StateDir;

mod endpoint;
mod signing;
mod store;

pub use store::{Letter, Store};

use endpoint::Endpoint;
use store::{Entry, Limits, Note};

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

/// A room as endpoints know it: enough to tell of its end when it is no more.
#[derive(Serialize, Deserialize)]
struct Known<'a> {
    name: Cow<'a, str>,
    /// The epoch of its journal, and the number of the last event that was laid into the store.
    epoch: u64,
    seq: u64,
}

impl Webhooks {
    /// Opens the store, and begins to tell what it has: first of all that those rooms are over which a
    /// server left behind that did not stop as it should. Without endpoints there is nothing.
    ///
    /// # Errors
    /// When the store cannot be opened, or an endpoint cannot be one; the text names file or key.
    pub async fn start(
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
        let client = Client::new(
            Arc::clone(reachable),
            Duration::from_secs(config.timeout),
            client::system_roots(),
        )?;
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
        let shared = Shared { store, endpoints };
        let left = shared.store.open_rooms();
        for (room, note) in left.with_context(|| format!("cannot read {}", path.display()))? {
            shared.tell_of_end(room, &note, clock.now().unix_ms).await;
        }
        Ok((Webhooks { shared: Some(Arc::new(shared)) }, tasks))
    }

    /// Keeps what has happened in a room; returns when it is on the disk. What cannot be written is
    /// counted, and the room goes on.
    pub async fn record<'a>(&self, room: &Room, happened: impl Iterator<Item = &'a Envelope>) {
        let Some(shared) = &self.shared else { return };
        let info = room.info();
        let epoch = room.journal().cursor().epoch;
        let mut known = Known { name: Cow::Borrowed(&info.name), epoch, seq: 0 };
        let (mut entries, mut note) = (Vec::new(), None);
        for envelope in happened {
            let told = shared.entries(&mut known, envelope);
            note = match envelope.frame.event {
                Event::RoomEnded { .. } => Some(Note::Ended(info.id)),
                Event::RoomStarted { .. } => known.note(info.id),
                _ if !told.is_empty() => known.note(info.id),
                _ => note,
            };
            entries.extend(told);
        }
        if note.is_some() {
            shared.store.record(entries, note).await;
        }
    }

    /// A room is over that could not say so itself, now (`at`, milliseconds since 1970).
    pub async fn record_failure(&self, room: RoomId, at: u64) {
        let Some(shared) = &self.shared else { return };
        match shared.store.open_room(room) {
            Ok(Some(note)) => shared.tell_of_end(room, &note, at).await,
            Ok(None) => {}
            Err(error) => tracing::error!(%room, %error, "its end cannot be told by webhooks"),
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

impl Known<'_> {
    fn note(&self, room: RoomId) -> Option<Note> {
        // A name and two numbers can always be written.
        serde_json::to_vec(self).ok().map(|note| Note::Open(room, note))
    }
}

impl Shared {
    /// One for each endpoint that is told of it: what everybody in a room may see, is numbered, and is not
    /// the application's own. `known` takes its number over.
    fn entries(&self, known: &mut Known<'_>, envelope: &Envelope) -> Vec<Entry> {
        let event = &envelope.frame.event;
        let is_data = matches!(event, Event::DataReceived { .. });
        let Some(seq) = envelope.frame.seq.filter(|_| envelope.audience.is_public() && !is_data)
        else {
            return Vec::new();
        };
        known.seq = seq;
        // The doors will find that it cannot be written, and end the room.
        let Ok(event) = to_raw_value(&envelope.frame) else { return Vec::new() };
        let kind = Item::kind_of(event.get().as_bytes());
        let told = Told {
            id: Cursor { epoch: known.epoch, seq }.to_string(),
            r#type: kind,
            at: envelope.at,
            room: Place { id: envelope.room, name: &known.name },
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

    /// Tells of a room that it is over, which is known by its note alone, as the next event after those
    /// that were told of it.
    async fn tell_of_end(&self, room: RoomId, note: &[u8], at: u64) {
        let mut known: Known<'_> = match serde_json::from_slice(note) {
            Ok(known) => known,
            Err(error) => {
                tracing::error!(%room, %error, "what was kept of a room cannot be read");
                return self.store.record(Vec::new(), Some(Note::Ended(room))).await;
            }
        };
        let event = Event::RoomEnded { reason: EndReason::Internal };
        let frame = EventFrame { seq: Some(known.seq + 1), event };
        let envelope = Envelope { at, room, audience: Audience::Room, frame };
        let entries = self.entries(&mut known, &envelope);
        self.store.record(entries, Some(Note::Ended(room))).await;
    }
}

/// How many wait and how many are dead, by endpoint.
type Tally = BTreeMap<String, (u64, u64)>;
