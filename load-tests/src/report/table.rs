//! The report as a table for people.

use std::fmt;

use super::{Independent, Report};
use crate::measure::Summary;

/// The share of their processors at which bots come too late to what they are to measure.
const BUSY: f64 = 0.8;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.scenario, self.about)?;
        for (name, value) in rows(self) {
            writeln!(f, "  {name:<15} {value}")?;
        }
        for fault in self.faults() {
            writeln!(f, "  FAULT: {fault}")?;
        }
        Ok(())
    }
}

/// A name and what is so, line by line.
pub(super) fn rows(report: &Report) -> Vec<(&'static str, String)> {
    let r = &report.recorder;
    let work = &report.work;
    let times = |times: Summary| match times.count {
        0 => "none".to_owned(),
        _ => format!(
            "p50 {:>7.1}   p95 {:>7.1}   p99 {:>7.1}   max {:>7.1} ms   ({} values)",
            times.p50, times.p95, times.p99, times.max, times.count
        ),
    };
    let mut rows = vec![
        (
            "joined",
            format!(
                "{} in {:.1} s; {} left",
                report.joins,
                report.came.as_secs_f64(),
                report.leaves
            ),
        ),
        ("connected", times(r.connect.summary())),
        ("saw or heard", times(r.join.summary())),
        ("video delay", times(r.video_delay.summary())),
        ("audio delay", times(r.audio_delay.summary())),
        ("picture gaps", times(r.picture_gap.summary())),
        (
            "freezes",
            format!("{}, {:.3} % of the time", r.freezes.get(), report.frozen_share() * 100.0),
        ),
        (
            "packets lost",
            format!("{:.4} % of {}", report.packet_loss() * 100.0, r.packets_expected.get()),
        ),
        (
            "frames",
            format!(
                "{} verified, {:.4} % missing, {} damaged",
                r.frames.get(),
                report.frame_loss() * 100.0,
                r.damaged.get()
            ),
        ),
    ];
    if r.headers_only.get() > 0 {
        let share = r.headers_only.get() as f64 / r.packets.get().max(1) as f64 * 100.0;
        rows.push(("by header only", format!("{share:.1} % of the packets were not decrypted")));
    }
    if let Some(Independent { bots, packets, lost, damaged }) = report.independent {
        let heard =
            format!("{bots} decoded {packets} packets of sound; {lost} lost, {damaged} refused");
        rows.push(("independent", heard));
    }
    if let Some(network) = report.carried {
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
    let share = work.bots_share();
    let mut bots = format!("{:.1} % of their {} cores", share * 100.0, work.bots_cores);
    if share > BUSY {
        bots += ": too much for delays, gaps and losses to be the server's";
    }
    rows.push(("bots", bots));
    if let (Some(before), Some(full)) = (work.before, work.full) {
        let mut memory = format!("{} before, {} with all", mebibytes(before), mebibytes(full));
        if let (Some(after), Some(growth)) = (report.left.resident, report.memory_growth()) {
            memory += &format!(", {} after ({:+.1} %)", mebibytes(after), growth * 100.0);
        }
        rows.push(("memory", memory));
    }
    if let (Some(participants), Some(sessions)) = (report.left.participants, report.left.sessions) {
        let left = format!("{participants} participants, {sessions} peer connections");
        rows.push(("left behind", left));
    }
    rows
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
