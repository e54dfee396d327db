//! WebSockets that behave badly.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::feed_readers::observing;
use crate::server::{Server, Socket, claims, token};

fn status(outcome: Result<Socket, Error>) -> u16 {
    match outcome {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn pages_of_foreign_origins_stay_outside() {
    let server = Server::start_bare(&["server.allowed_origins=https://shop.example"]).await;
    let own = format!("http://{}", server.host());
    for (origin, may) in [
        (own.as_str(), true),
        ("https://shop.example", true),
        ("https://evil.example", false),
        ("null", false),
        ("http://127.0.0.1", false),
    ] {
        let ask = json!({"room": "r"});
        let guest = server.post_json("/v1/join", &[("origin", origin)], &ask).await;
        assert_eq!(guest.status, if may { 200 } else { 403 }, "{origin}");
        // Whoever is refused is to read why.
        let readable = guest.header("access-control-allow-origin");
        assert_eq!(readable, Some(origin).filter(|_| origin != own), "{origin}");
        let token = server.ticket("r", "Ana").await["token"].clone();
        let mut socket = server.try_socket(&[("origin", origin)]).await.unwrap();
        let reply = socket.ask(json!({"type": "join", "token": token})).await;
        assert_eq!(reply["ok"].is_object(), may, "{origin}: {reply}");
        if !may {
            assert_eq!(guest.json()["code"], "origin_not_allowed", "{origin}");
            assert_eq!(reply["error"]["code"], "origin_not_allowed", "{origin}");
            assert_eq!(socket.close_code().await, 4403, "{origin}");
        }
    }
}

#[tokio::test]
async fn a_handshake_must_be_one_of_ours() {
    let server = Server::start_bare(&[]).await;
    let whole = [
        ("upgrade", "websocket"),
        ("connection", "Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "oriel.v1"),
    ];
    for (missing, expected) in [
        ("upgrade", 426),
        ("sec-websocket-version", 426),
        ("sec-websocket-key", 400),
        ("sec-websocket-protocol", 400),
    ] {
        let headers: Vec<(&str, &str)> =
            whole.into_iter().filter(|(name, _)| *name != missing).collect();
        let response = server.http("GET", "/v1/ws", &headers, "").await;
        assert_eq!(response.status, expected, "without {missing}");
    }
    assert_eq!(server.http("POST", "/v1/ws", &whole, "").await.status, 426);
    let other = [("sec-websocket-protocol", "other.v1")];
    assert_eq!(status(server.try_socket(&other).await), 400);
    let several = [("sec-websocket-protocol", "oriel.v2, oriel.v1")];
    assert_eq!(status(server.try_socket(&several).await), 101);
}

#[tokio::test]
async fn the_first_request_must_be_a_join() {
    let server = Server::start_bare(&[]).await;
    let mut early = server.socket().await;
    let refused = early.ask(json!({"type": "chat", "text": "hello"})).await;
    assert_eq!(refused["error"]["code"], "unauthorized");
    assert_eq!(early.close_code().await, 4401);

    let mut lost = server.socket().await;
    lost.send_text("hello").await;
    assert_eq!(lost.close_code().await, 4400);
}

#[tokio::test]
async fn a_stranger_who_says_nothing_is_let_go() {
    let server = Server::start_bare(&[]).await;
    let mut silent = server.socket().await;
    let waited = std::time::Instant::now();
    assert_eq!(silent.close_code().await, 4401);
    assert!((4..8).contains(&waited.elapsed().as_secs()), "{:?}", waited.elapsed());
}

#[tokio::test]
async fn a_stranger_may_send_one_message() {
    let server = Server::start_bare(&[]).await;
    let mut loud = server.socket().await;
    loud.send_text(&"x".repeat(60 * 1024)).await;
    assert_eq!(loud.close_code().await, 4400);

    let mut louder = server.socket().await;
    // It may be cut off while it still sends.
    let _ = louder.send(Message::text("x".repeat(80 * 1024))).await;
    assert_eq!(louder.close_code().await, 1006);

    let mut endless = server.socket().await;
    for _ in 0..40_000 {
        if endless.send(Message::Ping(Default::default())).await.is_err() {
            break;
        }
    }
    assert_eq!(endless.close_code().await, 1006);
}

#[tokio::test]
async fn a_participant_may_send_long_offers_and_nothing_else_that_long() {
    let server = Server::start_bare(&[]).await;
    let (mut ana, _) = server.join_as_guest("lobby", "Ana").await;
    let long = "x".repeat(100 * 1024);
    let offer = ana.ask(json!({"type": "offer", "sdp": long})).await;
    assert_eq!(offer["error"]["code"], "bad_sdp");
    let chat = ana.ask(json!({"type": "chat", "text": long})).await;
    assert_eq!(chat["error"]["code"], "too_large");
    let chat = ana.ask(json!({"type": "chat", "text": "x".repeat(8193)})).await;
    assert_eq!(chat["error"]["code"], "too_large");
    let too_long = "x".repeat(256 * 1024 + 1);
    let offer = ana.ask(json!({"type": "offer", "sdp": too_long})).await;
    assert_eq!(offer["error"]["code"], "too_large");

    let _ = ana.send(Message::text("x".repeat(400 * 1024))).await;
    assert_eq!(ana.close_code().await, 1009);
}

#[tokio::test]
async fn what_is_no_request_gets_an_answer_or_an_end() {
    let server = Server::start_bare(&[]).await;
    let (mut ana, _) = server.join_as_guest("lobby", "Ana").await;
    for request in [
        json!({"type": "fly"}),
        json!({"type": "mute"}),
        json!({"type": "mute", "track": "x", "muted": true}),
        json!({"type": "join", "token": "again"}),
    ] {
        let refused = ana.ask(request.clone()).await;
        assert_eq!(refused["error"]["code"], "bad_request", "{request}");
    }
    ana.send_text(&format!("{}{}", "[".repeat(40), "]".repeat(40))).await;
    assert_eq!(ana.close_code().await, 4400);
}

#[tokio::test]
async fn what_breaks_the_protocol_is_told_so() {
    let server = Server::start_bare(&[]).await;
    for (name, frame, code) in [
        ("a frame without a mask", &b"\x81\x02{}"[..], 1002),
        ("a reserved opcode", b"\x83\x80\0\0\0\0", 1002),
        ("a reserved bit (compression)", b"\xc1\x80\0\0\0\0", 1002),
        ("a continuation of nothing", b"\x80\x80\0\0\0\0", 1002),
        ("a ping in fragments", b"\x09\x80\0\0\0\0", 1002),
        ("no UTF-8", b"\x81\x81\0\0\0\0\xff", 1007),
        ("a binary frame without an envelope", b"\x82\x80\0\0\0\0", 4400),
    ] {
        let (mut ana, _) = server.join_as_guest("lobby", "Ana").await;
        ana.raw().write_all(frame).await.unwrap();
        assert_eq!(ana.close_code().await, code, "{name}");
    }
}

#[tokio::test]
async fn a_closing_word_is_answered_with_the_same() {
    let server = Server::start(&[]).await;
    let (inside, _) = server.join(&token(claims("r", "ana"))).await;
    let mut observer = server.socket().await;
    let observe = json!({"type": "observe", "token": observing(Some("r")), "room": "r"});
    assert_eq!(observer.ask(observe).await["ok"], json!({}));
    for (mut socket, code) in [(inside, 1000), (observer, 1001), (server.socket().await, 4000)] {
        let word = CloseFrame { code: code.into(), reason: "enough".into() };
        socket.send(Message::Close(Some(word))).await.unwrap();
        assert_eq!(socket.close_code().await, code);
    }
}

#[tokio::test]
async fn requests_are_limited_on_each_socket() {
    let set = ["limits.requests_per_second=1", "limits.request_burst=5"];
    let server = Server::start_bare(&set).await;
    let (mut ana, _) = server.join_as_guest("lobby", "Ana").await;
    let mut refused = 0;
    for _ in 0..10 {
        let reply = ana.ask(json!({"type": "chat", "text": "x"})).await;
        refused += usize::from(reply["error"]["code"] == "rate_limited");
    }
    assert!((4..=5).contains(&refused), "{refused}");
    for _ in 0..200 {
        if ana.send(Message::Ping(Default::default())).await.is_err() {
            break;
        }
    }
    assert_eq!(ana.close_code().await, 4429);
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_cut_off_and_others_are_not() {
    let server = Server::start_bare(&["limits.requests_per_second=0"]).await;
    let (mut ana, _) = server.join_as_guest("lobby", "Ana").await;
    let (_deaf, _) = server.join_as_guest("lobby", "Deaf").await;
    ana.event("participant.joined").await;
    let text = "x".repeat(8192);
    // More than the sockets' buffers on both sides and the outbox hold together.
    let mut sent = 0;
    while server.metric("oriel_slow_readers_total").await != Some(1) {
        for _ in 0..64 {
            assert!(ana.ask(json!({"type": "chat", "text": text})).await["ok"].is_object());
            sent += 1;
        }
        assert!(sent < 10_000, "nobody was cut off");
    }
    assert_eq!(ana.event("participant.left").await["reason"], "connection_lost");
}

#[tokio::test]
async fn connections_are_limited_by_address() {
    let server = Server::start_bare(&["limits.connections_per_address=2"]).await;
    // A WebSocket keeps its place after the HTTP request that it began as.
    let socket = server.socket().await;
    let one = tokio::net::TcpStream::connect(server.app.http_address()).await.unwrap();
    let is_refused = async || {
        let address = server.app.http_address();
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut byte = [0];
        let read = tokio::io::AsyncReadExt::read(&mut stream, &mut byte);
        // A connection that is served stays open until its silence has been too long.
        matches!(tokio::time::timeout(Duration::from_secs(2), read).await, Ok(Ok(0) | Err(_)))
    };
    assert!(is_refused().await);
    drop(socket);
    while is_refused().await {}
    drop(one);
}

#[tokio::test]
async fn connections_that_say_nothing_are_closed() {
    let server = Server::start_bare(&[]).await;
    for sent in ["", "GET / HTTP/1.1\r\nhost:", "PRI * HTTP/2.0\r\n"] {
        let mut slow = tokio::net::TcpStream::connect(server.app.http_address()).await.unwrap();
        slow.write_all(sent.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut slow, &mut rest);
        let _ = crate::server::in_time(read).await;
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let server = Server::start_bare(&[]).await;
    let mut slow = tokio::net::TcpStream::connect(server.app.http_address()).await.unwrap();
    let head = "POST /v1/join HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 9\r\n\r\n{";
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut response = vec![0; 32];
    crate::server::in_time(tokio::io::AsyncReadExt::read(&mut slow, &mut response)).await.unwrap();
    assert!(response.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&response));
}
