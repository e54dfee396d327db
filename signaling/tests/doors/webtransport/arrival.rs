//! Coming in by QUIC: who must prove that it is where it says, and by which certificate the server is known.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};
use web_transport_quinn::quinn::Endpoint;
use web_transport_quinn::{ClientBuilder, ClientError, Session};

use super::client::{Client, invitation, request, trusting};
use crate::server::{Server, in_time};

/// Handshakes that may be under way before strangers are asked to come again.
const UNDER_WAY: usize = 64;

/// The first datagrams of so many clients who will never answer, each its own.
async fn first_datagrams(server: &Server, count: usize) -> Vec<Vec<u8>> {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut buffer = [0; 2048];
    for _ in 0..count {
        let address = silent.local_addr().unwrap();
        let _asking = endpoint.connect_with(trusting(server), address, "localhost").unwrap();
        // One that asks again has the same number.
        while {
            let (length, _) = in_time(silent.recv_from(&mut buffer)).await.unwrap();
            let number = connection_id(&buffer[..length]);
            all.iter().any(|one| connection_id(one) == number)
        } {}
        let (length, _) = buffer.split_at(1200);
        all.push(length.to_vec());
    }
    all
}

/// The connection that a long header is for (RFC 9000 §17.2).
fn connection_id(datagram: &[u8]) -> &[u8] {
    &datagram[6..6 + usize::from(datagram[5])]
}

/// Whether this is a Retry (RFC 9000 §17.2.5).
fn is_retry(datagram: &[u8]) -> bool {
    datagram[0] & 0xf0 == 0xf0 && datagram[1..5] == [0, 0, 0, 1]
}

#[tokio::test]
async fn with_many_handshakes_under_way_strangers_must_show_that_they_are_there() {
    let server = Server::start_bare(&[]).await;
    let port =
        invitation(&server).await["url"].as_str().unwrap().parse::<url::Url>().unwrap().port();
    let address = SocketAddr::new(server.app.http_address().ip(), port.unwrap());
    let datagrams = first_datagrams(&server, UNDER_WAY + 16).await;
    let flood = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut answer = [0; 2048];
    // One is answered with a handshake, though it is never finished.
    flood.send_to(&datagrams[0], address).await.unwrap();
    in_time(flood.recv_from(&mut answer)).await.unwrap();
    assert!(!is_retry(&answer));
    for datagram in &datagrams[1..UNDER_WAY] {
        flood.send_to(datagram, address).await.unwrap();
    }
    while let Ok(came) = timeout(Duration::from_millis(500), flood.recv_from(&mut answer)).await {
        came.unwrap();
        assert!(!is_retry(&answer), "there was room for it");
    }
    let beyond = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    for datagram in &datagrams[UNDER_WAY..] {
        beyond.send_to(datagram, address).await.unwrap();
        in_time(beyond.recv_from(&mut answer)).await.unwrap();
        assert!(is_retry(&answer));
    }
    // Who comes again with what it was given gets in, while the others are still waited for.
    let (mut ana, _) = Client::join(&server, "r", "Ana").await;
    assert!(ana.ask(json!({"type": "ping"})).await["ok"].is_object());
    beyond.send_to(&datagrams[UNDER_WAY], address).await.unwrap();
    in_time(beyond.recv_from(&mut answer)).await.unwrap();
    assert!(is_retry(&answer));
}

/// A session by somebody who knows this one hash.
async fn by_hash(server: &Server, hash: &str) -> Result<Session, ClientError> {
    let hash = STANDARD.decode(hash).unwrap();
    let client = ClientBuilder::new().with_server_certificate_hashes(vec![hash]).unwrap();
    in_time(client.connect(request(server, &[]).await)).await
}

fn hashes(invitation: &Value) -> [String; 2] {
    serde_json::from_value(invitation["certificate_hashes"].clone()).unwrap()
}

#[tokio::test]
async fn the_next_certificate_comes_into_force_under_sessions_that_stay() {
    const FILE: &str = "webtransport.toml";
    // One server has made them, the other one finds them, and that the time of the first is soon over.
    let before = Server::start_bare(&[]).await;
    let kept = std::fs::read_to_string(before.config.server.state_dir.join(FILE)).unwrap();
    let mut kept: toml::Table = kept.parse().unwrap();
    let soon = time::OffsetDateTime::now_utc().unix_timestamp() + 4;
    kept.insert("until".to_owned(), soon.into());
    let state = tempfile::tempdir().unwrap();
    std::fs::write(state.path().join(FILE), kept.to_string()).unwrap();
    let server = Server::start_in(state, &[]).await;

    let [current, next] = hashes(&invitation(&server).await);
    assert_eq!([current.clone(), next.clone()], hashes(&invitation(&before).await));
    let (mut ana, _) = Client::join(&server, "r", "Ana").await;
    by_hash(&server, &current).await.unwrap();
    assert!(by_hash(&server, &next).await.is_err(), "it is not in force yet");
    let told = in_time(async {
        loop {
            let told = hashes(&invitation(&server).await);
            if told[0] != current {
                break told;
            }
            sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    assert!(time::OffsetDateTime::now_utc().unix_timestamp() >= soon);
    assert_eq!(told[0], next, "those who were told both need not ask again");
    assert!(![current.clone(), next.clone()].contains(&told[1]));
    by_hash(&server, &next).await.unwrap();
    assert!(by_hash(&server, &current).await.is_err(), "its time is over");
    assert!(ana.ask(json!({"type": "ping"})).await["ok"].is_object());
    let kept = std::fs::read_to_string(server.config.server.state_dir.join(FILE)).unwrap();
    assert_eq!(
        kept.parse::<toml::Table>().unwrap()["until"].as_integer(),
        Some(soon + 5 * 24 * 3600)
    );
}
