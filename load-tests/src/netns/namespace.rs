//! One namespace: how programs and threads get into it, and how it goes.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::thread;

use rustix::process::{Pid, Signal, getpid, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde::Serialize;

use super::NetworkError;
use super::commands::run;

/// Where `ip netns` keeps the namespaces that have names.
const NAMESPACES: &str = "/run/netns";

/// The first part of our namespaces' names; the process's id comes next.
pub(super) const PREFIX: &str = "oriel";

/// A place in the network where programs can run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Host {
    /// The namespace's name, for `ip netns exec`.
    pub namespace: String,
    /// Its address.
    pub ipv4: Ipv4Addr,
    /// Its address.
    pub ipv6: Ipv6Addr,
}

impl Host {
    /// Starts to describe a program that is to run here.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program);
        command
    }

    /// Runs something here on a thread of its own: the sockets that it opens, and the threads that
    /// it starts, are here as well.
    ///
    /// # Errors
    ///
    /// When the namespace is gone.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NetworkError> {
        enter(&self.namespace, work)
    }
}

fn enter<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> Result<T, NetworkError> {
    let failed = |error: io::Error| NetworkError::Enter(name.to_owned(), error);
    let namespace = File::open(Path::new(NAMESPACES).join(name)).map_err(failed)?;
    let entered = thread::scope(|scope| {
        let there = scope.spawn(|| {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(work())
        });
        there.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    entered.map_err(|error: rustix::io::Errno| failed(error.into()))
}

/// Whether this process may make networks; if not, the reason in one line.
pub fn missing_rights() -> Option<&'static str> {
    /// CAP_NET_ADMIN and CAP_SYS_ADMIN of capability.h.
    const NEEDED: u64 = 1 << 12 | 1 << 21;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default();
    (effective & NEEDED != NEEDED).then_some("network namespaces need root")
}

/// A namespace by its name; it goes when this is dropped, with the programs in it.
#[derive(Debug)]
pub(super) struct Namespace(pub(super) String);

impl Namespace {
    pub(super) fn add(name: String) -> Result<Namespace, NetworkError> {
        run("ip", &["netns", "add", &name], "")?;
        let namespace = Namespace(name);
        // Nobody else is here to have the same address. Who asks first has it a second later, and a
        // browser that is loading a page then gives up: its network has changed.
        namespace.set("net/ipv6/conf/default/accept_dad", "0")?;
        Ok(namespace)
    }

    /// Writes to files below `/proc/sys`, which are about the namespace of the thread that opens them.
    fn set(&self, file: &str, value: &str) -> Result<(), NetworkError> {
        let written = enter(&self.0, || fs::write(Path::new("/proc/sys").join(file), value))?;
        written.map_err(|error| NetworkError::Enter(self.0.clone(), error))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.0);
    }
}

/// Removes the namespaces of processes that are no more.
pub(super) fn sweep() {
    let Ok(entries) = fs::read_dir(NAMESPACES) else { return };
    for name in entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').nth(1));
        let dead = |pid: u32| !Path::new(&format!("/proc/{pid}")).exists();
        if owner.and_then(|pid| pid.parse().ok()).is_some_and(dead) {
            remove(&name);
        }
    }
}

/// Ends what runs in a namespace, and removes it. What fails is swept by the next network.
fn remove(name: &str) {
    let pids = run("ip", &["netns", "pids", name], "").unwrap_or_default();
    for pid in pids.lines().filter_map(|pid| Pid::from_raw(pid.trim().parse().ok()?)) {
        if pid != getpid() {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    let _ = run("ip", &["netns", "delete", name], "");
}

/// Makes a router of a namespace.
pub(super) fn forward(namespace: &Namespace) -> Result<(), NetworkError> {
    namespace.set("net/ipv4/ip_forward", "1")?;
    namespace.set("net/ipv6/conf/all/forwarding", "1")
}
