//! SIGTERM while people talk.

use std::time::{Duration, Instant};

use crate::call::{Call, enter, eventually, internal};
use crate::server::Server;

/// Seconds that rooms get.
const DRAIN: u64 = 10;
/// What the goodbyes may take beside them: as in the unit, the manifests and compose.yaml.
const GOODBYES: u64 = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_lets_a_call_go_on_and_ends_it_by_the_deadline_with_status_0() {
    let mut server = Server::start_with(&[
        ("ORIEL__SERVER__DRAIN_TIMEOUT", DRAIN.to_string()),
        ("ORIEL__SFU__UDP_PORT", "0".into()),
    ]);
    let token = server.service_token();
    let call = Call::begin(&server, &token).await;

    let told = Instant::now();
    server.signal("TERM");
    eventually("readiness tells", || {
        let (status, reason) = internal(&server, "/ready");
        status == 503 && reason.contains("stopping")
    })
    .await;
    // Unless the machine is so busy that the deadline has passed by now.
    if told.elapsed() < Duration::from_secs(DRAIN / 3) {
        assert_eq!(internal(&server, "/health").0, 200);
        call.goes_on().await;
        let refused = enter(&server, &token, "call", "eve").await.err().unwrap();
        assert!(refused.to_string().contains("stopping"), "{refused}");
    }
    let mut status = None;
    eventually("the server ends", || {
        status = server.ended();
        status.is_some()
    })
    .await;
    assert_eq!(status.unwrap().code(), Some(0));
    let took = told.elapsed();
    assert!(took >= Duration::from_secs(DRAIN), "it did not wait for the call: {took:?}");
    assert!(took < Duration::from_secs(DRAIN + GOODBYES), "{took:?}");
}
