//! The real server under load by WHIP and WHEP, in the small.

#![allow(clippy::unwrap_used)]

mod server;

use std::time::Duration;

use load_tests::peer::{self, Plan, Shape};

use server::Server;

fn plan(server: &Server, shape: Shape) -> Plan {
    Plan {
        server: peer::Server::Whip {
            whip: format!("{}/whip/{{room}}/{{publisher}}", server.url()),
            whep: format!("{}/whep/{{room}}/{{publisher}}", server.url()),
            token: Some(server.service_token()),
        },
        label: "oriel".into(),
        shape,
        warmup: Duration::from_millis(500),
        window: Duration::from_secs(2),
        fast: false,
        sampled: 1,
        pids: vec![server.pid()],
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_get_what_was_published() {
    let server = Server::start();
    let plan = plan(&server, Shape { rooms: 1, publishers: 1, viewers: 3 });
    let report = peer::run(&Plan { sampled: 3, ..plan }).await.unwrap();
    assert!(report.all_right(), "{report:?}");
    // 200 packets in each of two seconds.
    assert!((350..=500).contains(&report.published), "{report:?}");
    assert_eq!(report.expected, 3 * report.published);
    assert!(report.forwarded.abs_diff(report.expected) < report.expected / 4, "{report:?}");
    // What counts clear headers and what decrypts saw the same.
    assert!(report.intact.abs_diff(report.forwarded) < 10, "{report:?}");
    assert!(report.delay.unwrap().p50_us > 0.0);
    assert!(report.server.unwrap().us_per_packet > 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_session_brings_a_whole_room_and_leaves_nothing_behind() {
    let server = Server::start();
    let plan = plan(&server, Shape { rooms: 2, publishers: 2, viewers: 2 });
    let peer::Server::Whip { whip, token, .. } = plan.server.clone() else { unreachable!() };
    let whep = format!("{}/whep/{{room}}", server.url());
    let plan = Plan { server: peer::Server::Whip { whip, whep, token }, fast: true, ..plan };
    for round in 0..2 {
        let report = peer::run(&plan).await.unwrap();
        assert!(report.all_right(), "round {round}: {report:?}");
        assert_eq!(report.expected, 2 * report.published);
        assert!(report.forwarded > report.expected / 2, "round {round}: {report:?}");
    }
}

#[tokio::test]
async fn a_server_that_refuses_is_said() {
    let server = Server::start();
    let plan = plan(&server, Shape { rooms: 1, publishers: 1, viewers: 1 });
    let peer::Server::Whip { whip, whep, .. } = plan.server.clone() else { unreachable!() };
    let plan = Plan { server: peer::Server::Whip { whip, whep, token: None }, ..plan };
    let error = format!("{:#}", peer::run(&plan).await.unwrap_err());
    assert!(error.contains("401"), "{error}");
}
