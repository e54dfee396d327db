//! Processor time: of the server, of this process, and of whoever else is on the machine.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::param::clock_ticks_per_second;

/// What has been used up to a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    at: Instant,
    server: Duration,
    own: Duration,
    machine: Duration,
}

/// What was used between two moments.
#[derive(Debug, Clone, Copy)]
pub(super) struct Used {
    pub(super) time: Duration,
    /// User and system time of the server's processes.
    pub(super) server: Duration,
    /// The same of this process.
    pub(super) own: Duration,
    /// What all processors did for neither of them.
    pub(super) foreign: Duration,
}

impl Usage {
    /// Looks now.
    ///
    /// # Errors
    ///
    /// When a process is not there, or `/proc` is not.
    pub(super) fn now(server: &[u32]) -> anyhow::Result<Usage> {
        let server = server.iter().map(|pid| of_process(*pid)).sum::<anyhow::Result<_>>()?;
        let own = of_process(std::process::id())?;
        Ok(Usage { at: Instant::now(), server, own, machine: of_machine()? })
    }

    /// What was used since `before`.
    pub(super) fn since(&self, before: &Usage) -> Used {
        let server = self.server.saturating_sub(before.server);
        let own = self.own.saturating_sub(before.own);
        let machine = self.machine.saturating_sub(before.machine);
        Used {
            time: self.at - before.at,
            server,
            own,
            foreign: machine.saturating_sub(server + own),
        }
    }
}

/// `utime` and `stime` of `/proc/PID/stat` (proc(5)): all threads, also those that have ended.
fn of_process(pid: u32) -> anyhow::Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path)
        .with_context(|| format!("cannot read {path}: is the process still there?"))?;
    process_ticks(&stat).map(ticks).with_context(|| format!("{path} is not as proc(5) has it"))
}

/// All that `/proc/stat` counts as work, of all processors.
fn of_machine() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    machine_ticks(&stat).map(ticks).context("/proc/stat is not as proc(5) has it")
}

fn process_ticks(stat: &str) -> Option<u64> {
    // The name before it may hold anything, parentheses and blanks too.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

fn machine_ticks(stat: &str) -> Option<u64> {
    let all = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let fields: Vec<u64> = all.split_whitespace().map_while(|field| field.parse().ok()).collect();
    // user, nice, system, irq, softirq; not idle, iowait and what other machines took.
    [0, 1, 2, 5, 6].into_iter().map(|field| fields.get(field).copied()).sum()
}

fn ticks(count: u64) -> Duration {
    Duration::from_nanos(count * (1_000_000_000 / clock_ticks_per_second().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_past_any_name() {
        let stat = "7 (a b) c)) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 9 9 20 0 5 0 1 2";
        assert_eq!(process_ticks(stat), Some(300));
        assert_eq!(process_ticks("7 (a)"), None);
        assert_eq!(machine_ticks("cpu  1 2 4 800 900 8 16 700 0 0\ncpu0 9 9 9"), Some(31));
        assert_eq!(machine_ticks("intr 1"), None);
    }

    #[test]
    fn work_shows_as_time() {
        let before = Usage::now(&[std::process::id()]).unwrap();
        let begun = Instant::now();
        let used = loop {
            let used = Usage::now(&[std::process::id()]).unwrap().since(&before);
            if used.own >= Duration::from_millis(50) || begun.elapsed() > Duration::from_secs(20) {
                break used;
            }
        };
        assert!(used.own >= Duration::from_millis(50), "{used:?}");
        assert_eq!(used.server, used.own);
        assert!(Usage::now(&[u32::MAX]).is_err());
    }
}
