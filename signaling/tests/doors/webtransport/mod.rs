//! Rooms by WebTransport, beside those who come by WebSocket.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;
use web_transport_quinn::{ClientBuilder, ClientError};

use self::client::{Client, ask_for, invitation, request, trusting};
use crate::data::{ID, LOSSY, SENDER, SEQ, envelope, number, received};
use crate::feed_readers::observing;
use crate::server::{Server, Socket, claims, in_time, token};

mod abuse;
mod arrival;
mod bulk;
mod client;
mod shared;

async fn ana_and_ben(server: &Server) -> (Client, u64, Socket, u64) {
    let (ana, joined) = Client::join(server, "r", "Ana").await;
    let (ben, beside) = server.join_as_guest("r", "Ben").await;
    let numbers = [joined, beside].map(|joined| number(&joined["participant"]["id"]));
    (ana, numbers[0], ben, numbers[1])
}

#[tokio::test]
async fn a_client_that_knows_the_hashes_of_the_certificates_joins_and_chats_beside_a_websocket() {
    let server = Server::start_bare(&[]).await;
    let invitation = invitation(&server).await;
    let hashes: Vec<Vec<u8>> = invitation["certificate_hashes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hash| STANDARD.decode(hash.as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(hashes.iter().map(Vec::len).collect::<Vec<_>>(), [32, 32]);
    let connect = |hashes| async {
        let client = ClientBuilder::new().with_server_certificate_hashes(hashes).unwrap();
        in_time(client.connect(request(&server, &[]).await)).await
    };
    connect(hashes).await.unwrap();
    assert!(connect(vec![vec![0; 32]]).await.is_err());

    let (mut ana, _, mut ben, _) = ana_and_ben(&server).await;
    ana.event("participant.joined").await;
    let posted = ben.ask(json!({"type": "chat", "text": "hello"})).await;
    assert!(posted["ok"].is_object(), "{posted}");
    assert_eq!(ana.event("chat.posted").await["message"]["text"], "hello");
    ana.ask(json!({"type": "chat", "text": "hello to you"})).await;
    assert_eq!(ben.event("chat.posted").await["message"]["text"], "hello");
    assert_eq!(ben.event("chat.posted").await["message"]["text"], "hello to you");
    // Those before have not said that they go.
    in_time(async {
        while server.metric("oriel_webtransport_sessions").await != Some(1) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let joins = "oriel_joins_total{door=\"webtransport\",outcome=\"ok\"}";
    assert_eq!(server.metric(joins).await, Some(1));

    ana.ask(json!({"type": "leave"})).await;
    assert_eq!(ana.close_code().await, 1000);
    ben.event("participant.left").await;
}

#[tokio::test]
async fn lossy_and_reliable_messages_go_both_ways_between_webtransport_and_websocket() {
    let server = Server::start_bare(&[]).await;
    let (mut ana, ana_id, mut ben, ben_id) = ana_and_ben(&server).await;
    let (mut cleo, _) = Client::join(&server, "r", "Cleo").await;

    ana.send_frame(&envelope(0, 7, &[], "t", b"kept")).await;
    let expected = envelope_of(SENDER, ana_id, 7, "t", b"kept");
    assert_eq!(cleo.message().await, expected);
    // By the room's journal, where it has a number.
    let numbered = received(&mut ben).await;
    assert_eq!(numbered[1], SENDER | ID | SEQ);
    assert_eq!((&numbered[2..18], &numbered[26..]), (&expected[2..18], &expected[18..]));

    let lossy = envelope(LOSSY, 8, &[], "t", b"now");
    let expected = envelope_of(SENDER | LOSSY, ana_id, 8, "t", b"now");
    assert_eq!(ana.send_until(&lossy, received(&mut ben)).await, expected);
    assert_eq!(ana.send_until(&lossy, cleo.datagram()).await, expected);

    let back = envelope_of(SENDER | LOSSY, ben_id, 9, "t", b"back");
    ben.send(Message::binary(envelope(LOSSY, 9, &[], "t", b"back"))).await.unwrap();
    assert_eq!(ana.datagram().await, back);
    ben.send(Message::binary(envelope(0, 10, &[], "t", b"kept, too"))).await.unwrap();
    let kept = ana.message().await;
    assert!(kept.ends_with(b"kept, too"));
    assert_eq!(kept[2..10], ben_id.to_be_bytes());
}

/// An envelope as a receiver gets it that has a link.
fn envelope_of(flags: u8, sender: u64, id: u64, topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![1, flags | ID];
    bytes.extend(sender.to_be_bytes());
    bytes.extend(id.to_be_bytes());
    bytes.push(u8::try_from(topic.len()).unwrap());
    bytes.extend(topic.as_bytes());
    bytes.extend(payload);
    bytes
}

#[tokio::test]
async fn a_client_whose_address_changes_keeps_its_session() {
    let server = Server::start_bare(&[]).await;
    let (mut ana, _, mut ben, _) = ana_and_ben(&server).await;
    let before = ana.endpoint.local_addr().unwrap();
    ana.endpoint.rebind(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).unwrap();
    assert_ne!(ana.endpoint.local_addr().unwrap(), before);
    ana.ask(json!({"type": "chat", "text": "from elsewhere"})).await;
    assert_eq!(ben.event("chat.posted").await["message"]["text"], "from elsewhere");
    ben.ask(json!({"type": "chat", "text": "heard"})).await;
    ana.event("chat.posted").await;
    let lossy = envelope(LOSSY, 8, &[], "t", b"now");
    ana.send_until(&lossy, received(&mut ben)).await;
    assert_eq!(server.metric("oriel_webtransport_sessions").await, Some(1));
}

#[tokio::test]
async fn a_lost_session_is_resumed_by_a_websocket_and_the_other_way_round() {
    let server = Server::start_bare(&[]).await;
    let (ana, joined, mut ben, _) = {
        let (ana, joined) = Client::join(&server, "r", "Ana").await;
        let (ben, _) = server.join_as_guest("r", "Ben").await;
        (ana, joined, ben, ())
    };
    let resume = json!({
        "type": "resume", "room": "r", "secret": joined["resume"], "cursor": joined["cursor"]
    });
    // Without a word: the endpoint with its socket is gone.
    drop(ana);
    ben.ask(json!({"type": "chat", "text": "missed"})).await;
    let mut socket = server.socket().await;
    let resumed = socket.ask(resume.clone()).await;
    assert!(resumed["ok"].is_object(), "{resumed}");
    assert_eq!(socket.event("chat.posted").await["message"]["text"], "missed");

    let mut again = Client::open(&server, &[]).await;
    let resumed = again.ask(resume).await;
    assert!(resumed["ok"].is_object(), "{resumed}");
    assert_eq!(again.event("chat.posted").await["message"]["text"], "missed");
    assert_eq!(socket.close_code().await, 1000);
    // The link is the new one's.
    ben.send(Message::binary(envelope(0, 1, &[], "t", b"here"))).await.unwrap();
    assert!(again.message().await.ends_with(b"here"));
    again.send_frame(&envelope(0, 2, &[], "t", b"there")).await;
    assert!(received(&mut ben).await.ends_with(b"there"));
}

#[tokio::test]
async fn an_observer_reads_along() {
    let server = Server::start(&["rooms.guests=open"]).await;
    let (mut ana, _) = Client::join(&server, "r", "Ana").await;
    let mut observer = Client::open(&server, &[]).await;
    let observing = observing(Some("r"));
    let begun = observer.ask(json!({"type": "observe", "token": observing, "room": "r"})).await;
    assert!(begun["ok"].is_object(), "{begun}");
    ana.ask(json!({"type": "chat", "text": "hello"})).await;
    assert_eq!(observer.event("chat.posted").await["message"]["text"], "hello");
    let refused = observer.ask(json!({"type": "chat", "text": "me too"})).await;
    assert_eq!(refused["error"]["code"], "forbidden");
    observer.send_frame(&envelope(0, 2, &[], "t", b"me, too")).await;
    assert_eq!(observer.close_code().await, 1003);
}

#[tokio::test]
async fn pages_of_foreign_origins_and_wrong_tokens_are_refused_with_a_word() {
    let server = Server::start_bare(&["server.allowed_origins=https://shop.example"]).await;
    let own = format!("http://{}", server.host());
    for (origin, may) in [
        (own.as_str(), true),
        ("https://shop.example", true),
        ("https://evil.example", false),
        ("null", false),
    ] {
        let token = server.ticket("r", "Ana").await["token"].clone();
        let mut client = Client::open(&server, &[("origin", origin)]).await;
        let reply = client.ask(json!({"type": "join", "token": token})).await;
        assert_eq!(reply["ok"].is_object(), may, "{origin}: {reply}");
        if !may {
            assert_eq!(reply["error"]["code"], "origin_not_allowed", "{origin}");
            assert_eq!(client.close_code().await, 4403, "{origin}");
        }
    }
    let mut stranger = Client::open(&server, &[]).await;
    let refused = stranger.ask(json!({"type": "join", "token": "none"})).await;
    assert_eq!(refused["error"]["code"], "unauthorized");
    assert_eq!(stranger.close_code().await, 4401);
    let mut early = Client::open(&server, &[]).await;
    let refused = early.ask(json!({"type": "chat", "text": "hello"})).await;
    assert_eq!(refused["error"]["code"], "unauthorized");
    assert_eq!(early.close_code().await, 4401);
}

#[tokio::test]
async fn another_path_is_not_found() {
    let server = Server::start_bare(&[]).await;
    let mut elsewhere = request(&server, &[]).await;
    elsewhere.url.set_path("/v1/ws");
    let refused = ask_for(&server, elsewhere, trusting(&server)).await.err().unwrap();
    assert!(matches!(refused, ClientError::HttpError(_)), "{refused}");
    let refused = "oriel_webtransport_refused_total{reason=\"path\"}";
    assert_eq!(server.metric(refused).await, Some(1));
}

#[tokio::test]
async fn a_participant_that_is_moved_has_its_data_in_the_other_room() {
    let server = Server::start(&["rooms.guests=open"]).await;
    let mut moderator = claims("r", "mo");
    moderator.video.room_admin = true;
    let (mut mo, _) = server.join(&token(moderator)).await;
    let (mut ana, joined) = Client::join(&server, "r", "Ana").await;
    let (mut ben, _) = server.join(&token(claims("r.a", "ben"))).await;
    let participant = joined["participant"]["id"].clone();
    let moved = mo.ask(json!({"type": "move", "participant": participant, "room": "r.a"})).await;
    assert!(moved["ok"].is_object(), "{moved}");
    ana.event("moved").await;
    ben.send(Message::binary(envelope(0, 1, &[], "t", b"welcome"))).await.unwrap();
    assert!(ana.message().await.ends_with(b"welcome"));
    ana.send_frame(&envelope(0, 2, &[], "t", b"thanks")).await;
    assert!(received(&mut ben).await.ends_with(b"thanks"));
}

#[tokio::test]
async fn the_other_side_of_a_stop_hears_everything_and_then_the_code() {
    let server = Server::start_bare(&["server.drain_timeout=1"]).await;
    let (mut ana, _) = Client::join(&server, "r", "Ana").await;
    in_time(server.app.drain()).await;
    in_time(server.app.stop()).await;
    ana.event("server.draining").await;
    assert_eq!(ana.event("room.ended").await["reason"], "server_stopping");
    assert_eq!(ana.event("disconnected").await["reason"], "server_stopping");
    assert_eq!(ana.close_code().await, 4503);
}

#[tokio::test]
async fn a_session_that_a_client_closes_keeps_its_place_for_the_lease_unless_it_has_left() {
    let server = Server::start_bare(&["rooms.lease=1"]).await;
    let (ana, _, mut ben, _) = ana_and_ben(&server).await;
    ana.session.close(0, b"");
    assert_eq!(ben.event("participant.left").await["reason"], "connection_lost");
    let (cleo, _) = Client::join(&server, "r", "Cleo").await;
    cleo.session.close(1001, b"the page is closed");
    assert_eq!(ben.event("participant.left").await["reason"], "left");
    let (mut dora, _) = Client::join(&server, "r", "Dora").await;
    dora.send_frame(json!({"id": 5, "type": "leave"}).to_string().as_bytes()).await;
    dora.send.finish().unwrap();
    dora.session.close(1000, b"");
    assert_eq!(ben.event("participant.left").await["reason"], "left");
}

#[tokio::test]
async fn it_is_served_where_it_is_wanted() {
    let server = Server::start_bare(&["webtransport.enabled=false"]).await;
    let ticket = server.ticket("r", "Ana").await;
    assert_eq!(ticket["webtransport"], json!(null));
    assert_eq!(ticket["transports"], json!(["websocket", "sse", "poll"]));

    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::start_bare(&[&format!("webtransport.port={port}")]).await;
    let (_ana, _) = Client::join(&server, "r", "Ana").await;
    let page = server.http("GET", "/embed/r", &[], "").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains(&format!("connect-src 'self' https://127.0.0.1:{port};")), "{policy}");
    let own = format!("http://{}", server.host());
    let mut page = Client::open(&server, &[("origin", &own)]).await;
    let token = server.ticket("r", "Ben").await["token"].clone();
    let joined = page.ask(json!({"type": "join", "token": token})).await;
    assert!(joined["ok"].is_object(), "our own pages are ours at another port, too: {joined}");

    let server = Server::start_bare(&["webtransport.connections_per_address=1"]).await;
    let (_ana, _) = Client::join(&server, "r", "Ana").await;
    let second = ask_for(&server, request(&server, &[]).await, trusting(&server)).await;
    assert!(matches!(second, Err(ClientError::Connection(_))));
    let refused = "oriel_webtransport_refused_total{reason=\"connections\"}";
    assert_eq!(server.metric(refused).await, Some(1));
}
