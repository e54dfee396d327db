//! The memory that control groups allow this process, version 2 or 1 (Linux' admin-guide/cgroup-v2 and
//! cgroup-v1/memory).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A version 1 group without a limit has one that no machine reaches.
const UNLIMITED: u64 = 1 << 60;

/// A group with a limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    limit: u64,
    usage: PathBuf,
    stat: PathBuf,
    /// What the kernel takes back when it needs memory, as `memory.stat` calls it.
    reclaimable: &'static str,
}

impl Group {
    /// The group of this process, or the one above it, that allows the least; `None` where none has a
    /// limit.
    pub fn of_this_process() -> Option<Group> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        Group::tightest(&folders(&groups, Path::new("/sys/fs/cgroup")))
    }

    /// Of these folders the group that allows the least.
    pub(super) fn tightest(folders: &[PathBuf]) -> Option<Group> {
        folders.iter().filter_map(|folder| Group::read(folder)).min_by_key(|group| group.limit)
    }

    /// Bytes that may be in use.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes that are in use, without what the kernel would take back before it kills.
    ///
    /// # Errors
    /// When the files of the group cannot be read.
    pub fn used(&self) -> io::Result<u64> {
        let usage: u64 = number(&self.usage)?;
        let stat = fs::read_to_string(&self.stat)?;
        let reclaimable = stat.lines().find_map(|line| {
            line.strip_prefix(self.reclaimable)?.strip_prefix(' ')?.trim().parse::<u64>().ok()
        });
        Ok(usage.saturating_sub(reclaimable.unwrap_or(0)))
    }

    fn read(folder: &Path) -> Option<Group> {
        let group = |limit, usage, reclaimable| Group {
            limit,
            usage: folder.join(usage),
            stat: folder.join("memory.stat"),
            reclaimable,
        };
        // "max" is no number, and no limit.
        if let Ok(limit) = number(&folder.join("memory.max")) {
            return Some(group(limit, "memory.current", "inactive_file"));
        }
        let limit = number(&folder.join("memory.limit_in_bytes")).ok()?;
        (limit < UNLIMITED).then(|| group(limit, "memory.usage_in_bytes", "total_inactive_file"))
    }
}

fn number(path: &Path) -> io::Result<u64> {
    let text = fs::read_to_string(path)?;
    text.trim().parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// Where the memory of the groups of `/proc/self/cgroup` stands, the own ones first, then those above. A
/// container may see its own group as the root of all, whatever the path says: so the root is among them.
fn folders(groups: &str, mount: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let root = match controllers {
            "" => mount.to_owned(),
            some if some.split(',').any(|one| one == "memory") => mount.join("memory"),
            _ => continue,
        };
        let own = root.join(path.trim_start_matches('/'));
        let above = own.ancestors().take_while(|folder| folder.starts_with(&root));
        folders.extend(above.map(Path::to_owned));
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, files: &[(&str, &str)]) {
        fs::create_dir_all(folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
    }

    #[test]
    fn the_tightest_group_of_version_2_counts() {
        let mount = tempfile::tempdir().unwrap();
        let slice = mount.path().join("system.slice");
        write(&slice.join("oriel.service"), &[("memory.max", "max\n")]);
        let stat = "anon 1\ninactive_file 100\nactive_file 5\n";
        write(
            &slice,
            &[("memory.max", "1000\n"), ("memory.current", "700\n"), ("memory.stat", stat)],
        );
        write(mount.path(), &[]);
        let folders = folders("0::/system.slice/oriel.service\n", mount.path());
        assert_eq!(folders.len(), 3);
        let group = Group::tightest(&folders).unwrap();
        assert_eq!((group.limit(), group.used().unwrap()), (1_000, 600));
    }

    #[test]
    fn version_1_has_its_own_names_and_no_limit_is_a_large_number() {
        let mount = tempfile::tempdir().unwrap();
        let own = mount.path().join("memory/docker/abc");
        let unlimited = "9223372036854771712\n";
        write(&own, &[("memory.limit_in_bytes", unlimited)]);
        let text = "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/\n";
        assert_eq!(Group::tightest(&folders(text, mount.path())), None);
        write(
            &own,
            &[
                ("memory.limit_in_bytes", "536870912\n"),
                ("memory.usage_in_bytes", "1048576\n"),
                ("memory.stat", "cache 3\ninactive_file 1\ntotal_inactive_file 48576\n"),
            ],
        );
        let group = Group::tightest(&folders(text, mount.path())).unwrap();
        assert_eq!((group.limit(), group.used().unwrap()), (512 << 20, 1_000_000));
    }

    #[test]
    fn nonsense_has_no_group() {
        assert!(folders("", Path::new("/x")).is_empty());
        assert!(folders("memory\n1:\n2:cpu:/a\n", Path::new("/x")).is_empty());
    }
}
