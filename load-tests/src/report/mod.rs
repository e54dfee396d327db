//! What came of a load test: as a table for people, as JSON for programs, and as a page with plots.

mod html;
mod plot;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::measure::{Recorder, Summary};
use crate::relay::order::Stats;

/// How much of the memory before may be more afterwards, after a churn.
const MEMORY_GROWTH: f64 = 0.05;

/// What came of a run.
#[derive(Debug)]
pub struct Report {
    /// What the scenario is called, and what it is.
    pub scenario: String,
    /// See [`Report::scenario`].
    pub about: String,
    /// Who was to be there at once.
    pub participants: u32,
    /// How many came in, and how many went, those who came again included.
    pub joins: u64,
    /// See [`Report::joins`].
    pub leaves: u64,
    /// Whether people came and went all along; then memory has to be back where it was.
    pub churned: bool,
    /// From the first who came until all were there.
    pub came: Duration,
    /// What the server did in the measured window.
    pub work: Work,
    /// What was left at the server when all had gone.
    pub left: Left,
    /// What the independent bots heard.
    pub independent: Option<Independent>,
    /// What the bad network did.
    pub carried: Option<Stats>,
    /// Who failed, by the reason.
    pub failures: BTreeMap<String, usize>,
    /// All that bots measured.
    pub recorder: Arc<Recorder>,
    /// How it went, second by second.
    pub samples: Vec<Sample>,
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

/// What independent bots heard, in all; they decode it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Independent {
    /// How many there were.
    pub bots: usize,
    /// Packets of sound.
    pub packets: u64,
    /// Those that did not come.
    pub lost: u64,
    /// Those that libopus refused.
    pub damaged: u64,
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

    /// Which share of what the bots may have of the machine they took; close to 1, delays and losses
    /// are theirs and not the server's.
    pub fn bots_share(&self) -> f64 {
        self.bots.as_secs_f64() / self.measured.as_secs_f64() / self.bots_cores.max(1) as f64
    }
}

impl Report {
    /// What is wrong, if anything is: each is a sentence. Loss and delay are measured, not judged.
    pub fn faults(&self) -> Vec<String> {
        let r = &self.recorder;
        let mut faults: Vec<_> = self
            .failures
            .iter()
            .map(|(reason, count)| format!("{count} failed: {reason}"))
            .collect();
        // Where independent bots speak, there is sound without stamps.
        let unstamped = if self.independent.is_some() { 0 } else { r.unstamped.get() };
        let undecodable = self.independent.map_or(0, |heard| heard.damaged);
        for (count, what) in [
            (r.fallen.get(), "participants lost their connection"),
            (r.damaged.get(), "frames were damaged on the way"),
            (r.strays.get(), "frames came from another room"),
            (unstamped, "frames came without a stamp"),
            (undecodable, "packets of sound could not be decoded"),
            (self.left.participants.unwrap_or(0), "participants were left when all had gone"),
            (self.left.sessions.unwrap_or(0), "peer connections were left when all had gone"),
        ] {
            if count > 0 {
                faults.push(format!("{count} {what}"));
            }
        }
        if let Some(growth) = self.memory_growth()
            && self.churned
            && growth > MEMORY_GROWTH
        {
            let (growth, most) = (growth * 100.0, MEMORY_GROWTH * 100.0);
            faults.push(format!(
                "the server's memory grew by {growth:.1} %, which is over {most:.0} %"
            ));
        }
        if self.work.forwarded == 0 {
            faults.push("no media came from the server".to_owned());
        }
        faults
    }

    /// By which share the server's memory has grown from before to after the run.
    pub fn memory_growth(&self) -> Option<f64> {
        let (before, after) = (self.work.before?, self.left.resident?);
        Some(after as f64 / before as f64 - 1.0)
    }

    /// The report for programs. Times are in milliseconds, memory is in bytes.
    pub fn to_json(&self) -> Value {
        let r = &self.recorder;
        let work = &self.work;
        json!({
            "scenario": self.scenario,
            "about": self.about,
            "participants": self.participants,
            "joins": self.joins,
            "leaves": self.leaves,
            "came_in_s": self.came.as_secs_f64(),
            "measured_s": work.measured.as_secs_f64(),
            "faults": self.faults(),
            "connect_ms": r.connect.summary(),
            "join_ms": r.join.summary(),
            "video_delay_ms": r.video_delay.summary(),
            "audio_delay_ms": r.audio_delay.summary(),
            "picture_gap_ms": r.picture_gap.summary(),
            "freezes": r.freezes.get(),
            "frozen_share": self.frozen_share(),
            "packets": {
                "sent": r.sent.get(),
                "forwarded": work.forwarded,
                "received": r.packets.get(),
                "expected": r.packets_expected.get(),
                "loss": self.packet_loss(),
                "by_header_only": r.headers_only.get(),
                "bytes": r.bytes.get(),
            },
            "frames": {
                "verified": r.frames.get(),
                "expected": r.frames_expected.get(),
                "loss": self.frame_loss(),
                "damaged": r.damaged.get(),
                "strays": r.strays.get(),
                "unstamped": r.unstamped.get(),
            },
            "keyframes_asked": r.keyframes_asked.get(),
            "independent": self.independent,
            "server": {
                "processor_s": work.processor.map(|time| time.as_secs_f64()),
                "cores": work.cores(),
                "micros_per_packet": work.micros_per_packet(),
                "memory": {
                    "fresh": work.fresh,
                    "before": work.before,
                    "full": work.full,
                    "after": self.left.resident,
                    "growth": self.memory_growth(),
                },
                "participants_left": self.left.participants,
                "sessions_left": self.left.sessions,
            },
            "bots": { "processor_s": work.bots.as_secs_f64(), "share": work.bots_share() },
            "network": self.carried,
            "samples": self.samples,
        })
    }

    /// The report as one HTML page that needs nothing else.
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    fn packet_loss(&self) -> f64 {
        missing(self.recorder.packets.get(), self.recorder.packets_expected.get())
    }

    fn frame_loss(&self) -> f64 {
        missing(self.recorder.frames.get(), self.recorder.frames_expected.get())
    }

    /// The share of the time that pictures stood still for too long.
    fn frozen_share(&self) -> f64 {
        let gaps = self.recorder.picture_gap.total().as_secs_f64();
        if gaps == 0.0 { 0.0 } else { self.recorder.frozen.get() as f64 / 1e6 / gaps }
    }
}

/// The share that did not come.
fn missing(came: u64, expected: u64) -> f64 {
    if expected == 0 { 0.0 } else { expected.saturating_sub(came) as f64 / expected as f64 }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Two participants, ten seconds, ten packets of which nine came.
    pub(super) fn report() -> Report {
        let recorder = Recorder::default();
        recorder.begin();
        recorder.packets.add(9);
        recorder.packets_expected.add(10);
        for ms in 1..=100 {
            recorder.video_delay.record(Duration::from_millis(ms));
            recorder.picture_gap.record(Duration::from_millis(33));
        }
        let delay = recorder.video_delay.summary();
        Report {
            scenario: "small <one>".into(),
            about: "two & no more".into(),
            participants: 2,
            joins: 2,
            leaves: 2,
            churned: false,
            came: Duration::from_secs(1),
            work: Work {
                measured: Duration::from_secs(10),
                processor: Some(Duration::from_micros(180)),
                bots: Duration::from_secs(19),
                bots_cores: 2,
                forwarded: 9,
                fresh: Some(90 << 20),
                before: Some(100 << 20),
                full: Some(120 << 20),
            },
            left: Left { participants: Some(0), sessions: Some(0), resident: Some(104 << 20) },
            independent: None,
            carried: None,
            failures: BTreeMap::new(),
            recorder: Arc::new(recorder),
            samples: (1..=10_u8)
                .map(|second| Sample {
                    at: second.into(),
                    participants: 2,
                    packets_per_second: 1.0,
                    processor: Some(0.2),
                    resident: Some(120 << 20),
                    delay: (second > 3).then_some(delay),
                })
                .collect(),
        }
    }

    #[test]
    fn the_key_figure_is_time_over_packets() {
        let report = report();
        assert_eq!(report.work.micros_per_packet(), Some(20.0));
        assert_eq!(Work { forwarded: 0, ..report.work }.micros_per_packet(), None);
        let json = report.to_json();
        assert_eq!(json["server"]["micros_per_packet"], 20.0);
        assert_eq!((&json["packets"]["loss"], &json["frozen_share"]), (&0.1.into(), &0.0.into()));
        let text = report.to_string();
        assert!(text.contains("20.00 µs per forwarded packet"), "{text}");
        assert!(text.contains("95.0 % of their 2 cores: too much"), "{text}");
        assert!(text.contains("10.0000 % of 10") && text.contains("(+4.0 %)"), "{text}");
    }

    #[test]
    fn memory_has_to_be_back_after_a_churn() {
        let mut report = report();
        report.left.resident = Some(106 << 20);
        assert_eq!(report.faults().len(), 0);
        report.churned = true;
        assert!(report.faults()[0].contains("6.0 %"), "{:?}", report.faults());
        report.left.resident = Some(104 << 20);
        assert_eq!(report.faults().len(), 0);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let mut report = report();
        assert_eq!(report.faults(), Vec::<String>::new());
        report.failures.insert("the room is full".into(), 3);
        report.recorder.damaged.one();
        report.recorder.unstamped.one();
        report.left.sessions = Some(2);
        let faults = [
            "3 failed: the room is full",
            "1 frames were damaged on the way",
            "1 frames came without a stamp",
            "2 peer connections were left when all had gone",
        ];
        assert_eq!(report.faults(), faults);
        // The sound of independent bots has none.
        report.independent = Some(Independent { bots: 1, packets: 9, lost: 0, damaged: 0 });
        assert_eq!(report.faults().len(), 3);
        report.work.forwarded = 0;
        assert!(report.to_string().contains("FAULT: no media"));
    }
}
