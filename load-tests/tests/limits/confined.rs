//! A server that owns nothing: a user without rights, a file system to read, a control group with a limit.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::server::{Server, binary};

/// Where the file system is made read-only, and all rights are given up. `$0` is the server's program, `$1`
/// the control group; the state directory is a file system of its own, as a volume or a `StateDirectory` is.
const CONFINE: &str = r#"
set -e
state=$ORIEL__SERVER__STATE_DIR
mount --make-rprivate /
mount -t tmpfs -o size=128m,mode=0700,uid=65534,gid=65534 state "$state"
# Where it was built, that user may have no way to it.
cp "$0" "$state/oriel"
while read -r _ point type _; do
    case $type in proc | sysfs | cgroup* | devpts) continue ;; esac
    [ "$point" = "$state" ] || mount -o remount,bind,ro "$point"
done </proc/self/mounts
cd "$state"
echo $$ >"$1/cgroup.procs"
exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
    --no-new-privs "$state/oriel"
"#;

/// A control group for memory; gone when dropped.
pub(crate) struct Group {
    folder: PathBuf,
    is_version_2: bool,
}

impl Group {
    /// Allows so many bytes; `None`, and one line, where this machine lets nobody make one.
    pub(crate) fn of(bytes: u64) -> Option<Group> {
        let name = format!("oriel-test-{}", std::process::id());
        let roots = [
            ("/sys/fs/cgroup", "cgroup.controllers", "memory.max", true),
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.limit_in_bytes", false),
        ];
        for (root, has, limit, is_version_2) in roots {
            let root = Path::new(root);
            // With version 1 the first is a plain folder, in which files can be made at will.
            if !root.join(has).exists() {
                continue;
            }
            if is_version_2 {
                // Fails where the controller is on already, or not to be had.
                let _ = fs::write(root.join("cgroup.subtree_control"), "+memory");
            }
            let group = Group { folder: root.join(&name), is_version_2 };
            let made = fs::create_dir(&group.folder).is_ok();
            let limited = fs::OpenOptions::new().write(true).open(group.folder.join(limit));
            let limited = limited.and_then(|mut file| file.write_all(bytes.to_string().as_bytes()));
            if made && limited.is_ok() {
                return Some(group);
            }
        }
        let reason = "this machine lets nobody make control groups (that takes root)";
        // Past what the test harness hides of tests that pass.
        drop(writeln!(std::io::stderr(), "a test of limits skipped: {reason}"));
        None
    }

    /// How many processes the kernel has killed here.
    pub(crate) fn kills(&self) -> u64 {
        let file = if self.is_version_2 { "memory.events" } else { "memory.oom_control" };
        let text = fs::read_to_string(self.folder.join(file)).unwrap();
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.unwrap().trim().parse().unwrap()
    }

    /// The most that was ever in use.
    pub(crate) fn peak(&self) -> u64 {
        let file = if self.is_version_2 { "memory.peak" } else { "memory.max_usage_in_bytes" };
        fs::read_to_string(self.folder.join(file)).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The server in it may take a moment to be gone.
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// Starts the server in a control group, as nobody, with nothing to write to but its state.
pub(crate) fn start(group: &Group, settings: &[(&str, &str)]) -> Server {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", CONFINE]).arg(binary()).arg(&group.folder);
    command.envs(settings.iter().copied());
    let server = Server::run(command);
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(line("Uid:"), ["65534"; 4]);
    assert_eq!(line("CapEff:"), ["0000000000000000"]);
    assert_eq!(line("NoNewPrivs:"), ["1"]);
    let mounts = fs::read_to_string(format!("/proc/{}/mounts", server.pid())).unwrap();
    let root = mounts.lines().find(|line| line.split(' ').nth(1) == Some("/")).unwrap();
    assert!(root.split(' ').nth(3).unwrap().split(',').any(|option| option == "ro"), "{root}");
    server
}
