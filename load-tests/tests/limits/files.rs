//! A server that may have 256 files open, and more connections than that.

use std::fs;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use load_tests::process::Process;

use crate::call::{Call, enter, eventually, internal};
use crate::server::{Server, binary};

/// Open files that the server may have; it asks for no more.
const ALLOWED: usize = 256;

fn open_files(server: &Server) -> usize {
    fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_files_accept_pauses_calls_go_on_and_readiness_says_so() {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {ALLOWED} && exec \"$0\"")]).arg(binary());
    // Who brings the connections has one address.
    command.env("ORIEL__LIMITS__CONNECTIONS_PER_ADDRESS", "0").env("ORIEL__SFU__UDP_PORT", "0");
    let mut server = Server::run(command);
    let token = server.service_token();
    let call = Call::begin(&server, &token).await;
    assert_eq!(internal(&server, "/ready").0, 200);

    // Each is taken by the kernel; those that the server does not take wait there. Silent ones are cut off
    // after a while, so others take their places.
    let authority = server.url().strip_prefix("http://").unwrap().to_owned();
    let connect = || TcpStream::connect(&authority).unwrap();
    let mut waiting: Vec<TcpStream> = (0..ALLOWED + 100).map(|_| connect()).collect();
    eventually("readiness tells", || {
        waiting.push(connect());
        internal(&server, "/ready").0 == 503
    })
    .await;
    let (_, reason) = internal(&server, "/ready");
    assert!(reason.contains("open files are in use: no connections are accepted"), "{reason}");
    assert!(reason.contains("LimitNOFILE="), "{reason}");
    assert_eq!(internal(&server, "/health"), (200, "ok\n".into()));
    let open = open_files(&server);
    assert!(open < ALLOWED, "{open} files are open: none is spare");
    call.goes_on().await;

    // Waiting costs nothing.
    let process = Process::new(server.pid());
    let (before, window) = (process.processor_time().unwrap(), Duration::from_secs(2));
    tokio::time::sleep(window).await;
    let used = process.processor_time().unwrap() - before;
    assert!(used < window / 2, "{used:?} of {window:?} are used for waiting");

    drop(waiting);
    eventually("there is room again", || internal(&server, "/ready").0 == 200).await;
    let newcomer = enter(&server, &token, "call", "eve").await.unwrap();
    newcomer.leave().await.unwrap();
    call.goes_on().await;
    assert!(server.ended().is_none());
}
