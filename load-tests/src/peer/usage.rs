//! Processor time: of the server, of this process, and of whoever else is on the machine.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::process::Process;

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
        let of_each = server.iter().map(|pid| Process::new(*pid).processor_time());
        let server = of_each.sum::<anyhow::Result<_>>()?;
        let own = Process::new(std::process::id()).processor_time()?;
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

/// All that `/proc/stat` counts as work, of all processors.
fn of_machine() -> anyhow::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    // A tick is 10 ms: see `process.rs`.
    machine_ticks(&stat)
        .map(|ticks| Duration::from_millis(10 * ticks))
        .context("/proc/stat is not as proc(5) has it")
}

fn machine_ticks(stat: &str) -> Option<u64> {
    let all = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let fields: Vec<u64> = all.split_whitespace().map_while(|field| field.parse().ok()).collect();
    // user, nice, system, irq, softirq; not idle, iowait and what other machines took.
    [0, 1, 2, 5, 6].into_iter().map(|field| fields.get(field).copied()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_machine_did_not_do_is_no_work() {
        assert_eq!(machine_ticks("cpu  1 2 4 800 900 8 16 700 0 0\ncpu0 9 9 9"), Some(31));
        assert_eq!(machine_ticks("intr 1"), None);
    }

    #[test]
    fn work_shows_as_time() {
        let before = Usage::now(&[std::process::id()]).unwrap();
        let begun = Instant::now();
        let used = loop {
            let used = Usage::now(&[std::process::id()]).unwrap().since(&before);
            let least = used.own.min(used.server);
            if least >= Duration::from_millis(50) || begun.elapsed() > Duration::from_secs(20) {
                break used;
            }
        };
        // The two are not looked at in the same moment.
        assert!(used.own.min(used.server) >= Duration::from_millis(50), "{used:?}");
        assert!(Usage::now(&[u32::MAX]).is_err());
    }
}
