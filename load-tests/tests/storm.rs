//! A small join storm against the real server.

#![allow(clippy::unwrap_used)]

mod server;

use std::time::Duration;

use load_tests::storm::{self, Plan};

use server::Server;

fn plan(server: &Server, participants: u16, token: String) -> Plan {
    Plan {
        url: server.url().to_owned(),
        room: "storm".into(),
        participants,
        within: Duration::from_secs(1),
        publishers: 2,
        token,
        pid: Some(server.pid()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_come_in_and_hear_who_speaks() {
    let server = Server::start();
    let report = storm::run(&plan(&server, 20, server.service_token())).await.unwrap();
    assert!(report.all_right(), "{report:?}");
    assert_eq!((report.connected, report.reached), (20, 20));
    assert!(report.joining.p50 <= report.connecting.p50 && report.connecting.max <= report.took);
    assert!(report.memory.unwrap().before > 0);
}

#[tokio::test]
async fn who_is_not_let_in_is_counted_by_the_reason() {
    let server = Server::start();
    let report = storm::run(&plan(&server, 3, "not.a.token".into())).await.unwrap();
    assert!(!report.all_right());
    assert_eq!(report.connected, 0);
    assert_eq!(report.failures.values().sum::<usize>(), 3);
    assert!(report.failures.keys().all(|reason| reason.contains("Unauthorized")), "{report:?}");
}
