//! One endpoint's task: gives the schedule what there is to tell, and tells it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signaling_core::delivery::{self, Delivery, Event, Input, Output};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::signing::Signer;
use super::store::{Kept, Store};
use crate::client::{Client, Failure, Target};
use crate::clock::Clock;

/// Why an event is dead whose time is over before it could be tried.
const TOO_LATE: &str = "it was tried for as long as webhooks.retry_for";

/// What an endpoint has come to since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    delivered: AtomicU64,
    failed: AtomicU64,
}

impl Counts {
    /// Events that it has taken, and attempts that failed.
    pub(super) fn read(&self) -> (u64, u64) {
        (self.delivered.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }
}

/// One endpoint.
#[derive(Clone)]
pub(super) struct Endpoint {
    /// Its name.
    pub(super) id: String,
    /// Where it is.
    pub(super) target: Target,
    /// Signs what it is told.
    pub(super) signer: Signer,
    /// The way to it.
    pub(super) client: Client,
    /// What it is to be told.
    pub(super) store: Store,
    /// The time.
    pub(super) clock: Clock,
    /// Requests at a time.
    pub(super) concurrency: usize,
    /// How long an event is tried again.
    pub(super) retry_for: Duration,
    /// What has come of it.
    pub(super) counts: Arc<Counts>,
}

/// What became of one event.
type Outcome = (u64, Result<(), Failure>);

impl Endpoint {
    /// Tells what comes from `kept`, for ever.
    pub(super) async fn run(self, mut kept: mpsc::UnboundedReceiver<Kept>) {
        let config =
            delivery::Config { concurrency: self.concurrency, ..delivery::Config::default() };
        let mut schedule = Delivery::new(config);
        let mut sending: JoinSet<Outcome> = JoinSet::new();
        // Of the newest failure of each that fails: it is the reason if it is given up.
        let mut last_failure = std::collections::HashMap::new();
        loop {
            let deadline = schedule.deadline().map(|at| self.clock.instant(at));
            let input = tokio::select! {
                Some(outcome) = sending.join_next() => match outcome {
                    Ok((event, Ok(()))) => {
                        last_failure.remove(&event);
                        self.counts.delivered.fetch_add(1, Ordering::Relaxed);
                        self.store.done(&self.id, event).await;
                        Input::Delivered(event)
                    }
                    Ok((event, Err(failure))) => {
                        self.counts.failed.fetch_add(1, Ordering::Relaxed);
                        tracing::debug!(endpoint = %self.id, event, %failure, "not delivered");
                        let retry_after = failure.retry_after();
                        last_failure.insert(event, failure);
                        Input::Failed { event, retry_after }
                    }
                    // Ours are neither aborted nor do they panic; if they did, the schedule would wait for
                    // ever, and the process is told to be watched.
                    Err(error) => {
                        tracing::error!(endpoint = %self.id, %error, "a delivery broke down");
                        return;
                    }
                },
                event = kept.recv() => match event {
                    Some(kept) => Input::Queued(self.queued(kept)),
                    None => return,
                },
                () = sleep_until(deadline) => Input::Timeout,
            };
            schedule.handle(self.clock.now().monotonic, input);
            while let Some(output) = schedule.poll() {
                match output {
                    Output::Send { event, failures } => {
                        let endpoint = self.clone();
                        sending.spawn(async move { (event, endpoint.tell(event, failures).await) });
                    }
                    Output::GiveUp(event) => {
                        let failure = last_failure.remove(&event);
                        let reason = failure.map_or(TOO_LATE.into(), |failure| failure.to_string());
                        tracing::warn!(endpoint = %self.id, event, %reason, "an event is given up");
                        self.store.give_up(&self.id, event, reason).await;
                    }
                }
            }
        }
    }

    fn queued(&self, kept: Kept) -> Event {
        let now = self.clock.now();
        let age = Duration::from_millis(now.unix_ms.saturating_sub(kept.at));
        let expires = (now.monotonic + self.retry_for).saturating_sub(age);
        Event { number: kept.number, room: kept.room, expires }
    }

    async fn tell(&self, event: u64, failures: u32) -> Result<(), Failure> {
        let (store, id) = (self.store.clone(), self.id.clone());
        let body = tokio::task::spawn_blocking(move || store.body(&id, event)).await;
        let body = match body {
            Ok(Ok(Some(body))) => body,
            // Taken out meanwhile: there is nothing to tell any more.
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(Failure::Unreadable(error.to_string())),
            Err(error) => return Err(Failure::Unreadable(error.to_string())),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut headers = self.signer.sign(now, &body);
        headers.push(("oriel-attempt", (u64::from(failures) + 1).to_string()));
        self.client.post(&self.target, &headers, body).await
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
