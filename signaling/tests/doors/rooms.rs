//! What people do in a room, by HTTP and WebSocket.

use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::server::{Server, claims, token};

#[tokio::test]
async fn two_guests_meet_write_and_leave() {
    let server = Server::start_bare(&[]).await;
    let ticket = server.ticket("lobby", "Ana").await;
    assert_eq!(ticket["room"], "lobby");
    assert_eq!(ticket["url"], format!("ws://{}/v1/ws", server.host()));
    assert_eq!(ticket["transports"], json!(["websocket", "webtransport", "sse", "poll"]));
    assert_eq!(ticket["limits"]["sdp_bytes"], 256 * 1024);

    let (mut ana, ana_joined) = server.join(ticket["token"].as_str().unwrap()).await;
    assert_eq!(ana_joined["participant"]["name"], "Ana");
    assert_eq!(ana_joined["participant"]["role"], "moderator");
    assert_eq!(ana_joined["participants"], json!([]));

    let (mut ben, ben_joined) = server.join_as_guest("lobby", "Ben").await;
    assert_eq!(ben_joined["participants"][0]["id"], ana_joined["participant"]["id"]);
    assert_eq!(ben_joined["participant"]["role"], "participant");
    let arrival = ana.event("participant.joined").await;
    assert_eq!(arrival["participant"]["id"], ben_joined["participant"]["id"]);
    assert_eq!(server.metric("oriel_participants").await, Some(2));

    let posted = ben.ask(json!({"type": "chat", "text": "hello"})).await;
    let heard = ana.event("chat.posted").await;
    assert_eq!(heard["message"], posted["ok"]["message"]);
    assert_eq!(heard["message"]["text"], "hello");
    assert!(heard["seq"].as_u64().unwrap() > arrival["seq"].as_u64().unwrap());

    let refused =
        ben.ask(json!({"type": "mute", "track": "TR_0000000000000", "muted": true})).await;
    assert_eq!(refused["error"]["code"], "not_found");

    assert_eq!(ben.ask(json!({"type": "leave"})).await["ok"], json!({}));
    assert_eq!(ben.event("disconnected").await["reason"], "left");
    assert_eq!(ben.close_code().await, 1000);
    let departure = ana.event("participant.left").await;
    assert_eq!(departure["participant"], ben_joined["participant"]["id"]);
    assert_eq!(server.metric("oriel_rooms").await, Some(1));
    assert_eq!(
        server.metric("oriel_joins_total{door=\"websocket\",outcome=\"ok\"}").await,
        Some(2)
    );
}

#[tokio::test]
async fn who_closes_the_page_has_left() {
    let server = Server::start_bare(&[]).await;
    let (mut ana, _) = server.join_as_guest("lobby", "Ana").await;
    let (mut ben, _) = server.join_as_guest("lobby", "Ben").await;
    let away = CloseFrame { code: CloseCode::Away, reason: "".into() };
    ben.send(Message::Close(Some(away))).await.unwrap();
    assert_eq!(ana.event("participant.left").await["reason"], "left");
}

#[tokio::test]
async fn the_newest_of_an_identity_wins() {
    let server = Server::start(&[]).await;
    let (mut older, _) = server.join(&token(claims("r", "ana"))).await;
    let (_newer, joined) = server.join(&token(claims("r", "ana"))).await;
    assert_eq!(joined["participants"], json!([]));
    assert_eq!(older.event("disconnected").await["reason"], "duplicate_identity");
    assert_eq!(older.close_code().await, 4409);
}

#[tokio::test]
async fn an_empty_room_ends_and_its_name_begins_anew() {
    let server = Server::start_bare(&["rooms.empty_timeout=0"]).await;
    let (mut ana, first) = server.join_as_guest("lobby", "Ana").await;
    ana.ask(json!({"type": "leave"})).await;
    ana.close_code().await;
    while server.metric("oriel_rooms").await != Some(0) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (_ana, second) = server.join_as_guest("lobby", "Ana").await;
    assert_ne!(first["room"]["id"], second["room"]["id"]);
}

#[tokio::test]
async fn rooms_are_created_by_those_who_may() {
    let server = Server::start(&["rooms.auto_create=false"]).await;
    let mut socket = server.socket().await;
    let refused = socket.ask(json!({"type": "join", "token": token(claims("r", "ana"))})).await;
    assert_eq!(refused["error"]["code"], "not_found");
    assert_eq!(socket.close_code().await, 4404);

    let mut creator = claims("r", "host");
    creator.video.room_create = true;
    let (_host, _) = server.join(&token(creator)).await;
    let (_ana, joined) = server.join(&token(claims("r", "ana"))).await;
    assert_eq!(joined["participants"][0]["identity"], "host");
}

#[tokio::test]
async fn a_full_room_and_a_full_server_say_so() {
    let server = Server::start(&["rooms.max_participants=1", "rooms.max_rooms=1"]).await;
    let (_ana, _) = server.join(&token(claims("r", "ana"))).await;
    for room in ["r", "other"] {
        let mut socket = server.socket().await;
        let refused =
            socket.ask(json!({"type": "join", "token": token(claims(room, "ben"))})).await;
        assert_eq!(refused["error"]["code"], "full", "{room}");
        assert_eq!(refused["error"]["retry"], true);
    }
}

#[tokio::test]
async fn health_readiness_and_metrics_are_on_their_own_port() {
    let server = Server::start_bare(&[]).await;
    assert_eq!(server.internal("/health").await.status, 200);
    assert_eq!(server.internal("/ready").await.status, 200);
    let metrics = server.internal("/metrics").await;
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for family in ["oriel_rooms", "oriel_participants", "oriel_sfu_packets_forwarded_total"] {
        assert!(metrics.body.contains(&format!("# TYPE {family} ")), "{family}");
    }
    for path in ["/health", "/ready", "/metrics"] {
        assert_eq!(server.http("GET", path, &[], "").await.status, 404, "{path}");
    }
}
