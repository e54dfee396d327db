//! The server is asked to stop: a while to say goodbye, then the end.

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::server::{Server, in_time};

#[tokio::test]
async fn stopping_tells_everybody_and_takes_nobody() {
    let server = Server::start_bare(&[]).await;
    let (mut ana, _) = server.join_as_guest("lobby", "Ana").await;
    let host = server.host();
    server.app.stop().await;
    assert_eq!(ana.event("room.ended").await["reason"], "server_stopping");
    assert_eq!(ana.event("disconnected").await["reason"], "server_stopping");
    assert_eq!(ana.close_code().await, 4503);
    assert!(tokio::net::TcpStream::connect(host).await.is_err());
}

#[tokio::test]
async fn draining_lets_nobody_in_and_ends_with_the_last_one() {
    let server = Server::start_bare(&["server.drain_timeout=60"]).await;
    let (mut ana, joined) = server.join_as_guest("lobby", "Ana").await;
    let ticket = server.ticket("lobby", "Ben").await;
    assert_eq!(server.internal("/ready").await.status, 200);

    let draining = in_time(async {
        let drain = server.app.drain();
        let act = async {
            let event = ana.event("server.draining").await;
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let left = event["deadline"].as_u64().unwrap() - now.as_millis() as u64;
            assert!((50_000..=60_000).contains(&left), "{left}");
            assert_eq!(server.internal("/ready").await.status, 503);
            assert_eq!(server.internal("/health").await.status, 200);
            for room in ["lobby", "another"] {
                let mut ben = server.socket().await;
                let mut join = json!({"type": "join", "token": ticket["token"]});
                if room == "another" {
                    join["token"] = server.ticket(room, "Ben").await["token"].clone();
                }
                let refused = ben.ask(join).await;
                assert_eq!(refused["error"]["code"], "stopping", "{refused}");
                assert_eq!(ben.close_code().await, 4503);
            }
            // The call goes on, for who has lost the connection as well.
            ana.ask(json!({"type": "chat", "text": "let us finish"})).await;
            let mut again = server.socket().await;
            let resumed = again
                .ask(json!({
                    "type": "resume", "room": "lobby", "secret": joined["resume"],
                    "cursor": joined["cursor"],
                }))
                .await;
            assert!(resumed["ok"].is_object(), "{resumed}");
            again.ask(json!({"type": "leave"})).await;
            assert_eq!(again.close_code().await, 1000);
        };
        tokio::join!(drain, act);
    });
    draining.await;
    assert_eq!(server.metric("oriel_rooms").await, Some(0));
    server.app.stop().await;
}

#[tokio::test]
async fn draining_ends_in_time_whoever_is_still_there() {
    let server = Server::start_bare(&["server.drain_timeout=1"]).await;
    let (mut ana, _) = server.join_as_guest("lobby", "Ana").await;
    let begun = std::time::Instant::now();
    in_time(server.app.drain()).await;
    assert!(begun.elapsed() >= Duration::from_millis(900));
    in_time(server.app.stop()).await;
    assert_eq!(ana.event("room.ended").await["reason"], "server_stopping");
    assert_eq!(ana.close_code().await, 4503);
}
