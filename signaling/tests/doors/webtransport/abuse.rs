//! Clients by WebTransport that behave badly: each is closed with a code, and nobody else waits for it.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::client::{Client, ask_for, code, request, session, trusting};
use crate::data::{LOSSY, envelope, received};
use crate::server::{Server, Socket, in_time};

/// How much longer than in the calm before a message between others may take, of 95 in 100: those who flood
/// share this machine with the server and the others.
const SLACK: Duration = Duration::from_millis(250);
/// From one message between the others to the next.
const PACE: Duration = Duration::from_millis(20);
/// Messages in the calm.
const CALM: usize = 50;

/// In another room, of the same media worker, two talk while `abuse` goes on, and hardly notice.
async fn beside<T>(server: &Server, abuse: impl Future<Output = T>) -> T {
    let (mut ben, _) = Client::join(server, "others", "Ben").await;
    let (mut cleo, _) = server.join_as_guest("others", "Cleo").await;
    let mut calm = Vec::new();
    for number in 0..CALM {
        calm.push(delay(&mut ben, &mut cleo, number).await);
        sleep(PACE).await;
    }
    let mut meanwhile = Vec::new();
    let result = {
        let talk = async {
            for number in CALM.. {
                meanwhile.push(delay(&mut ben, &mut cleo, number).await);
                sleep(PACE).await;
            }
        };
        tokio::select! {
            result = in_time(abuse) => result,
            () = talk => unreachable!("it never ends"),
        }
    };
    let pong = timeout(Duration::from_secs(2), cleo.ask(json!({"type": "ping"}))).await;
    assert!(pong.expect("others wait")["ok"].is_object());
    let [calm, meanwhile] = [calm, meanwhile].map(|mut delays: Vec<Duration>| {
        delays.sort();
        delays.get(delays.len() * 95 / 100).copied().unwrap_or_default()
    });
    assert!(meanwhile <= calm + SLACK, "{calm:?} in the calm, {meanwhile:?} meanwhile");
    result
}

/// How long a message takes from one to another.
async fn delay(from: &mut Client, to: &mut Socket, number: usize) -> Duration {
    let text = format!("between others {number}");
    let sent = Instant::now();
    from.send_frame(&envelope(0, number as u64 + 2, &[], "aside", text.as_bytes())).await;
    while !received(to).await.ends_with(text.as_bytes()) {}
    sent.elapsed()
}

#[tokio::test]
async fn frames_that_are_none_end_their_session_with_the_code_of_a_websocket() {
    let server = Server::start_bare(&[]).await;
    let nested = format!("{{\"id\":1,\"x\":{}", "[".repeat(100));
    for (bytes, expected) in [
        (framed(b"hello"), 4400),
        (framed(b""), 4400),
        (framed(b"{}"), 4400),
        (framed(nested.as_bytes()), 4400),
        (framed(b"{\"id\":1,\"type\":\"\xff\"}"), 1007),
        (vec![0xff; 4], 1009),
        (framed(&[1, 0]), 1003),
    ] {
        let mut stranger = Client::open(&server, &[]).await;
        stranger.send.write_all(&bytes).await.unwrap();
        assert_eq!(stranger.close_code().await, expected, "{bytes:?}");
    }
    for (bytes, expected) in [(framed(b"hello"), 4400), (vec![0, 5, 0, 0], 1009)] {
        let (mut ana, _) = Client::join(&server, "r", "Ana").await;
        ana.send.write_all(&bytes).await.unwrap();
        assert_eq!(ana.close_code().await, expected, "{bytes:?}");
    }
    // What is no envelope, or not for this way, is dropped as it is on data channels.
    let (mut ana, _) = Client::join(&server, "r", "Ana").await;
    ana.send_frame(&[1, 0xff]).await;
    ana.send_frame(&envelope(LOSSY, 1, &[], "t", b"by the stream")).await;
    ana.send_until(&envelope(0, 1, &[], "t", b"by a datagram"), async {
        while malformed(&server).await < 3 {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(ana.ask(json!({"type": "ping"})).await["ok"].is_object());
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

async fn malformed(server: &Server) -> i64 {
    server.metric("oriel_sfu_packets_dropped_total{reason=\"data_malformed\"}").await.unwrap()
}

#[tokio::test]
async fn a_session_whose_stream_does_not_come_is_closed() {
    let server = Server::start_bare(&[]).await;
    let (session, _endpoint) = session(&server).await;
    let waited = Instant::now();
    assert_eq!(code(in_time(session.closed()).await), 4400);
    assert!(waited.elapsed() >= Duration::from_secs(4));
    let client = Client::open(&server, &[]).await;
    assert_eq!(client.close_code().await, 4401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_streams_are_refused_one_by_one_until_there_were_too_many() {
    let server = Server::start_bare(&[]).await;
    let code = beside(&server, async {
        let (ana, _) = Client::join(&server, "r", "Ana").await;
        for _ in 0..10_000 {
            let Ok((mut send, _receive)) = ana.session.open_bi().await else { break };
            if send.write_all(b"more").await.is_err() && ana.session.close_reason().is_some() {
                break;
            }
        }
        ana.close_code().await
    })
    .await;
    assert_eq!(code, 4429);
    let refused = server.metric("oriel_webtransport_streams_refused_total").await.unwrap();
    assert!((100..10_000).contains(&refused), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_datagrams_is_dropped_and_then_closed() {
    let server = Server::start_bare(&["sfu.data_messages_per_second=50"]).await;
    let code = beside(&server, async {
        let (ana, _) = Client::join(&server, "r", "Ana").await;
        let flood = async {
            loop {
                for _ in 0..50 {
                    let _ = ana.session.send_datagram(envelope(LOSSY, 1, &[], "t", b"x").into());
                }
                sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            error = ana.session.closed() => code(error),
            () = flood => unreachable!("it never ends"),
        }
    })
    .await;
    assert_eq!(code, 4429);
    let dropped = server.metric("oriel_webtransport_datagrams_dropped_total").await.unwrap();
    assert!(dropped >= 1000, "{dropped}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_reads_is_cut_off_and_hears_why() {
    let server = Server::start_bare(&["sfu.data_bytes_per_second=16000000"]).await;
    let code = beside(&server, async {
        let (ana, _) = Client::join(&server, "r", "Ana").await;
        let (mut noisy, _) = Client::join(&server, "r", "Noisy").await;
        let message = envelope(0, 1, &[], "t", &vec![0; 60_000]);
        // More than may be under way to it, and may wait behind that.
        for _ in 0..100 {
            noisy.send_frame(&message).await;
            sleep(Duration::from_millis(10)).await;
        }
        code(ana.session.closed().await)
    })
    .await;
    assert_eq!(code, 4503);
}

#[tokio::test]
async fn a_datagram_that_is_too_large_goes_nowhere() {
    let server = Server::start_bare(&[]).await;
    let (mut ana, _) = Client::join(&server, "r", "Ana").await;
    let (mut ben, _) = server.join_as_guest("r", "Ben").await;
    // Here by the client's own stack, which knows the path.
    let largest = ana.session.max_datagram_size();
    assert!((1100..1500).contains(&largest), "{largest}");
    let too_large = envelope(LOSSY, 1, &[], "t", &vec![0; largest]);
    assert!(ana.session.send_datagram(too_large.into()).is_err());
    // There by the server, which drops the copy.
    let too_large = envelope(LOSSY, 2, &[], "t", &vec![0; 3000]);
    ben.send(Message::binary(too_large)).await.unwrap();
    ben.ask(json!({"type": "ping"})).await;
    ana.send_frame(&envelope(0, 3, &[], "t", b"still here")).await;
    assert!(ana.ask(json!({"type": "ping"})).await["ok"].is_object());
}

#[tokio::test]
async fn a_connection_that_asks_for_nothing_is_no_session() {
    let server = Server::start_bare(&[]).await;
    let mut plain = request(&server, &[]).await;
    plain.url.set_path("/");
    assert!(ask_for(&server, plain, trusting(&server)).await.is_err());
    assert_eq!(server.metric("oriel_webtransport_sessions").await, Some(0));
}
