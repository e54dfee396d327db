//! Fan-out: thousands read one feed, an event is said at a time, and it is measured when it came to
//! each of them and what all that cost the server.
//!
//! The readers are one thread on one epoll ([`crowd`]): the machine's other core is the server's. What
//! they read is an event stream or a WebSocket, of Oriel or of any server where something is said by
//! POST ([`speaker`]), so that servers can be set beside one another.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::process::Process;

mod crowd;
mod scan;
mod speaker;

use crowd::{Crowd, Entrance};
use speaker::Speaker;

/// The most readers: each has a socket, and this process may have 20,000 files on many machines.
pub const MOST_READERS: u32 = 19_000;

/// How long all have to get in.
const ENTRY: Duration = Duration::from_secs(60);
/// The server's memory and its work for those who came settle in this time.
const SETTLING: Duration = Duration::from_secs(2);
/// An event that did not come to all by then is lost for the others.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is required of Oriel, for each connection and delivery.
const MOST_BYTES: u64 = 12_000;
const MOST_MICROSECONDS: f64 = 10.0;
const LEAST_JOINS: f64 = 2_500.0;

/// How events come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// As an event stream (SSE).
    Sse,
    /// As messages on a WebSocket.
    Websocket,
    /// For half of the readers as a stream, for the others by WebSocket.
    Both,
}

/// Where events come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Server {
    /// A room of Oriel: a participant chats, observers read.
    Oriel {
        /// The server, `http://host:port`.
        url: String,
        /// A service token, for the participant.
        token: String,
        /// A token with `oriel.observe`, for the readers.
        observe: String,
    },
    /// What is posted to one address comes to the readers of another.
    Plain {
        /// Where to post.
        publish: String,
        /// Where to read.
        subscribe: String,
    },
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Who is measured.
    pub server: Server,
    /// What the report calls it.
    pub label: String,
    /// How events come.
    pub form: Form,
    /// How many read.
    pub readers: u32,
    /// How many events are said, one after the other has come to all.
    pub events: u32,
    /// The server's processes on this machine.
    pub pids: Vec<u32>,
    /// Whether what is required of Oriel is required here.
    pub required: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Who was measured.
    pub label: String,
    /// How events came.
    pub form: Form,
    /// How many read.
    pub readers: u32,
    /// Of them, per second, from the first connection until all were told what there is.
    pub joins_per_second: f64,
    /// What the server's resident memory grew by, for each reader.
    pub bytes_per_connection: u64,
    /// Processor time of the server for each copy of an event, in microseconds.
    pub microseconds_per_delivery: f64,
    /// How many events were said.
    pub events: u32,
    /// From when an event was said until half of all copies had come, in milliseconds.
    pub p50_ms: f64,
    /// The same for 99 of 100.
    pub p99_ms: f64,
    /// The same for the last one of all.
    pub max_ms: f64,
    /// Copies that did not come.
    pub lost: u64,
    /// Copies that came again, or after a later one.
    pub disordered: u64,
    /// What was required and not reached.
    pub missed: Vec<String>,
}

impl Report {
    /// Whether every event came once to everybody, and what was required was reached.
    pub fn all_right(&self) -> bool {
        self.lost == 0 && self.disordered == 0 && self.missed.is_empty()
    }

    fn require(&mut self) {
        let bytes = format!("at most {MOST_BYTES} bytes for a connection");
        let time = format!("less than {MOST_MICROSECONDS} microseconds for a delivery");
        let joins = format!("at least {LEAST_JOINS} joins per second");
        let missed = [
            (self.bytes_per_connection > MOST_BYTES).then_some(bytes),
            (self.microseconds_per_delivery >= MOST_MICROSECONDS).then_some(time),
            (self.joins_per_second < LEAST_JOINS).then_some(joins),
        ];
        self.missed.extend(missed.into_iter().flatten());
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match self.form {
            Form::Sse => "SSE",
            Form::Websocket => "WebSocket",
            Form::Both => "both",
        };
        writeln!(
            f,
            "{:<12} {form:<9} {:>6} readers {:>6.0} joins/s {:>6.1} kB each {:>6.2} us a delivery, \
             p50 {:>6.1} ms, p99 {:>6.1} ms, max {:>6.1} ms, {} lost",
            self.label,
            self.readers,
            self.joins_per_second,
            self.bytes_per_connection as f64 / 1_000.0,
            self.microseconds_per_delivery,
            self.p50_ms,
            self.p99_ms,
            self.max_ms,
            self.lost,
        )?;
        if self.disordered > 0 {
            writeln!(f, "  {} copies came again, or after a later one", self.disordered)?;
        }
        self.missed.iter().try_for_each(|missed| writeln!(f, "  not reached: {missed}"))
    }
}

/// Opens all readers, says the events, and counts.
///
/// # Errors
///
/// When an address makes no sense, the server does not let everybody in, or its processes cannot be
/// looked at. Events that do not come are counted in the report.
pub fn run(plan: &Plan) -> anyhow::Result<Report> {
    let mut speaker = Speaker::begin(&plan.server)?;
    let entrances = Entrance::of(&plan.server, plan.form)?;
    let mut crowd = Crowd::new()?;
    let before = resident(plan)?;
    let begun = Instant::now();
    crowd.open(&entrances, plan.readers, begun + ENTRY)?;
    let entering = begun.elapsed();
    crowd.listen(Instant::now() + SETTLING, 0)?;
    let grown = resident(plan)?.saturating_sub(before);

    let worked_before = processor_time(plan)?;
    for number in 1..=u64::from(plan.events) {
        let said = Instant::now();
        speaker.say(number)?;
        crowd.expect(said);
        crowd.listen(said + PATIENCE, number)?;
        speaker.is_heard()?;
    }
    let worked = processor_time(plan)?.saturating_sub(worked_before);

    let copies = u64::from(plan.events) * u64::from(plan.readers);
    let delays: &Histogram<u64> = crowd.delays();
    let milliseconds = |microseconds: u64| microseconds as f64 / 1_000.0;
    let mut report = Report {
        label: plan.label.clone(),
        form: plan.form,
        readers: plan.readers,
        joins_per_second: f64::from(plan.readers) / entering.as_secs_f64(),
        bytes_per_connection: grown / u64::from(plan.readers),
        microseconds_per_delivery: worked.as_secs_f64() * 1e6 / copies as f64,
        events: plan.events,
        p50_ms: milliseconds(delays.value_at_quantile(0.5)),
        p99_ms: milliseconds(delays.value_at_quantile(0.99)),
        max_ms: milliseconds(delays.max()),
        lost: copies.saturating_sub(delays.len()),
        disordered: crowd.disordered(),
        missed: Vec::new(),
    };
    if plan.required {
        report.require();
    }
    Ok(report)
}

fn resident(plan: &Plan) -> anyhow::Result<u64> {
    plan.pids.iter().map(|pid| Process::new(*pid).resident()).sum()
}

fn processor_time(plan: &Plan) -> anyhow::Result<Duration> {
    plan.pids.iter().map(|pid| Process::new(*pid).processor_time()).sum()
}

/// `host:port` and path of an `http` or `ws` address.
fn parts(url: &str) -> anyhow::Result<(&str, &str)> {
    let (scheme, rest) = url.split_once("://").with_context(|| format!("{url} is no URL"))?;
    ensure!(matches!(scheme, "http" | "ws"), "{url}: only http and ws are measured");
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    Ok((host, if path.is_empty() { "/" } else { path }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            label: "oriel".into(),
            form: Form::Sse,
            readers: 10,
            joins_per_second: 3_000.0,
            bytes_per_connection: 5_000,
            microseconds_per_delivery: 4.0,
            events: 3,
            p50_ms: 1.0,
            p99_ms: 2.0,
            max_ms: 3.0,
            lost: 0,
            disordered: 0,
            missed: Vec::new(),
        }
    }

    #[test]
    fn what_is_required_is_named_when_it_is_missed() {
        let mut good = report();
        good.require();
        assert!(good.all_right(), "{good}");
        let mut bad = Report {
            bytes_per_connection: 12_001,
            microseconds_per_delivery: 10.0,
            joins_per_second: 2_499.0,
            ..report()
        };
        bad.require();
        assert_eq!(bad.missed.len(), 3);
        assert!(!bad.all_right() && bad.to_string().contains("not reached: at most 12000 bytes"));
        assert!(!Report { lost: 1, ..report() }.all_right());
    }

    #[test]
    fn urls_have_a_host_and_a_path() {
        assert_eq!(parts("http://a:1/b/c").unwrap(), ("a:1", "/b/c"));
        assert_eq!(parts("ws://a:1").unwrap(), ("a:1", "/"));
        assert!(parts("https://a/").is_err() && parts("a").is_err());
    }
}
