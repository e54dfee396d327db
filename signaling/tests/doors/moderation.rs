//! What a moderator does reaches every door.

use serde_json::{Value, json};
use signaling_core::grants::Claims;

use crate::server::{Server, claims, token};

fn moderator(room: &str) -> String {
    let mut claims = claims(room, "mo");
    claims.video.room_admin = true;
    token(claims)
}

fn id(joined: &Value) -> Value {
    joined["participant"]["id"].clone()
}

#[tokio::test]
async fn whoever_is_removed_stays_outside_until_the_token_ends() {
    let server = Server::start(&["rooms.empty_timeout=0"]).await;
    let ana_token = token(claims("r", "ana"));
    let (mut mo, _) = server.join(&moderator("r")).await;
    let (mut ana, joined) = server.join(&ana_token).await;

    let removed = mo.ask(json!({"type": "remove", "participant": id(&joined)})).await;

    assert!(removed["ok"].is_object(), "{removed}");
    assert_eq!(ana.event("disconnected").await["reason"], "removed");
    assert_eq!(ana.close_code().await, 4403);
    assert_eq!(mo.event("participant.left").await["reason"], "removed");
    let secret = &joined["resume"];
    let resume = json!({"type": "resume", "room": "r", "secret": secret, "cursor": ""});
    assert_eq!(server.socket().await.ask(resume).await["error"]["code"], "not_found");

    // The bar outlives the room.
    mo.ask(json!({"type": "leave"})).await;
    mo.close_code().await;
    for again in [ana_token.clone(), token(claims("r", "ana"))] {
        let join = json!({"type": "join", "token": again});
        assert_eq!(server.socket().await.ask(join).await["error"]["code"], "forbidden");
    }
    let bearer = format!("Bearer {ana_token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/sdp")];
    for path in ["/whip/r", "/whep/r"] {
        assert_eq!(server.http("POST", path, &headers, "v=0").await.status, 403, "{path}");
    }
    let (_elsewhere, _) = server.join(&token(claims("other", "ana"))).await;
    let (_ben, _) = server.join(&token(claims("r", "ben"))).await;
}

#[tokio::test]
async fn a_lobby_holds_newcomers_back_until_they_are_let_in() {
    let server = Server::start(&[]).await;
    let (mut mo, _) = server.join(&moderator("r")).await;
    mo.ask(json!({"type": "set_room", "lobby": true})).await;

    let (mut ana, waiting) = server.join(&token(claims("r", "ana"))).await;
    let listed = mo.event("lobby.changed").await["waiting"].clone();
    assert_eq!(listed[0]["id"], waiting["waiting"]);
    assert_eq!(listed[0]["identity"], "ana");
    let refused = ana.ask(json!({"type": "chat", "text": "hello?"})).await;
    assert!(refused["error"].is_object(), "{refused}");
    mo.ask(json!({"type": "admit", "participant": waiting["waiting"]})).await;
    let admitted = ana.event("lobby.admitted").await;
    assert_eq!(admitted["joined"]["participant"]["id"], waiting["waiting"]);
    assert_eq!(admitted["joined"]["participants"][0]["identity"], "mo");
    ana.ask(json!({"type": "chat", "text": "hello"})).await;
    assert_eq!(mo.event("chat.posted").await["message"]["text"], "hello");

    let (mut ben, waiting) = server.join(&token(claims("r", "ben"))).await;
    mo.ask(json!({"type": "deny", "participant": waiting["waiting"]})).await;
    assert_eq!(ben.event("disconnected").await["reason"], "removed");
    assert_eq!(ben.close_code().await, 4403);

    let (cleo, _) = server.join(&token(claims("r", "cleo"))).await;
    while mo.event("lobby.changed").await["waiting"].as_array().unwrap().is_empty() {}
    drop(cleo);
    assert_eq!(mo.event("lobby.changed").await["waiting"], json!([]), "who gives up is gone");
}

#[tokio::test]
async fn a_password_and_a_lock_are_kept_to() {
    let server = Server::start(&[]).await;
    let (mut mo, _) = server.join(&moderator("r")).await;
    mo.ask(json!({"type": "set_room", "password": "sesame"})).await;
    let updated = mo.event("room.updated").await;
    assert_eq!(updated["room"]["password"], true);
    assert!(!updated.to_string().contains("sesame"));
    let join = |password: Option<&str>| json!({"type": "join", "token": token(claims("r", "ana")), "password": password});
    for wrong in [None, Some("open")] {
        let refused = server.socket().await.ask(join(wrong)).await;
        assert_eq!(refused["error"]["code"], "password_required");
    }
    let mut ana = server.socket().await;
    assert!(ana.ask(join(Some("sesame"))).await["ok"].is_object());

    mo.ask(json!({"type": "set_room", "locked": true, "password": ""})).await;
    let mut ben = server.socket().await;
    let refused = ben.ask(json!({"type": "join", "token": token(claims("r", "ben"))})).await;
    assert_eq!(refused["error"]["code"], "locked");
    assert_eq!(ben.close_code().await, 4423);
}

#[tokio::test]
async fn a_move_takes_the_connection_along_and_back() {
    let server = Server::start(&[]).await;
    let (mut mo, _) = server.join(&moderator("r")).await;
    let admin = Claims { sub: Some("mo-a".into()), ..claims("r.a", "mo-a") };
    let mut admin = admin;
    admin.video.room_admin = true;
    let (mut host, host_joined) = server.join(&token(admin)).await;
    let (mut ana, joined) = server.join(&token(claims("r", "ana"))).await;

    let move_to =
        |who: &Value, room: &str| json!({"type": "move", "participant": who, "room": room});
    for elsewhere in ["other", "r", "rx.a", "r."] {
        let refused = mo.ask(move_to(&id(&joined), elsewhere)).await;
        assert!(refused["error"].is_object(), "{elsewhere}: {refused}");
    }
    let moved = mo.ask(move_to(&id(&joined), "r.a")).await;
    assert!(moved["ok"].is_object(), "{moved}");
    assert_eq!(mo.event("participant.left").await["reason"], "moved");
    let there = ana.event("moved").await["joined"].clone();
    assert_eq!(there["room"]["name"], "r.a");
    assert_eq!(there["participants"][0]["id"], id(&host_joined));
    assert_eq!(host.event("participant.joined").await["participant"]["identity"], "ana");
    ana.ask(json!({"type": "chat", "text": "over here"})).await;
    assert_eq!(host.event("chat.posted").await["message"]["text"], "over here");
    // The old secret is void, the new one is good.
    let resume = |room: &str, joined: &Value| json!({"type": "resume", "room": room, "secret": joined["resume"], "cursor": joined["cursor"]});
    let refused = server.socket().await.ask(resume("r", &joined)).await;
    assert_eq!(refused["error"]["code"], "not_found");
    let mut ana = server.socket().await;
    assert!(ana.ask(resume("r.a", &there)).await["ok"].is_object());

    let back = host.ask(move_to(&id(&there), "r")).await;
    assert!(back["ok"].is_object(), "{back}");
    assert_eq!(ana.event("moved").await["joined"]["room"]["name"], "r");
    assert_eq!(mo.event("participant.joined").await["participant"]["identity"], "ana");
}

#[tokio::test]
async fn a_move_into_a_full_room_leaves_everybody_where_they_are() {
    let server = Server::start(&["rooms.max_participants=2"]).await;
    let (mut mo, _) = server.join(&moderator("r")).await;
    let (mut ana, joined) = server.join(&token(claims("r", "ana"))).await;
    let (_one, _) = server.join(&token(claims("r.a", "one"))).await;
    let (_two, _) = server.join(&token(claims("r.a", "two"))).await;
    let moved = mo.ask(json!({"type": "move", "participant": id(&joined), "room": "r.a"})).await;
    assert_eq!(moved["error"]["code"], "full");
    ana.ask(json!({"type": "chat", "text": "still here"})).await;
    assert_eq!(mo.event("chat.posted").await["message"]["text"], "still here");
}

#[tokio::test]
async fn ending_a_room_ends_it_for_everybody() {
    let server = Server::start(&[]).await;
    let (mut mo, _) = server.join(&moderator("r")).await;
    let (mut ana, _) = server.join(&token(claims("r", "ana"))).await;
    let forbidden = ana.ask(json!({"type": "end"})).await;
    assert_eq!(forbidden["error"]["code"], "forbidden");
    mo.ask(json!({"type": "end"})).await;
    assert_eq!(ana.event("room.ended").await["reason"], "ended");
    assert_eq!(ana.event("disconnected").await["reason"], "room_ended");
    assert_eq!(ana.close_code().await, 1000);
    assert_eq!(mo.close_code().await, 1000);
}
