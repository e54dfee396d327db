//! Data messages: some in a room send, all others get a copy, and it is measured when each came and what
//! that cost the server. What did not come has to be among what the server says it has dropped.
//!
//! [`member`] is one in the room, by data channels, by [`socket`] or by WebTransport; [`counters`] is what the
//! server says. [`echo`] is a server that does nothing but send datagrams back, to compare with.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures_util::future::try_join_all;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::measure::{Count, Times};
use crate::process::Process;

mod counters;
pub mod echo;
mod member;
mod socket;

use counters::Counters;
use member::{Door, Member, Part, Phase};

/// The most members of the room.
pub const MOST_MEMBERS: u32 = 300;
/// The least bytes of payload: when it was sent.
pub const LEAST: u32 = 8;
/// The most bytes of payload: with its envelope a lossy message goes into one packet.
pub const LARGEST: u32 = 1_000;

/// Members that come at a time.
const COMING: usize = 20;
/// From when all are in until the first message.
const SETTLING: Duration = Duration::from_secs(1);
/// After the last message, all that still comes has come.
const PATIENCE: Duration = Duration::from_secs(2);

/// How messages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// By lossy data channels.
    Channels,
    /// By WebSockets.
    Websockets,
    /// By datagrams of WebTransport.
    Webtransport,
    /// The same, and a server without rooms sends each back to its sender (`load echo`).
    Echo,
    /// The same, and a server without rooms sends each to all others (`load echo --fan`).
    Fan,
}

impl Way {
    fn is_bare(self) -> bool {
        matches!(self, Way::Echo | Way::Fan)
    }

    /// How many get a message.
    fn receivers(self, members: u32) -> u32 {
        if self == Way::Echo { 1 } else { members - 1 }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The server, `http://host:port`; one without rooms, `https://host:port`.
    pub url: String,
    /// A service token. Not for a server without rooms.
    pub token: String,
    /// The address of the server's counters. Not for a server without rooms.
    pub metrics: String,
    /// Hashes of certificates of a server without rooms, in base 64.
    pub hashes: Vec<String>,
    /// The server's process on this machine.
    pub pid: u32,
    /// How messages go.
    pub way: Way,
    /// How many are in the room.
    pub members: u32,
    /// How many of them send.
    pub senders: u32,
    /// Messages a second of each.
    pub rate: u32,
    /// Bytes of payload.
    pub bytes: u32,
    /// How long they send.
    pub seconds: u32,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How messages went.
    pub way: Way,
    /// How many sent.
    pub senders: u32,
    /// How many got each message.
    pub receivers: u32,
    /// Messages a second of each sender.
    pub rate: u32,
    /// Bytes of payload.
    pub bytes: u32,
    /// Copies that there were to be: messages by receivers.
    pub copies: u64,
    /// Copies that came.
    pub received: u64,
    /// Copies that the server has given to the receiver's connection.
    pub delivered: u64,
    /// Copies that it has dropped.
    pub dropped: u64,
    /// Copies that it does not account for.
    pub unaccounted: i64,
    /// From the sender's call until the receiver's, of half of the copies, in milliseconds.
    pub p50_ms: f64,
    /// The same of 99 of 100.
    pub p99_ms: f64,
    /// The same of all.
    pub max_ms: f64,
    /// Processor time of the server for each copy that it delivered, in microseconds.
    pub microseconds_per_copy: f64,
}

impl Report {
    /// Whether every copy was delivered or counted as dropped, and some came.
    pub fn all_right(&self) -> bool {
        self.unaccounted == 0 && self.received > 0 && self.received <= self.delivered
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Way::Channels => "data channels",
            Way::Websockets => "WebSockets",
            Way::Webtransport => "WebTransport",
            Way::Echo => "bare echo",
            Way::Fan => "bare fan-out",
        };
        writeln!(
            f,
            "{way:<13} {:>3} to {:>3} x {:>3}/s x {} bytes: {:>7.3} % of {} came, {} dropped, {} \
             unaccounted for, p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms, {:.2} us a copy",
            self.senders,
            self.receivers,
            self.rate,
            self.bytes,
            self.received as f64 * 100.0 / self.copies.max(1) as f64,
            self.copies,
            self.dropped,
            self.unaccounted,
            self.p50_ms,
            self.p99_ms,
            self.max_ms,
            self.microseconds_per_copy,
        )
    }
}

/// What all members write to.
#[derive(Debug, Default)]
struct Tally {
    sent: Count,
    received: Count,
    delays: Times,
}

/// Has all come in, send and leave.
///
/// # Errors
///
/// When somebody does not get in or falls out, or the server's counters or process cannot be looked at.
pub async fn run(plan: &Plan) -> anyhow::Result<Report> {
    let members = enter(plan).await?;
    sleep(SETTLING).await;
    let server = Process::new(plan.pid);
    let (counted, worked) = (counters(plan).await?, server.processor_time()?);

    let tally = Arc::new(Tally::default());
    let begin = Instant::now() + Duration::from_millis(100);
    let (phase, phases) = watch::channel(Phase::Sending);
    let mut tasks = JoinSet::new();
    for (index, member) in (0..).zip(members) {
        let part = Part {
            begin,
            period: Duration::from_secs(1) / plan.rate,
            offset: Duration::from_secs(1) / plan.rate * index / plan.senders.max(1),
            messages: if index < plan.senders { plan.rate * plan.seconds } else { 0 },
            bytes: plan.bytes as usize,
        };
        tasks.spawn(member::take_part(member, part, Arc::clone(&tally), phases.clone()));
    }
    let whole = begin + Duration::from_secs(plan.seconds.into()) + PATIENCE;
    sleep(whole.saturating_duration_since(Instant::now())).await;
    let worked = server.processor_time()?.saturating_sub(worked);
    let counted = counters(plan).await?.zip(counted).map(|(now, before)| now.since(&before));
    phase.send(Phase::Over).context("everybody has fallen out")?;
    while let Some(task) = tasks.join_next().await {
        task??.leave().await?;
    }

    let receivers = plan.way.receivers(plan.members);
    let copies = tally.sent.get() * u64::from(receivers);
    ensure!(copies > 0, "nobody could send anything");
    let received = tally.received.get();
    // A server without rooms counts nothing.
    let (delivered, dropped) = match counted {
        Some(counted) => counted.fates(plan.way),
        None => (received, copies.saturating_sub(received)),
    };
    let times = tally.delays.summary();
    Ok(Report {
        way: plan.way,
        senders: plan.senders,
        receivers,
        rate: plan.rate,
        bytes: plan.bytes,
        copies,
        received,
        delivered,
        dropped,
        unaccounted: copies as i64 - (delivered + dropped) as i64,
        p50_ms: times.p50,
        p99_ms: times.p99,
        max_ms: times.max,
        microseconds_per_copy: worked.as_secs_f64() * 1e6 / delivered.max(1) as f64,
    })
}

async fn counters(plan: &Plan) -> anyhow::Result<Option<Counters>> {
    if plan.way.is_bare() {
        return Ok(None);
    }
    Counters::read(&plan.metrics).await.map(Some)
}

async fn enter(plan: &Plan) -> anyhow::Result<Vec<Member>> {
    let door = Door::find(plan).await?;
    let mut members = Vec::new();
    let all: Vec<u32> = (0..plan.members).collect();
    for some in all.chunks(COMING) {
        members.extend(
            try_join_all(some.iter().map(|index| Member::join(plan, &door, *index))).await?,
        );
    }
    Ok(members)
}
