//! The report as a table for people.

use std::fmt;

use super::{Findings, Left, Work};
use crate::measure::Summary;

/// The share of their processors at which bots come too late to what they are to measure.
const BUSY: f64 = 0.8;

impl fmt::Display for dyn Findings + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.name(), self.about())?;
        for (name, value) in self.rows() {
            writeln!(f, "  {name:<15} {value}")?;
        }
        for fault in self.faults() {
            writeln!(f, "  FAULT: {fault}")?;
        }
        Ok(())
    }
}

/// Where times lie, in a line.
pub(crate) fn times(times: Summary) -> String {
    match times.count {
        0 => "none".to_owned(),
        _ => format!(
            "p50 {:>7.1}   p95 {:>7.1}   p99 {:>7.1}   max {:>7.1} ms   ({} values)",
            times.p50, times.p95, times.p99, times.max, times.count
        ),
    }
}

/// What a run took of the machine, and what it left behind: the last rows of every table.
pub(crate) fn costs(work: &Work, left: &Left) -> Vec<(&'static str, String)> {
    let share = work.bots_share();
    let mut bots = format!("{:.1} % of their {} cores", share * 100.0, work.bots_cores);
    if share > BUSY {
        bots += ": too much for delays, gaps and losses to be the server's";
    }
    let mut rows = vec![("bots", bots)];
    if let (Some(before), Some(full)) = (work.before, work.full) {
        let mut memory = format!("{} before, {} with all", mebibytes(before), mebibytes(full));
        if let (Some(after), Some(growth)) = (left.resident, work.memory_growth(left)) {
            memory += &format!(", {} after ({:+.1} %)", mebibytes(after), growth * 100.0);
        }
        rows.push(("memory", memory));
    }
    if let (Some(participants), Some(sessions)) = (left.participants, left.sessions) {
        let left = format!("{participants} participants, {sessions} peer connections");
        rows.push(("left behind", left));
    }
    rows
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
