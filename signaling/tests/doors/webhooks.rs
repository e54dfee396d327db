//! What happens in rooms, told to a real receiver: signed, and in spite of everything. That it is the same
//! as what others are told is in `story.rs`.

use serde_json::{Value, json};
use signaling_core::grants::{Claims, OrielClaims};

use crate::receiver::{LOOPBACK, Mood, Receiver, until};
use crate::server::{Response, Server, claims, token};

async fn as_admin(server: &Server, method: &str, path: &str) -> Response {
    let oriel = OrielClaims { admin: true, ..OrielClaims::default() };
    let token = format!("Bearer {}", token(Claims { oriel, ..Claims::default() }));
    server.http(method, path, &[("authorization", &token)], "").await
}

fn types(told: &[Value]) -> Vec<&str> {
    told.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn what_happens_is_told_in_order_with_the_numbers_of_the_journal() {
    let receiver = Receiver::start(Mood::Takes).await;
    let server = Server::start_bare(&[&receiver.endpoint(), LOOPBACK]).await;
    let (mut ana, joined) = server.join_as_guest("team", "Ana").await;
    ana.ask(json!({"type": "chat", "text": "hello"})).await;
    let posted = ana.event("chat.posted").await;
    ana.ask(json!({"type": "send", "payload": "aGk="})).await;
    ana.ask(json!({"type": "end"})).await;
    until(async || receiver.told().len() == 4).await;
    let told = receiver.told();
    // The application's own data is not among it.
    let expected = ["room.started", "participant.joined", "chat.posted", "room.ended"];
    assert_eq!(types(&told), expected);
    let chat = &told[2];
    assert_eq!(chat["event"], posted);
    assert_eq!(chat["room"]["id"], joined["room"]["id"]);
    let epoch = joined["cursor"].as_str().unwrap().split_once('.').unwrap().0;
    assert_eq!(chat["id"], format!("{epoch}.{}", posted["seq"]));
}

#[tokio::test]
async fn an_endpoint_that_hangs_or_fails_holds_nobody_up_and_is_told_later() {
    for mood in [Mood::Hangs, Mood::Fails, Mood::HangsUp] {
        let receiver = Receiver::start(mood).await;
        let timeout = "webhooks.timeout=1";
        let server = Server::start_bare(&[&receiver.endpoint(), LOOPBACK, timeout]).await;
        let (mut ana, _) = server.join_as_guest("team", "Ana").await;
        for text in ["one", "two", "three"] {
            ana.ask(json!({"type": "chat", "text": text})).await;
        }
        until(async || *receiver.asked.lock().unwrap() > 1).await;
        assert!(receiver.told().is_empty());
        receiver.set(Mood::Takes);
        until(async || receiver.told().len() == 5).await;
        let told = receiver.told();
        let texts: Vec<&str> =
            told.iter().filter_map(|one| one["event"]["message"]["text"].as_str()).collect();
        assert_eq!(texts, ["one", "two", "three"]);
        let waiting = "oriel_webhook_waiting{endpoint=\"books\"}";
        until(async || server.metric(waiting).await == Some(0)).await;
        let delivered = "oriel_webhook_delivered_total{endpoint=\"books\"}";
        assert_eq!(server.metric(delivered).await, Some(5));
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_dead_letters_are_sent_again() {
    let receiver = Receiver::start(Mood::Redirects).await;
    let retry_for = "webhooks.retry_for=1";
    let server = Server::start(&[&receiver.endpoint(), LOOPBACK, retry_for]).await;
    let response = as_admin(&server, "GET", "/v1/webhooks").await;
    assert_eq!(response.json()["endpoints"][0]["url"], receiver.url);
    let (_ana, _) = server.join(&token(claims("team", "ana"))).await;
    let letters = "/v1/webhooks/books/dead-letters";
    until(async || {
        let page = as_admin(&server, "GET", letters).await.json();
        page["letters"].as_array().unwrap().len() == 2
    })
    .await;
    let page = as_admin(&server, "GET", &format!("{letters}?limit=1")).await.json();
    let first = &page["letters"][0];
    assert_eq!(first["event"]["type"], "room.started");
    assert_eq!(first["reason"], "the answer was 307 Temporary Redirect");
    assert_eq!(page["next"], first["number"]);

    let one = format!("{letters}/{}", first["number"]);
    assert_eq!(as_admin(&server, "DELETE", &one).await.status, 204);
    assert_eq!(as_admin(&server, "DELETE", &one).await.status, 404);
    assert_eq!(as_admin(&server, "POST", &format!("{one}/retry")).await.status, 404);
    receiver.set(Mood::Takes);
    let retried = as_admin(&server, "POST", &format!("{letters}/retry")).await;
    assert_eq!(retried.json(), json!({"retried": 1}), "{}", retried.body);
    until(async || receiver.told().len() == 1).await;
    assert_eq!(receiver.told()[0]["type"], "participant.joined");
    assert_eq!(as_admin(&server, "GET", "/v1/webhooks/other/dead-letters").await.status, 404);
}

#[tokio::test]
async fn nothing_goes_to_private_addresses_unless_they_are_allowed() {
    let receiver = Receiver::start(Mood::Takes).await;
    let server = Server::start(&[&receiver.endpoint(), "webhooks.retry_for=1"]).await;
    let (_ana, _) = server.join(&token(claims("team", "ana"))).await;
    let letters = "/v1/webhooks/books/dead-letters";
    let mut reason = String::new();
    until(async || {
        let page = as_admin(&server, "GET", letters).await.json();
        let first = page["letters"][0]["reason"].as_str().unwrap_or_default();
        reason = first.to_owned();
        !reason.is_empty()
    })
    .await;
    assert!(reason.contains("webhooks.allowed_networks"), "{reason}");
    assert_eq!(*receiver.asked.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_room_whose_last_lease_ends_is_told_to_be_over() {
    let receiver = Receiver::start(Mood::Takes).await;
    let short = ["rooms.lease=1", "rooms.empty_timeout=1"];
    let server =
        Server::start_bare(&[&[receiver.endpoint().as_str(), LOOPBACK][..], &short].concat()).await;
    let (ana, _) = server.join_as_guest("team", "Ana").await;
    drop(ana);
    until(async || receiver.told().len() == 4).await;
    let told = receiver.told();
    let expected = ["room.started", "participant.joined", "participant.left", "room.ended"];
    assert_eq!(types(&told), expected);
    assert_eq!(told[2]["event"]["reason"], "connection_lost");
    assert_eq!(told[3]["event"]["reason"], "empty");
}
