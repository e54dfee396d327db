//! Observers by WebSocket, what is measured for them, and readers that do not read.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;

use crate::feed_readers::{Stream, observing};
use crate::server::{Server, Socket, claims, in_time, token};

const EVENTS: &str = "/v1/rooms/r/events";

async fn observe(server: &Server, ask: Value) -> (Socket, Value) {
    let mut socket = server.socket().await;
    let mut request = json!({"type": "observe"});
    request.as_object_mut().unwrap().extend(ask.as_object().unwrap().clone());
    let reply = socket.ask(request).await;
    (socket, reply)
}

#[tokio::test]
async fn a_websocket_observes_a_room_or_all_and_goes_on_at_every_place() {
    let server = Server::start(&[]).await;
    let (mut ana, _) = server.join(&token(claims("r", "ana"))).await;
    let (one, all) = (observing(Some("r")), observing(None));
    let (mut room, reply) = observe(&server, json!({"token": one, "room": "r"})).await;
    assert_eq!(reply["ok"], json!({}));
    let (mut rooms, _) = observe(&server, json!({"token": all})).await;
    let overview = room.next_event().await.unwrap();
    assert_eq!((&overview["type"], &overview["lost"]), (&json!("overview"), &json!(false)));
    assert_eq!(rooms.next_event().await.unwrap()["rooms"][0]["participants"], 1);

    for request in [
        json!({"type": "chat", "text": "one"}),
        json!({"type": "hand", "raised": true}),
        json!({"type": "chat", "text": "two"}),
    ] {
        assert!(ana.ask(request).await["ok"].is_object());
    }
    let mut told = Vec::new();
    for _ in 0..3 {
        told.push(room.next_event().await.unwrap());
        let inner = &rooms.next_event().await.unwrap()["event"];
        assert_eq!(told.last(), Some(inner), "the same in the feed of all rooms");
    }
    let types: Vec<_> = told.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["chat.posted", "hand.raised", "chat.posted"]);
    let start = overview["cursor"].as_str().unwrap();
    for at in 0..=told.len() {
        let (epoch, first) = start.split_once('.').unwrap();
        let seq = at
            .checked_sub(1)
            .map_or(first.parse().unwrap(), |at| told[at]["seq"].as_u64().unwrap());
        let ask = json!({"token": one, "room": "r", "after": format!("{epoch}.{seq}")});
        let (mut again, _) = observe(&server, ask).await;
        for event in &told[at..] {
            assert_eq!(&again.next_event().await.unwrap(), event, "after {seq}");
        }
    }

    // It reads, and that is all.
    assert_eq!(room.ask(json!({"type": "ping"})).await["ok"], json!({}));
    let refused = room.ask(json!({"type": "chat", "text": "me too"})).await;
    assert_eq!(refused["error"]["code"], "forbidden");
    let again = ana.ask(json!({"type": "observe", "token": one})).await;
    assert_eq!(again["error"]["code"], "bad_request", "who is inside does not observe");
    assert_eq!(server.metric("oriel_participants").await, Some(1));
    ana.ask(json!({"type": "leave"})).await;
    assert_eq!(room.event("participant.left").await["reason"], "left");
}

#[tokio::test]
async fn who_asks_while_it_is_told_gets_both_whole() {
    const TIMES: usize = 200;
    let server = Server::start(&["limits.requests_per_second=0"]).await;
    let (mut ana, _) = server.join(&token(claims("r", "ana"))).await;
    let ask = json!({"token": observing(Some("r")), "room": "r"});
    let (mut room, _) = observe(&server, ask).await;
    assert_eq!(room.event("overview").await["lost"], false);
    let saying = async {
        for number in 0..TIMES {
            let chat = json!({"type": "chat", "text": number.to_string()});
            assert!(ana.ask(chat).await["ok"].is_object());
        }
    };
    let asking = async {
        for _ in 0..TIMES {
            room.send(Message::Ping(Bytes::from_static(b"there?"))).await.unwrap();
            assert_eq!(room.ask(json!({"type": "ping"})).await["ok"], json!({}));
        }
    };
    tokio::join!(saying, asking);
    for number in 0..TIMES {
        let event = room.next_event().await.unwrap();
        assert_eq!(event["message"]["text"], number.to_string());
    }
}

#[tokio::test]
async fn an_observer_by_websocket_needs_a_token_a_room_and_a_place() {
    let set = ["limits.feeds_per_token=1", "limits.join_burst=1000"];
    let server = Server::start(&set).await;
    let (_ana, _) = server.join(&token(claims("r", "ana"))).await;
    let one = observing(Some("r"));
    let (_first, _) = observe(&server, json!({"token": one, "room": "r"})).await;
    let many: Vec<String> = (0..65).map(|number| format!("type.{number}")).collect();
    for (ask, code, close) in [
        (json!({"token": "x", "room": "r"}), "unauthorized", 4401),
        (json!({"token": one}), "forbidden", 4403),
        (json!({"token": token(claims("r", "ben")), "room": "r"}), "forbidden", 4403),
        (json!({"token": observing(None), "room": "nowhere"}), "not_found", 4404),
        (json!({"token": observing(None), "types": many}), "bad_request", 4400),
        (json!({"token": one, "room": "r"}), "rate_limited", 4429),
    ] {
        let (mut socket, reply) = observe(&server, ask).await;
        assert_eq!(reply["error"]["code"], code);
        assert_eq!(socket.close_code().await, close, "{code}");
    }
}

#[tokio::test]
async fn what_is_measured_comes_to_those_who_name_it() {
    let server = Server::start(&[]).await;
    let (_ana, _) = server.join(&token(claims("r", "ana"))).await;
    let all = observing(None);
    let measured = "/v1/events?types=server.measured,quality.measured";
    let mut named = Stream::open(&server, measured, &all, None).await;
    let mut plain = Stream::open(&server, "/v1/events", &all, None).await;
    let room = format!("{EVENTS}?types=quality.measured");
    let mut of_room = Stream::open(&server, &room, &observing(Some("r")), None).await;
    for stream in [&mut named, &mut plain, &mut of_room] {
        assert_eq!(stream.next().await.unwrap().kind, "overview");
    }
    let (mut quality, mut beat) = (None, None);
    while quality.is_none() || beat.is_none() {
        let told = in_time(named.next()).await.unwrap();
        assert_eq!(told.id, None, "it is not kept");
        match told.kind.as_str() {
            "quality.measured" => quality = Some(told.data),
            "server.measured" => beat = Some(told.data),
            other => panic!("{other} was not asked for"),
        }
    }
    let (quality, beat) = (quality.unwrap(), beat.unwrap());
    assert_eq!((&quality["room"]["name"], &quality["seq"]), (&json!("r"), &Value::Null));
    assert_eq!(quality["event"]["participants"], json!([]), "ana has no media");
    assert_eq!((&beat["rooms"], &beat["participants"]), (&json!(1), &json!(1)));
    assert!(beat["memory_bytes"].as_u64().unwrap() > 1 << 20);
    assert!(!beat["workers"].as_array().unwrap().is_empty());
    assert_eq!(of_room.next().await.unwrap().kind, "quality.measured");
    let (_ben, _) = server.join(&token(claims("r", "ben"))).await;
    assert_eq!(plain.next().await.unwrap().kind, "participant.joined", "and nothing measured");
}

#[tokio::test]
async fn a_stream_that_is_not_read_is_cut_off_and_the_room_goes_on() {
    let server = Server::start(&["limits.requests_per_second=0", "rooms.chat_history=0"]).await;
    let (mut ana, _) = server.join(&token(claims("r", "ana"))).await;
    let socket = TcpSocket::new_v4().unwrap();
    // The kernel would take megabytes for it otherwise.
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stalled = socket.connect(server.host().parse().unwrap()).await.unwrap();
    let request = format!(
        "GET {EVENTS} HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n\
         authorization: Bearer {}\r\n\r\n",
        server.host(),
        observing(Some("r")),
    );
    stalled.write_all(request.as_bytes()).await.unwrap();
    let mut reading = Stream::open(&server, EVENTS, &observing(Some("r")), None).await;
    assert_eq!(reading.next().await.unwrap().kind, "overview");
    let mut said = 0;
    for _ in 0..600 {
        let chat = json!({"type": "chat", "text": "x".repeat(8000)});
        assert!(ana.ask(chat).await["ok"].is_object());
        ana.event("chat.posted").await;
        said += 1;
        assert_eq!(reading.next().await.unwrap().kind, "chat.posted", "the others read on");
        if said >= 100 && server.metric("oriel_slow_readers_total").await == Some(1) {
            break;
        }
        if said >= 100 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    assert_eq!(server.metric("oriel_slow_readers_total").await, Some(1), "after {said}");
    // What the kernel still had, and then the end.
    let mut rest = Vec::new();
    let _ = in_time(stalled.read_to_end(&mut rest)).await;
    assert!(rest.len() < 800_000, "{} bytes were kept for it", rest.len());
}
