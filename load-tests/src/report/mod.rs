//! What came of a load test: as a table for people, as JSON for programs, and as a page with plots.

pub(crate) mod html;
mod meeting;
mod plot;
pub(crate) mod table;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::measure::Summary;

pub use meeting::{Independent, Report};

/// What came of a load test, whatever it was of.
pub trait Findings {
    /// What the scenario is called.
    fn name(&self) -> &str;

    /// What it is, in a sentence.
    fn about(&self) -> &str;

    /// What was wrong; nothing, if all is well.
    fn faults(&self) -> Vec<String>;

    /// A name and what is so, line by line.
    fn rows(&self) -> Vec<(&'static str, String)>;

    /// What is looked at first: a name and a value.
    fn figures(&self) -> Vec<(&'static str, String)>;

    /// Plots, as HTML.
    fn plots(&self) -> String;

    /// The report for programs. Times are in milliseconds, memory is in bytes.
    fn to_json(&self) -> Value;
}

impl dyn Findings + '_ {
    /// The report as one HTML page that needs nothing else.
    pub fn to_html(&self) -> String {
        html::page(self)
    }
}

/// What the server did, and what it took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Work {
    /// How long it was measured.
    pub measured: Duration,
    /// Processor time of all its threads, the kernel's included.
    pub processor: Option<Duration>,
    /// Processor time of the bots, which is all of this process.
    pub bots: Duration,
    /// Cores that the bots may use.
    pub bots_cores: usize,
    /// Packets of media that came from it.
    pub forwarded: u64,
    /// Resident memory in bytes before anybody ever came.
    pub fresh: Option<u64>,
    /// The same before the run; for a churn, after all had come and gone once.
    pub before: Option<u64>,
    /// The same at the end of the window.
    pub full: Option<u64>,
}

/// What was left when all had gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Participants that the server still counted.
    pub participants: Option<u64>,
    /// Peer connections that it still counted.
    pub sessions: Option<u64>,
    /// Resident memory, in bytes.
    pub resident: Option<u64>,
}

/// One second of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Sample {
    /// Seconds since it began.
    pub at: f64,
    /// Who was there.
    pub participants: usize,
    /// Packets that came to light bots; nought outside the measured window.
    pub packets_per_second: f64,
    /// Cores that the server kept busy.
    pub processor: Option<f64>,
    /// Its resident memory, in bytes.
    pub resident: Option<u64>,
    /// Delays of sound and pictures, in milliseconds.
    pub delay: Option<Summary>,
}

impl Work {
    /// Processor time per forwarded packet, in microseconds; the key figure.
    pub fn micros_per_packet(&self) -> Option<f64> {
        let processor = self.processor.filter(|_| self.forwarded > 0)?;
        Some(processor.as_secs_f64() * 1e6 / self.forwarded as f64)
    }

    /// Cores that the server kept busy.
    pub fn cores(&self) -> Option<f64> {
        Some(self.processor?.as_secs_f64() / self.measured.as_secs_f64())
    }

    /// By which share the server's memory has grown from before to after the run.
    pub fn memory_growth(&self, left: &Left) -> Option<f64> {
        let (before, after) = (self.before?, left.resident?);
        Some(after as f64 / before as f64 - 1.0)
    }

    /// Which share of what the bots may have of the machine they took; close to 1, delays and losses
    /// are theirs and not the server's.
    pub fn bots_share(&self) -> f64 {
        self.bots.as_secs_f64() / self.measured.as_secs_f64() / self.bots_cores.max(1) as f64
    }
}

/// Faults of participants who failed, and of what was left when all had gone.
pub(crate) fn failed(failures: &BTreeMap<String, usize>, left: &Left) -> Vec<String> {
    let failed = failures.iter().map(|(reason, count)| format!("{count} failed: {reason}"));
    let left = [
        (left.participants, "participants were left when all had gone"),
        (left.sessions, "peer connections were left when all had gone"),
    ];
    let left = left.into_iter().filter_map(|(count, what)| Some((count.filter(|c| *c > 0)?, what)));
    failed.chain(left.map(|(count, what)| format!("{count} {what}"))).collect()
}
