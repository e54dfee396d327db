//! A join flood at a server that is allowed 512 MiB.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use load_tests::bot::signal::{Signal, SignalError};
use signaling_core::error::ErrorCode;
use signaling_core::request::Join;
use tokio::task::JoinSet;

use crate::call::{Call, PATIENCE, enter, eventually, internal, joining, signaling};
use crate::confined::{self, Group};
use crate::server::{Server, binary};

const ALLOWED: u64 = 512 << 20;
/// What all of these would take is more than is allowed.
const FLOOD: usize = 9_000;
/// So many come at a time.
const AT_A_TIME: usize = 64;
/// So many are to be turned away; then it is enough.
const REFUSALS: usize = 300;
/// In a room. All of them are told of each other.
const IN_A_ROOM: usize = 10;
const KEYS: &str = "[{ id = \"k\", secret = \"thirty-two bytes and a few more of them\" }]";

fn service_token() -> String {
    let mut command = Command::new(binary());
    command.args(["token", "--service"]).env("ORIEL__AUTH__KEYS", KEYS);
    let output = command.env("ORIEL__SERVER__STATE_DIR", std::env::temp_dir()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A participant that brings as many attributes as it may.
fn heavy(token: &str, number: usize) -> Join {
    let mut join = joining(token, &format!("flood-{}", number / IN_A_ROOM), &format!("n{number}"));
    let attributes: BTreeMap<String, String> =
        (0..14).map(|index| (format!("a{index}"), "x".repeat(1_000))).collect();
    join.attributes = Some(attributes);
    join
}

#[derive(Default)]
struct Flood {
    inside: Vec<Signal>,
    refused: usize,
}

/// Joins until enough are refused, or all are in.
async fn flood(server: &Server, token: &str) -> Flood {
    let (url, next, refused) = (signaling(server), AtomicUsize::new(0), AtomicUsize::new(0));
    let shared = Arc::new((url, token.to_owned(), next, refused));
    let mut tasks = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let shared = Arc::clone(&shared);
        tasks.spawn(async move {
            let (url, token, next, refused) = &*shared;
            let mut inside = Vec::new();
            while refused.load(Ordering::Relaxed) < REFUSALS {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= FLOOD {
                    break;
                }
                let Ok((signal, mut events)) = Signal::connect(url).await else {
                    // Connections wait while memory is at its end.
                    refused.fetch_add(1, Ordering::Relaxed);
                    continue;
                };
                tokio::spawn(async move { while events.recv().await.is_some() {} });
                match signal.request(heavy(token, number)).await {
                    Ok(_) => inside.push(signal),
                    Err(SignalError::Refused { error, .. }) => {
                        assert_eq!(error.code, ErrorCode::Busy, "{error}");
                        assert!(error.message.contains("no memory left for newcomers"), "{error}");
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(error) => panic!("neither in nor refused: {error}"),
                }
            }
            inside
        });
    }
    let mut flood = Flood::default();
    while let Some(inside) = tasks.join_next().await {
        flood.inside.extend(inside.unwrap());
    }
    flood.refused = shared.3.load(Ordering::Relaxed);
    flood
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_flood_is_refused_with_a_reason_and_nobody_is_killed() {
    let Some(group) = Group::of(ALLOWED) else { return };
    let settings = [
        ("ORIEL__AUTH__KEYS", KEYS),
        // What would stop a flood from one address earlier; this one is from everywhere.
        ("ORIEL__LIMITS__CONNECTIONS_PER_ADDRESS", "0"),
        ("ORIEL__ROOMS__LEASE", "1"),
        ("ORIEL__ROOMS__EMPTY_TIMEOUT", "1"),
        ("ORIEL__SFU__UDP_PORT", "0"),
    ];
    let mut server = confined::start(&group, &settings);
    let token = service_token();
    let call = Call::begin(&server, &token).await;
    assert_eq!(internal(&server, "/ready"), (200, "ready\n".into()));

    let begun = Instant::now();
    let flood = flood(&server, &token).await;
    eprintln!(
        "{} are in and {} were refused after {:?}; at most {} MiB were in use",
        flood.inside.len(),
        flood.refused,
        begun.elapsed(),
        group.peak() >> 20
    );
    assert!(flood.refused >= REFUSALS, "all got in: the flood is too small");
    let (status, reason) = internal(&server, "/ready");
    assert_eq!(status, 503);
    assert!(reason.contains("no memory left for newcomers"), "{reason}");
    assert!(reason.contains("of 512 MiB are in use"), "{reason}");
    assert_eq!(internal(&server, "/health"), (200, "ok\n".into()));
    assert!(server.ended().is_none());
    assert_eq!(group.kills(), 0);
    call.goes_on().await;

    drop(flood);
    let begun = Instant::now();
    eventually("there is room again", || internal(&server, "/ready").0 == 200).await;
    assert!(begun.elapsed() < PATIENCE);
    let newcomer = enter(&server, &token, "call", "eve").await.unwrap();
    call.goes_on().await;
    newcomer.leave().await.unwrap();
    assert_eq!(group.kills(), 0);
}
