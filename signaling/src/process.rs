//! This process as the system sees it: processor time and memory, from `/proc`.

use std::fs;
use std::time::Duration;

/// What a tick of proc(5) is: `USER_HZ` is 100 on every architecture that Linux has kept since 2.6.
const TICK: Duration = Duration::from_millis(10);

/// What the process has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of all threads, what the kernel did for them too.
    pub processor: Duration,
    /// Bytes of resident memory.
    pub memory: u64,
}

impl Usage {
    /// Looks now. Nothing where there is no `/proc`.
    pub fn now() -> Usage {
        let read =
            |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        Usage {
            processor: TICK * ticks(&read("stat")).unwrap_or_default(),
            memory: memory(&read("status")).unwrap_or_default(),
        }
    }
}

/// `utime` and `stime`. The program's name stands in parentheses and may hold anything, these too.
fn ticks(stat: &str) -> Option<u32> {
    let mut fields = stat.rsplit_once(") ")?.1.split_whitespace();
    let user: u32 = fields.nth(11)?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some(user.saturating_add(system))
}

/// `VmRSS`.
fn memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_has_memory_and_time() {
        assert!(Usage::now().memory > 1 << 20);
        let stat = "1 (a) b) S 1 1 1 0 -1 4194560 1 1 1 1 250 50 0 0 20 0";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("nonsense"), None);
    }
}
