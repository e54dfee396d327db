//! What the server is doing, every two seconds, for those who read it: the server itself, and the
//! quality of the media in rooms.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::counters::Counters;
use crate::feed::SERVER_MEASURED;
use crate::hub::Hub;
use crate::media::{MediaPlane, Worker};
use crate::process::Usage;

/// How often.
const INTERVAL: Duration = Duration::from_secs(2);

/// Where the numbers come from.
pub struct Pulse {
    /// The rooms, and who reads.
    pub hub: Hub,
    /// What the control plane counts.
    pub counters: Arc<Counters>,
    /// What the media plane counts.
    pub plane: Arc<dyn MediaPlane>,
}

/// One beat, as it is read.
#[derive(Debug, Serialize)]
struct Beat {
    r#type: &'static str,
    /// Milliseconds since 1970 (UTC).
    at: u64,
    rooms: i64,
    participants: i64,
    tracks: u64,
    sessions: u64,
    /// Media from publishers.
    received: Flow,
    /// Media to subscribers.
    sent: Flow,
    /// Of one core.
    processor_percent: u64,
    memory_bytes: u64,
    workers: Vec<Load>,
}

/// Media in one direction.
#[derive(Debug, Serialize)]
struct Flow {
    /// Of payload.
    bits_per_second: u64,
    packets_per_second: u64,
}

/// One media thread.
#[derive(Debug, Serialize)]
struct Load {
    busy_percent: u64,
    sessions: u64,
}

/// The numbers at one moment.
struct Reading {
    at: Instant,
    usage: Usage,
    workers: Vec<Worker>,
}

impl Pulse {
    /// Measures as long as somebody reads it. Runs until it is dropped.
    pub async fn run(self) {
        let mut beats = interval(INTERVAL);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last: Option<Reading> = None;
        loop {
            beats.tick().await;
            self.hub.measure();
            if !self.hub.firehose().is_wished() {
                last = None;
                continue;
            }
            let now = Reading::now(&*self.plane);
            if let Some(last) = &last {
                self.tell(last, &now);
            }
            last = Some(now);
        }
    }

    fn tell(&self, last: &Reading, now: &Reading) {
        let time = now.at - last.at;
        let counted = self.counters.read();
        let sum = |count: fn(&Worker) -> (u64, u64)| {
            let of = |reading: &Reading| {
                reading
                    .workers
                    .iter()
                    .map(count)
                    .fold((0, 0), |(packets, bytes), one| (packets + one.0, bytes + one.1))
            };
            let ((packets, bytes), (packets_before, bytes_before)) = (of(now), of(last));
            Flow {
                bits_per_second: per_second(bytes.saturating_sub(bytes_before) * 8, time),
                packets_per_second: per_second(packets.saturating_sub(packets_before), time),
            }
        };
        let workers = now.workers.iter().zip(&last.workers).map(|(now, last)| Load {
            busy_percent: percent(now.busy.saturating_sub(last.busy), time),
            sessions: now.sessions,
        });
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let beat = Beat {
            r#type: SERVER_MEASURED,
            at: u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX),
            rooms: counted.rooms,
            participants: counted.participants,
            tracks: now.workers.iter().map(|worker| worker.tracks).sum(),
            sessions: now.workers.iter().map(|worker| worker.sessions).sum(),
            received: sum(|worker| worker.received),
            sent: sum(|worker| worker.sent),
            processor_percent: percent(
                now.usage.processor.saturating_sub(last.usage.processor),
                time,
            ),
            memory_bytes: now.usage.memory,
            workers: workers.collect(),
        };
        match serde_json::to_vec(&beat) {
            Ok(json) => self.hub.firehose().say(&json),
            Err(error) => tracing::error!(%error, "what was measured cannot be written"),
        }
    }
}

impl Reading {
    fn now(plane: &dyn MediaPlane) -> Reading {
        Reading { at: Instant::now(), usage: Usage::now(), workers: plane.workers() }
    }
}

fn per_second(count: u64, time: Duration) -> u64 {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1000) / millis
}

fn percent(busy: Duration, time: Duration) -> u64 {
    let share = 100 * busy.as_millis() / time.as_millis().max(1);
    u64::try_from(share).unwrap_or(u64::MAX)
}
