//! What came of a run in which participants met and heard and saw each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Findings, Left, Sample, Work, failed, html, table};
use crate::measure::{Recorder, Summary};
use crate::relay::order::Stats;

/// How much of the memory before may be more afterwards, after a churn.
const MEMORY_GROWTH: f64 = 0.05;

/// What came of a run in which participants met.
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

impl Findings for Report {
    fn name(&self) -> &str {
        &self.scenario
    }

    fn about(&self) -> &str {
        &self.about
    }

    /// Loss and delay are measured, not judged.
    fn faults(&self) -> Vec<String> {
        let r = &self.recorder;
        let mut faults = failed(&self.failures, &self.left);
        // Where independent bots speak, there is sound without stamps.
        let unstamped = if self.independent.is_some() { 0 } else { r.unstamped.get() };
        let undecodable = self.independent.map_or(0, |heard| heard.damaged);
        for (count, what) in [
            (r.fallen.get(), "participants lost their connection"),
            (r.damaged.get(), "frames were damaged on the way"),
            (r.strays.get(), "frames came from another room"),
            (unstamped, "frames came without a stamp"),
            (undecodable, "packets of sound could not be decoded"),
        ] {
            if count > 0 {
                faults.push(format!("{count} {what}"));
            }
        }
        if let Some(growth) = self.work.memory_growth(&self.left)
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

    fn rows(&self) -> Vec<(&'static str, String)> {
        let r = &self.recorder;
        let work = &self.work;
        let mut rows = vec![
            (
                "joined",
                format!("{} in {:.1} s; {} left", self.joins, self.came.as_secs_f64(), self.leaves),
            ),
            ("connected", table::times(r.connect.summary())),
            ("saw or heard", table::times(r.join.summary())),
            ("video delay", table::times(r.video_delay.summary())),
            ("audio delay", table::times(r.audio_delay.summary())),
            ("picture gaps", table::times(r.picture_gap.summary())),
            (
                "freezes",
                format!("{}, {:.3} % of the time", r.freezes.get(), self.frozen_share() * 100.0),
            ),
            (
                "packets lost",
                format!("{:.4} % of {}", self.packet_loss() * 100.0, r.packets_expected.get()),
            ),
            (
                "frames",
                format!(
                    "{} verified, {:.4} % missing, {} damaged",
                    r.frames.get(),
                    self.frame_loss() * 100.0,
                    r.damaged.get()
                ),
            ),
        ];
        if r.headers_only.get() > 0 {
            let share = r.headers_only.get() as f64 / r.packets.get().max(1) as f64 * 100.0;
            rows.push((
                "by header only",
                format!("{share:.1} % of the packets were not decrypted"),
            ));
        }
        if let Some(Independent { bots, packets, lost, damaged }) = self.independent {
            let heard = format!(
                "{bots} decoded {packets} packets of sound; {lost} lost, {damaged} refused"
            );
            rows.push(("independent", heard));
        }
        if let Some(network) = self.carried {
            let lost = network.up.counts.lost + network.down.counts.lost;
            let delivered = network.up.counts.delivered + network.down.counts.delivered;
            rows.push(("network", format!("delivered {delivered} datagrams and lost {lost}")));
        }
        let seconds = work.measured.as_secs_f64();
        let rate = work.forwarded as f64 / seconds.max(f64::MIN_POSITIVE);
        rows.push((
            "forwarded",
            format!("{} packets in {seconds:.1} s: {rate:.0} a second", work.forwarded),
        ));
        if let (Some(cores), Some(micros)) = (work.cores(), work.micros_per_packet()) {
            let server =
                format!("{:.1} % of a core, {micros:.2} µs per forwarded packet", cores * 100.0);
            rows.push(("server", server));
        }
        rows.extend(table::costs(work, &self.left));
        rows
    }

    fn figures(&self) -> Vec<(&'static str, String)> {
        let recorder = &self.recorder;
        let delay = |times: Summary| match times.count {
            0 => "none".to_owned(),
            _ => format!("{:.1} / {:.1} ms", times.p50, times.p99),
        };
        let unknown = || "unknown".to_owned();
        vec![
            (
                "server time per packet",
                self.work.micros_per_packet().map_or_else(unknown, |t| format!("{t:.2} µs")),
            ),
            (
                "server",
                self.work.cores().map_or_else(unknown, |c| format!("{:.0} % of a core", c * 100.0)),
            ),
            ("video delay p50 / p99", delay(recorder.video_delay.summary())),
            ("audio delay p50 / p99", delay(recorder.audio_delay.summary())),
            ("join p50 / p99", delay(recorder.join.summary())),
            ("packets lost", format!("{:.3} %", self.packet_loss() * 100.0)),
        ]
    }

    fn plots(&self) -> String {
        let delay = |quantile: fn(Summary) -> f64| {
            html::over_time(&self.samples, |sample| sample.delay.map(quantile))
        };
        let packets = html::over_time(&self.samples, |s| Some(s.packets_per_second));
        let recorder = &self.recorder;
        [
            html::seconds(
                "Delay, ms",
                vec![
                    ("p50", delay(|d| d.p50)),
                    ("p95", delay(|d| d.p95)),
                    ("p99", delay(|d| d.p99)),
                ],
            ),
            html::shares(
                "Delay by share, ms",
                &[("video", &recorder.video_delay), ("audio", &recorder.audio_delay)],
            ),
            html::costs(&self.samples),
            html::seconds("Packets a second", vec![("", packets)]),
            html::shares(
                "Joins by share, ms",
                &[("connected", &recorder.connect), ("saw or heard", &recorder.join)],
            ),
            html::shares("Gaps between pictures by share, ms", &[("", &recorder.picture_gap)]),
        ]
        .concat()
    }

    fn to_json(&self) -> Value {
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
                    "growth": self.work.memory_growth(&self.left),
                },
                "participants_left": self.left.participants,
                "sessions_left": self.left.sessions,
            },
            "bots": { "processor_s": work.bots.as_secs_f64(), "share": work.bots_share() },
            "network": self.carried,
            "samples": self.samples,
        })
    }
}

impl Report {
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
    pub(in crate::report) fn report() -> Report {
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
        let text = (&report as &dyn Findings).to_string();
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
            "2 peer connections were left when all had gone",
            "1 frames were damaged on the way",
            "1 frames came without a stamp",
        ];
        assert_eq!(report.faults(), faults);
        // The sound of independent bots has none.
        report.independent = Some(Independent { bots: 1, packets: 9, lost: 0, damaged: 0 });
        assert_eq!(report.faults().len(), 3);
        report.work.forwarded = 0;
        assert!((&report as &dyn Findings).to_string().contains("FAULT: no media"));
    }
}
