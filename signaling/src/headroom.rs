//! What the system leaves this process: memory within its control group, and open files. Where one of them
//! gets short newcomers are turned away, before the system turns on those who are there.

use std::fs;
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signaling_core::error::{ErrorCode, RequestError};

use self::cgroup::Group;
use crate::trim;

pub mod cgroup;

/// How often it is looked.
const INTERVAL: Duration = Duration::from_millis(250);
/// From so many hundredths of the allowed memory on nobody new may join.
const NO_NEWCOMERS: u64 = 80;
/// From so many on no connection is accepted: each costs memory before it has said what it wants.
const NO_CONNECTIONS: u64 = 90;
/// Open files that are kept for the internal port, media by TCP, relays and certificates.
const SPARE_FILES: u64 = 64;
/// How often unused memory is given back to the system while it is short.
const TRIM_EVERY: u32 = 20;

/// Looks at what is left. Clones are the same.
#[derive(Debug, Clone)]
pub struct Headroom {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    group: Option<Group>,
    files: u64,
    /// What was seen last.
    memory_level: AtomicU8,
    memory_used: AtomicU64,
    is_short_of_files: AtomicBool,
}

impl Headroom {
    /// Of this process, with as many open files as it may ask for.
    pub fn of_this_process() -> Headroom {
        let files = raise_files();
        let group = Group::of_this_process();
        if let Some(group) = &group {
            tracing::info!(
                mebibytes = group.limit() >> 20,
                "the control group limits the memory; newcomers are refused from {NO_NEWCOMERS} % on"
            );
        }
        Headroom::new(group, files)
    }

    fn new(group: Option<Group>, files: u64) -> Headroom {
        Headroom {
            shared: Arc::new(Shared {
                group,
                files,
                memory_level: AtomicU8::new(0),
                memory_used: AtomicU64::new(0),
                is_short_of_files: AtomicBool::new(false),
            }),
        }
    }

    /// Whether somebody new may join.
    ///
    /// # Errors
    /// [`ErrorCode::Busy`] while memory is short.
    pub fn newcomer(&self) -> Result<(), RequestError> {
        if u64::from(self.shared.memory_level.load(Ordering::Relaxed)) < NO_NEWCOMERS {
            return Ok(());
        }
        Err(RequestError::new(
            ErrorCode::Busy,
            "the server has no memory left for newcomers; try again in a moment",
        ))
    }

    /// Whether connections may be accepted.
    pub fn takes_connections(&self) -> bool {
        let level = u64::from(self.shared.memory_level.load(Ordering::Relaxed));
        level < NO_CONNECTIONS && !self.shared.is_short_of_files.load(Ordering::Relaxed)
    }

    /// Notes the file of a connection that was accepted. The system gives out the lowest number that is
    /// free, so a high one tells at once what the next look would.
    pub fn accepted(&self, file: RawFd) {
        let number = u64::try_from(file).unwrap_or(u64::MAX);
        if number.saturating_add(self.spare_files()) >= self.shared.files {
            self.look_at_files();
        }
    }

    /// What is short, for people; nothing while there is enough.
    pub fn shortages(&self) -> Vec<String> {
        let mut shortages = Vec::new();
        if let Err(error) = self.newcomer() {
            let used = self.shared.memory_used.load(Ordering::Relaxed) >> 20;
            let limit = self.shared.group.as_ref().map_or(0, Group::limit) >> 20;
            shortages.push(format!("{} ({used} of {limit} MiB are in use)", error.message));
        }
        if self.shared.is_short_of_files.load(Ordering::Relaxed) {
            shortages.push(format!(
                "nearly all of the {} open files are in use: no connections are accepted; raise the \
                 limit (LimitNOFILE=, ulimit -n)",
                self.shared.files
            ));
        }
        shortages
    }

    /// Looks again and again, for ever.
    pub async fn watch(self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut short_for = 0u32;
        loop {
            ticks.tick().await;
            self.look_at_files();
            self.look_at_memory();
            if self.newcomer().is_ok() {
                short_for = 0;
                continue;
            }
            if short_for.is_multiple_of(TRIM_EVERY) {
                // What rooms have freed is the allocator's still, and would keep newcomers out for ever.
                drop(tokio::task::spawn_blocking(trim::give_back).await);
            }
            short_for = short_for.saturating_add(1);
        }
    }

    fn look_at_memory(&self) {
        let Some(group) = &self.shared.group else { return };
        let used = match group.used() {
            Ok(used) => used,
            Err(error) => return tracing::debug!(%error, "the control group cannot be read"),
        };
        let level = used.saturating_mul(100) / group.limit().max(1);
        let level = u8::try_from(level).unwrap_or(u8::MAX);
        self.shared.memory_used.store(used, Ordering::Relaxed);
        let before = self.shared.memory_level.swap(level, Ordering::Relaxed);
        let short = |level| u64::from(level) >= NO_NEWCOMERS;
        match (short(before), short(level)) {
            (false, true) => tracing::warn!(percent = level, "memory is short: nobody new gets in"),
            (true, false) => tracing::info!(percent = level, "there is memory for newcomers again"),
            _ => {}
        }
    }

    fn look_at_files(&self) {
        let Ok(open) = open_files() else { return };
        let is_short = open.saturating_add(self.spare_files()) >= self.shared.files;
        if self.shared.is_short_of_files.swap(is_short, Ordering::Relaxed) != is_short {
            let limit = self.shared.files;
            if is_short {
                tracing::warn!(open, limit, "open files are short: no connections are accepted");
            } else {
                tracing::info!(open, limit, "connections are accepted again");
            }
        }
    }

    /// Of a small limit a quarter.
    fn spare_files(&self) -> u64 {
        SPARE_FILES.min(self.shared.files / 4)
    }
}

/// The open files that this process may have, as many as it may ask for.
pub fn allowed_files() -> u64 {
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// Asks for as many open files as the process may have; returns how many it has.
fn raise_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum.unwrap_or(u64::MAX),
        Err(error) => {
            tracing::debug!(%error, "the limit of open files stays as it is");
            current.unwrap_or(u64::MAX)
        }
    }
}

/// The files that this process has open.
fn open_files() -> io::Result<u64> {
    // Linux 6.2 and newer tell the number as the directory's size; before that they are to be counted.
    match fs::metadata("/proc/self/fd")?.len() {
        0 => Ok(fs::read_dir("/proc/self/fd")?.count() as u64),
        open => Ok(open),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn group(limit: u64, used: u64) -> (tempfile::TempDir, Group) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("memory.max"), format!("{limit}\n")).unwrap();
        fs::write(folder.path().join("memory.current"), format!("{used}\n")).unwrap();
        fs::write(folder.path().join("memory.stat"), "inactive_file 0\n").unwrap();
        let group = Group::tightest(&[folder.path().to_owned()]).unwrap();
        (folder, group)
    }

    #[test]
    fn newcomers_are_refused_before_connections_are() {
        for (used, newcomers, connections) in
            [(0, true, true), (799, true, true), (800, false, true), (900, false, false)]
        {
            let (_folder, group) = group(1_000, used);
            let headroom = Headroom::new(Some(group), u64::MAX);
            headroom.look_at_memory();
            assert_eq!(headroom.newcomer().is_ok(), newcomers, "{used}");
            assert_eq!(headroom.takes_connections(), connections, "{used}");
            assert_eq!(headroom.shortages().is_empty(), newcomers, "{used}");
        }
    }

    #[test]
    fn there_is_room_again_when_memory_is() {
        let (folder, group) = group(1_000, 990);
        let headroom = Headroom::new(Some(group), u64::MAX);
        headroom.look_at_memory();
        assert!(headroom.newcomer().is_err());
        fs::write(folder.path().join("memory.current"), "10\n").unwrap();
        headroom.look_at_memory();
        assert!(headroom.newcomer().is_ok());
    }

    #[test]
    fn files_are_counted() {
        let before = open_files().unwrap();
        let files: Vec<File> = (0..40).map(|_| File::open("/dev/null").unwrap()).collect();
        assert!(open_files().unwrap() >= before + 20);
        let tight = Headroom::new(None, open_files().unwrap() + 8);
        tight.accepted(RawFd::MAX);
        assert!(!tight.takes_connections());
        assert!(tight.shortages()[0].contains("open files"), "{:?}", tight.shortages());
        assert!(tight.newcomer().is_ok());
        drop(files);
        let roomy = Headroom::new(None, 1 << 20);
        roomy.accepted(RawFd::MAX);
        assert!(roomy.takes_connections());
    }
}
