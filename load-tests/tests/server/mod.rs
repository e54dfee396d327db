//! The real server as a child process, on ports that nobody else has.

// Each test file starts it in its own way.
#![allow(dead_code)]

use std::env;
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use load_tests::netns::Host;

/// How long the server may take until it is ready.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// What the server prints before its address once it is ready.
const READY: &str = "Oriel is ready: ";

/// A running server; it ends when this is dropped.
pub(crate) struct Server {
    child: Child,
    url: String,
    log: Arc<Mutex<String>>,
    state: tempfile::TempDir,
}

impl Server {
    /// Starts the server on free ports and waits until it is ready.
    pub(crate) fn start() -> Server {
        Server::start_with(&[("ORIEL__SFU__UDP_PORT", "0".to_owned())])
    }

    /// As [`Server::start`], with variables that configure more.
    pub(crate) fn start_with(settings: &[(&str, String)]) -> Server {
        let mut command = Command::new(binary());
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        Server::run(command)
    }

    /// As [`Server::start`], at a place of a network of namespaces, reached by one address of it.
    pub(crate) fn start_on(place: &Host, address: IpAddr) -> Server {
        let mut command = place.command(binary());
        command
            .env("ORIEL__SERVER__BIND", format!("[\"{address}\"]"))
            .env("ORIEL__SERVER__DEV_PUBLIC", "true")
            .env("ORIEL__SFU__BIND", format!("[\"{address}\"]"))
            .env("ORIEL__SFU__UDP_PORT", "0");
        Server::run(command)
    }

    /// As [`Server::start`], by a command that ends up as the server in the same process.
    pub(crate) fn run(mut command: Command) -> Server {
        let state = tempfile::tempdir().expect("a directory for the server's state");
        let mut child = command
            .current_dir(state.path())
            .env("ORIEL__SERVER__HTTP_PORT", "0")
            .env("ORIEL__SERVER__INTERNAL_PORT", "0")
            .env("ORIEL__SERVER__STATE_DIR", state.path())
            .env("ORIEL__SFU__TCP_PORT", "0")
            .env("ORIEL__TURN__PORT", "0")
            .env("ORIEL__TURN__TLS_PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("a pipe");
        thread::spawn({
            let log = Arc::clone(&log);
            move || keep(stderr, &log)
        });
        let (ready, is_ready) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        thread::spawn(move || {
            // Read to the end, or the server would block on a full pipe.
            for line in stdout.lines().map_while(Result::ok) {
                if let Some(url) = line.strip_prefix(READY) {
                    let _ = ready.send(url.trim().to_owned());
                }
            }
        });
        let mut server = Server { child, url: String::new(), log, state };
        match is_ready.recv_timeout(START_TIMEOUT) {
            Ok(url) => server.url = url,
            Err(error) => panic!("the server did not get ready: {error}"),
        }
        server
    }

    /// `http://127.0.0.1:port`
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Its page of counters, `http://127.0.0.1:port/metrics`.
    pub(crate) fn metrics(&self) -> String {
        // It is logged before the server is ready; who reads the log may be behind.
        let begun = Instant::now();
        while begun.elapsed() < START_TIMEOUT {
            let log = self.log.lock().expect("the log").clone();
            let address =
                log.split(" internal=").nth(1).and_then(|rest| rest.split_whitespace().next());
            if let Some(address) = address {
                return format!("http://{address}/metrics");
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the server did not log its internal address");
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// How it has ended; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child")
    }

    /// What `oriel token --service` prints.
    pub(crate) fn service_token(&self) -> String {
        let output = Command::new(binary())
            .args(["token", "--service"])
            .env("ORIEL__SERVER__STATE_DIR", self.state.path())
            .output()
            .expect("the server's program runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("the server's log:\n{}", self.log.lock().expect("the log"));
        }
    }
}

/// Keeps what is written to a pipe.
fn keep(pipe: impl Read, log: &Mutex<String>) {
    for line in BufReader::new(pipe).lines().map_while(Result::ok) {
        let mut log = log.lock().expect("the log");
        log.push_str(&line);
        log.push('\n');
    }
}

/// The server to test: `ORIEL_BIN`, or the one beside this test, built if it is not there.
///
/// Within the workspace `cargo test` builds it before any test runs; alone, this crate's tests use
/// what was built last.
pub(crate) fn binary() -> PathBuf {
    if let Some(path) = env::var_os("ORIEL_BIN") {
        return path.into();
    }
    // target/PROFILE/deps/THIS → target/PROFILE
    let this = env::current_exe().expect("the path of this test");
    let profile = this.ancestors().nth(2).expect("a target directory");
    let binary = profile.join(format!("oriel{}", env::consts::EXE_SUFFIX));
    if !binary.exists() {
        build(profile);
    }
    binary
}

/// Has cargo build the server into the directory of a profile.
fn build(profile: &Path) {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--package", "signaling", "--bin", "oriel", "--target-dir"])
        .arg(profile.parent().expect("a target directory"))
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo runs");
    assert!(status.success(), "the server could not be built: {status}");
}
