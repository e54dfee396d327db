//! The server as the system sees it: processor time and memory of one process, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// What a tick of proc(5) is: `USER_HZ` is 100 on every architecture that Linux has kept since 2.6,
/// whatever the kernel's own clock does.
const TICK: Duration = Duration::from_millis(10);

/// A process on this machine.
#[derive(Debug, Clone, Copy)]
pub struct Process(u32);

impl Process {
    /// The process with this number.
    pub fn new(pid: u32) -> Process {
        Process(pid)
    }

    /// Resident memory in bytes (`VmRSS` of proc(5)).
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub fn resident(self) -> anyhow::Result<u64> {
        self.memory("VmRSS")
    }

    /// The most resident memory that it ever had, in bytes (`VmHWM` of proc(5)).
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub fn most_resident(self) -> anyhow::Result<u64> {
        self.memory("VmHWM")
    }

    fn memory(self, name: &str) -> anyhow::Result<u64> {
        let (path, status) = self.read("status")?;
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.trim().strip_suffix(" kB"))
            .and_then(|kilobytes| kilobytes.parse::<u64>().ok())
            .map(|kilobytes| kilobytes * 1_024)
            .with_context(|| format!("{path} tells no {name}: has the process ended?"))
    }

    /// Processor time of all threads so far, those that ended included, what the kernel did for them
    /// too (`utime` and `stime` of proc(5)); exact to 20 ms.
    ///
    /// # Errors
    ///
    /// When there is no such process.
    pub fn processor_time(self) -> anyhow::Result<Duration> {
        let (path, stat) = self.read("stat")?;
        // The program's name stands in parentheses and may hold anything, these too.
        let fields = stat.rsplit_once(") ").map(|(_, fields)| fields.split_whitespace());
        let ticks = fields.and_then(|mut fields| {
            let user: u32 = fields.nth(11)?.parse().ok()?;
            let system: u32 = fields.next()?.parse().ok()?;
            Some(user.saturating_add(system))
        });
        Ok(TICK * ticks.with_context(|| format!("{path} makes no sense: {stat}"))?)
    }

    fn read(self, name: &str) -> anyhow::Result<(String, String)> {
        let path = format!("/proc/{}/{name}", self.0);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        Ok((path, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn a_process_that_is_here_has_memory_and_works() {
        let process = Process::new(std::process::id());
        let now = process.resident().expect("this process");
        assert!(now > 1 << 20 && now <= process.most_resident().expect("this process"));
        let before = process.processor_time().expect("this process");
        let begun = Instant::now();
        while process.processor_time().expect("this process") < before + Duration::from_millis(30) {
            assert!(begun.elapsed() < Duration::from_secs(60), "it works and no time goes by");
        }
    }

    #[test]
    fn a_process_that_is_not_here_is_an_error() {
        let process = Process::new(u32::MAX);
        assert!(process.resident().is_err() && process.processor_time().is_err());
    }
}
