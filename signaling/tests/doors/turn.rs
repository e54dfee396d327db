//! The TURN server beside the rooms: who is let in, what can be reached, and TLS on the port of HTTPS.

use std::net::SocketAddr;
use std::ops::RangeBounds;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use signaling::app::App;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use turn::client::{Client, ClientConfig};
use webrtc_util::Conn;

use crate::server::{Server, config, http_on, in_time};
use crate::tls::{connect, with_files, write_certificate};

/// A Binding request without attributes (RFC 8489 §5).
const BINDING: [u8; 20] =
    [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/// The one server of a reply, which is our own.
fn own(reply: &Value) -> &Value {
    let servers = reply["ice_servers"].as_array().unwrap();
    assert_eq!(servers.len(), 1, "{reply}");
    &servers[0]
}

fn urls(server: &Value) -> Vec<&str> {
    server["urls"].as_array().unwrap().iter().map(|url| url.as_str().unwrap()).collect()
}

/// Where the first URL, which is for UDP, leads.
fn address(server: &Value) -> SocketAddr {
    let url = urls(server)[0];
    let address = url.strip_prefix("turn:").unwrap().strip_suffix("?transport=udp").unwrap();
    address.parse().unwrap()
}

fn word<'a>(server: &'a Value, key: &str) -> &'a str {
    server[key].as_str().unwrap()
}

/// The part of the user name that says who it is.
fn user(server: &Value) -> &str {
    word(server, "username").split_once(':').unwrap().1
}

async fn client(server: &Value, password: &str) -> Client {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let config = ClientConfig {
        stun_serv_addr: address(server).to_string(),
        turn_serv_addr: address(server).to_string(),
        username: word(server, "username").to_owned(),
        password: password.to_owned(),
        realm: String::new(),
        software: String::new(),
        rto_in_ms: 0,
        conn: Arc::new(socket),
        vnet: None,
    };
    let client = Client::new(config).await.unwrap();
    client.listen().await.unwrap();
    client
}

/// Waits until the metrics say so: counters are published now and then.
async fn counts(server: &Server, series: &str, expected: impl RangeBounds<i64>) {
    in_time(async {
        while !server.metric(series).await.is_some_and(|count| expected.contains(&count)) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn the_reply_to_a_join_opens_the_relay_and_it_leads_to_the_media_alone() {
    let server = Server::start_bare(&[]).await;
    let (_ana, joined) = server.join_as_guest("r", "Ana").await;
    let turn = own(&joined);
    let host = address(turn);
    assert_eq!(urls(turn)[1], format!("turn:{host}?transport=tcp"));

    let stranger = client(turn, "guessed").await;
    assert!(stranger.allocate().await.is_err());
    let client = client(turn, word(turn, "credential")).await;
    let relay = client.allocate().await.unwrap();
    counts(&server, "oriel_turn_allocations", 1..=1).await;

    let media = SocketAddr::from(([127, 0, 0, 1], server.app.media_port()));
    relay.send_to(&BINDING, media).await.unwrap();
    counts(&server, "oriel_turn_messages_relayed_total{to=\"peer\"}", 1..=1).await;
    let trap = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    trap.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    for forbidden in [trap.local_addr().unwrap(), server.app.http_address(), host] {
        // Permissions are by address, so the client thinks that it may.
        let _ = relay.send_to(&BINDING, forbidden).await;
    }
    assert!(trap.recv(&mut [0; 100]).is_err());
    counts(&server, "oriel_turn_messages_dropped_total{reason=\"denied\"}", 3..).await;
    counts(&server, "oriel_turn_messages_relayed_total{to=\"peer\"}", 1..=1).await;

    relay.close().await.unwrap();
    counts(&server, "oriel_turn_allocations", 0..=0).await;
    server.app.stop().await;
}

#[tokio::test]
async fn a_credential_is_made_out_anew_for_the_same_user() {
    let server = Server::start_bare(&["ice.turn_credential_ttl=7200"]).await;
    let ticket = server.ticket("r", "Ana").await;
    let (mut ana, joined) = server.join(ticket["token"].as_str().unwrap()).await;
    let (_ben, other) = server.join_as_guest("r", "Ben").await;
    assert_eq!(address(own(&ticket)), address(own(&joined)));
    assert_ne!(user(own(&joined)), user(own(&other)));

    let renewed = ana.ask(json!({"type": "ice_servers"})).await;
    let renewed = own(&renewed["ok"]);
    assert_eq!(user(renewed), user(own(&joined)));
    let ends: u64 = word(renewed, "username").split(':').next().unwrap().parse().unwrap();
    let left = ends - jsonwebtoken::get_current_timestamp();
    assert!((7_100..=7_200).contains(&left), "{left}");

    drop(ana);
    let mut ana = server.socket().await;
    let resume = json!({
        "type": "resume", "room": "r", "secret": joined["resume"], "cursor": joined["cursor"],
    });
    let resumed = ana.ask(resume).await;
    assert_eq!(user(own(&resumed["ok"])), user(own(&joined)));
    let renewed = ana.ask(json!({"type": "ice_servers"})).await;
    assert_eq!(user(own(&renewed["ok"])), user(own(&joined)));
}

#[tokio::test]
async fn a_credential_is_good_for_whoever_runs_elsewhere_with_the_same_secret() {
    let secret = format!("turn.secrets={}", "north".repeat(8));
    let [one, other] = [Server::start_bare(&[&secret]).await, Server::start_bare(&[&secret]).await];
    let (_ana, joined) = one.join_as_guest("r", "Ana").await;
    let (_ben, elsewhere) = other.join_as_guest("r", "Ben").await;
    let mut turn = own(&joined).clone();
    turn["urls"] = own(&elsewhere)["urls"].clone();
    let client = client(&turn, word(&turn, "credential")).await;
    assert!(client.allocate().await.is_ok());
    counts(&other, "oriel_turn_allocations", 1..=1).await;
}

#[tokio::test]
async fn the_port_of_https_takes_turn_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = write_certificate(folder.path());
    let server = with_files(folder.path()).await;
    // A preconnected browser says nothing at first: that holds nothing up.
    let _silent = connect(&server, &certificate, &[b"h2", b"http/1.1"]).await.unwrap();
    for protocols in [&[][..], &[&b"stun.turn"[..]]] {
        let mut stream = connect(&server, &certificate, protocols).await.unwrap();
        // Twice, for it goes on after the first bytes; and in pieces.
        for _ in 0..2 {
            stream.write_all(&BINDING[..1]).await.unwrap();
            stream.flush().await.unwrap();
            stream.write_all(&BINDING[1..]).await.unwrap();
            stream.flush().await.unwrap();
            let mut answer = [0; 20];
            in_time(stream.read_exact(&mut answer)).await.unwrap();
            assert_eq!((&answer[..2], &answer[8..]), (&[1, 1][..], &BINDING[8..]));
            let mut attributes = vec![0; usize::from(u16::from_be_bytes([answer[2], answer[3]]))];
            in_time(stream.read_exact(&mut attributes)).await.unwrap();
        }
        counts(&server, "oriel_turn_connections", 1..=1).await;
        drop(stream);
        counts(&server, "oriel_turn_connections", 0..=0).await;
    }
    let stream = connect(&server, &certificate, &[b"http/1.1"]).await.unwrap();
    let body = json!({"room": "r", "name": "Ana"}).to_string();
    let headers = [("content-type", "application/json")];
    let ticket = http_on(stream, &server.host(), "POST", "/v1/join", &headers, &body).await.json();
    let turn = own(&ticket);
    let (port, https) = (address(turn).port(), server.app.http_address().port());
    assert_eq!(
        urls(turn)[2..],
        [
            format!("turns:127.0.0.1:{port}?transport=tcp"),
            format!("turns:127.0.0.1:{https}?transport=tcp"),
        ]
    );
    server.app.stop().await;
}

#[tokio::test]
async fn a_taken_port_stops_the_start_and_is_named() {
    let server = Server::start_bare(&[]).await;
    let taken = address(own(&server.ticket("r", "Ana").await)).port();
    let state = tempfile::tempdir().unwrap();
    let port = format!("turn.port={taken}");
    let error = App::start(&config(&state, &[&port])).await.err().unwrap();
    let error = format!("{error:#}");
    assert!(error.contains(&taken.to_string()) && error.contains("turn.port"), "{error}");

    let without = Server::start_bare(&[&port, "ice.turn=false"]).await;
    assert_eq!(without.ticket("r", "Ana").await["ice_servers"], json!([]));
    assert_eq!(without.metric("oriel_turn_allocations").await, None);
}
