//! The server as a process of its own, that can be killed.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::server::{KEY, SECRET};

/// The server with the key of these tests.
pub(crate) struct Process {
    child: Child,
    pub(crate) host: String,
}

impl Process {
    /// With its state kept there.
    pub(crate) fn start(state: &TempDir, set: &[&str]) -> Process {
        let key = format!("auth.keys=[{{id=\"{KEY}\",secret=\"{SECRET}\"}}]");
        let set = [key.as_str()].into_iter().chain(set.iter().copied());
        let mut child = Command::new(env!("CARGO_BIN_EXE_oriel"))
            .env_clear()
            .env("ORIEL__SERVER__STATE_DIR", state.path())
            .env("ORIEL__SERVER__HTTP_PORT", "0")
            .env("ORIEL__SERVER__INTERNAL_PORT", "0")
            .env("ORIEL__SFU__UDP_PORT", "0")
            .env("ORIEL__SFU__TCP_PORT", "0")
            .env("ORIEL__SFU__WORKERS", "1")
            .env("ORIEL__ICE__TURN", "false")
            .args(set.flat_map(|pair| ["--set", pair]))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let host = line.trim_end().strip_prefix("Oriel is ready: http://");
        let host = host.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Process { child, host }
    }

    /// SIGKILL: nothing is written, nobody is told.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
