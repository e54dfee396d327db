//! Ten thousand connections that say nothing, a thousand allocations, and what is left of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod wire;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stun::message::{METHOD_ALLOCATE, METHOD_REFRESH};
use wire::{Wire, lifetime, udp};

/// Half of them begin a TLS handshake.
const FLOOD: usize = 10_000;

/// Allocations, half of them by TCP.
const ALLOCATIONS: usize = 1_000;

/// Open files that a process needs besides.
const SPARE: usize = 200;

/// Kilobytes that an allocator may keep of what it got.
const KEPT: usize = 16 << 10;

/// Each test has the machine's ports, and its time, for itself: what one does to them the other would count.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A program, ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Program {
    fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.0.id())).unwrap().count()
    }

    /// Resident memory in kilobytes.
    fn memory(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn eventually(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How many connections this process and its children may have, up to [`FLOOD`].
fn flood() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls read and write the one structure that they are given.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit), 0);
    }
    FLOOD.min((limit.rlim_cur as usize).saturating_sub(SPARE))
}

/// Starts the server, with two workers.
fn start(folder: &tempfile::TempDir) -> (Program, SocketAddr) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let cert = file("cert.pem", &made.cert.pem());
    let key = file("key.pem", &made.signing_key.serialize_pem());
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let config = file(
        "turn.toml",
        &format!(
            "[turn]\nbind = [\"127.0.0.1\"]\nport = {}\ntls_port = 0\nmax_connections = {}\n\
             workers = 2\nuser_quota = 0\nsource_quota = 0\nstranger_rate = 10000\n\
             [turn.users]\nada = \"lovelace\"\n[tls]\ncert = {cert:?}\nkey = {key:?}\n",
            address.port(),
            2 * FLOOD
        ),
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_oriel-turn"));
    let program = command.arg("--config").arg(config).args(["--log", "error"]);
    let program = Program(program.stdin(Stdio::null()).spawn().unwrap());
    eventually("it listens", || TcpStream::connect(address).is_ok());
    // The attempts that came to something are over by then.
    std::thread::sleep(Duration::from_secs(1));
    (program, address)
}

#[test]
fn connections_that_say_nothing_leave_nothing_behind() {
    let _alone = alone();
    let count = flood();
    let folder = tempfile::tempdir().unwrap();
    let (program, address) = start(&folder);
    let (files, memory) = (program.open_files(), program.memory());

    let flood: Vec<TcpStream> = (0..count)
        .map(|number| {
            let mut stream = TcpStream::connect(address).unwrap();
            if number.is_multiple_of(2) {
                stream.write_all(&[0x16, 3, 1]).unwrap();
            }
            stream
        })
        .collect();
    eventually("all are accepted", || program.open_files() >= files + count);
    let each = program.memory().saturating_sub(memory) * 1_024 / count;
    assert!(each < 8_000, "{each} bytes for each");

    // Others are served meanwhile.
    let binding = [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    socket.send_to(&binding, address).unwrap();
    assert_eq!(socket.recv(&mut [0; 100]).unwrap(), 32);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&binding).unwrap();
    stream.read_exact(&mut [0; 32]).unwrap();

    drop((flood, stream));
    eventually("their files are closed", || program.open_files() <= files);
    eventually("their memory is free", || program.memory() <= memory + KEPT);
}

#[test]
fn allocations_leave_nothing_behind() {
    let _alone = alone();
    flood();
    let folder = tempfile::tempdir().unwrap();
    let (program, address) = start(&folder);
    let (files, memory) = (program.open_files(), program.memory());
    let allocate = |number: usize| {
        let mut client =
            if number.is_multiple_of(2) { Wire::udp(address) } else { Wire::tcp(address) };
        assert_eq!(client.request(METHOD_ALLOCATE, &[udp()]).code, None, "{number}");
        client
    };
    let mut clients: Vec<Wire> = (0..ALLOCATIONS).map(allocate).collect();
    eventually("each has its files", || {
        program.open_files() == files + ALLOCATIONS + ALLOCATIONS / 2
    });
    // Those of UDP take their leave, those of TCP are cut off.
    for client in clients.iter_mut().step_by(2) {
        assert_eq!(client.request(METHOD_REFRESH, &[lifetime(0)]).code, None);
    }
    drop(clients);
    eventually("their files are closed", || program.open_files() <= files);
    eventually("their memory is free", || program.memory() <= memory + KEPT);
}
