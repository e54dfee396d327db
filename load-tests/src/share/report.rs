//! What came of a run in which files were handed on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::tally::Tally;
use crate::report::{Findings, Left, Sample, Work, failed, html, table};
use crate::scenario::Scenario;

/// What came of it.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) name: String,
    pub(super) scenario: Scenario,
    /// How many files were to be fetched.
    pub(super) expected: usize,
    /// From the first who came until all files were there, or nobody waited for them any longer.
    pub(super) took: Duration,
    pub(super) work: Work,
    pub(super) left: Left,
    /// Who failed, by the reason.
    pub(super) failures: BTreeMap<String, usize>,
    pub(super) tally: Arc<Tally>,
    pub(super) samples: Vec<Sample>,
}

impl Report {
    /// MiB a second of all files together.
    fn throughput(&self) -> f64 {
        mebibytes(self.tally.recorder.bytes.get() as f64) / self.took.as_secs_f64()
    }

    /// The server's processor time for each file that came, in milliseconds.
    fn millis_per_file(&self, files: usize) -> Option<f64> {
        Some(self.work.processor.filter(|_| files > 0)?.as_secs_f64() * 1e3 / files as f64)
    }
}

impl Findings for Report {
    fn name(&self) -> &str {
        &self.name
    }

    fn about(&self) -> &str {
        &self.scenario.about
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = failed(&self.failures, &self.left);
        let missing = self.expected - self.tally.rates().len();
        for (count, what) in [
            (missing as u64, "files did not come"),
            (self.tally.recorder.damaged.get(), "blocks were not what they should be"),
        ] {
            if count > 0 {
                faults.push(format!("{count} {what}"));
            }
        }
        faults
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let recorder = &self.tally.recorder;
        let rates = self.tally.rates();
        let bytes = recorder.bytes.get() as f64;
        let seconds = self.took.as_secs_f64();
        let mut rows = vec![
            ("joined", format!("{} in {:.1} s", self.tally.joins.get(), self.scenario.ramp)),
            ("connected", table::times(recorder.connect.summary())),
            ("files", format!("{} of {} came, verified", rates.len(), self.expected)),
            (
                "in all",
                format!(
                    "{:.1} MiB in {seconds:.1} s: {:.1} MiB/s",
                    mebibytes(bytes),
                    self.throughput()
                ),
            ),
        ];
        if let (Some(slowest), Some(middle), Some(fastest)) =
            (rates.first(), rates.get(rates.len() / 2), rates.last())
        {
            let [slowest, middle, fastest] =
                [slowest, middle, fastest].map(|rate| mebibytes(*rate));
            let each = format!("{slowest:.1} to {fastest:.1} MiB/s, half of them over {middle:.1}");
            rows.push(("each", each));
        }
        if let (Some(cores), Some(millis)) = (self.work.cores(), self.millis_per_file(rates.len()))
        {
            let server = format!("{:.1} % of a core, {millis:.2} ms for each file", cores * 100.0);
            rows.push(("server", server));
        }
        rows.extend(table::costs(&self.work, &self.left));
        rows
    }

    fn figures(&self) -> Vec<(&'static str, String)> {
        let connect = self.tally.recorder.connect.summary();
        let files = self.tally.rates().len();
        let unknown = || "unknown".to_owned();
        vec![
            ("files", format!("{files} of {}", self.expected)),
            ("in all", format!("{:.0} MiB/s", self.throughput())),
            (
                "server time for each",
                self.millis_per_file(files)
                    .map_or_else(unknown, |millis| format!("{millis:.1} ms")),
            ),
            ("connected p50 / p99", format!("{:.1} / {:.1} ms", connect.p50, connect.p99)),
        ]
    }

    fn plots(&self) -> String {
        let pieces = html::over_time(&self.samples, |sample| Some(sample.packets_per_second));
        [
            html::seconds("Pieces a second", vec![("", pieces)]),
            html::costs(&self.samples),
            html::shares("Connected by share, ms", &[("", &self.tally.recorder.connect)]),
        ]
        .concat()
    }

    fn to_json(&self) -> Value {
        let recorder = &self.tally.recorder;
        let rates = self.tally.rates();
        json!({
            "scenario": self.name,
            "about": self.scenario.about,
            "participants": self.scenario.participants(),
            "joins": self.tally.joins.get(),
            "took_s": self.took.as_secs_f64(),
            "faults": self.faults(),
            "connect_ms": recorder.connect.summary(),
            "files": {
                "expected": self.expected,
                "came": rates.len(),
                "bytes": recorder.bytes.get(),
                "pieces": recorder.packets.get(),
                "wrong_blocks": recorder.damaged.get(),
                "bytes_per_second": rates,
            },
            "server": {
                "processor_s": self.work.processor.map(|time| time.as_secs_f64()),
                "cores": self.work.cores(),
                "millis_per_file": self.millis_per_file(rates.len()),
                "memory": {
                    "before": self.work.before,
                    "full": self.work.full,
                    "after": self.left.resident,
                    "growth": self.work.memory_growth(&self.left),
                },
                "participants_left": self.left.participants,
                "sessions_left": self.left.sessions,
            },
            "bots": { "processor_s": self.work.bots.as_secs_f64(), "share": self.work.bots_share() },
            "samples": self.samples,
        })
    }
}

fn mebibytes(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}
