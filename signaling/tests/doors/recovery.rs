//! Sockets are lost; participants come back.

use serde_json::{Value, json};
use signaling::config::Key;
use signaling::config::Secret;

use crate::server::{Server, Socket, claims, token};

/// What a client keeps for the day when its socket is lost.
struct Ticket {
    room: String,
    secret: Value,
    cursor: String,
}

impl Ticket {
    fn of(joined: &Value) -> Ticket {
        Ticket {
            room: joined["room"]["name"].as_str().unwrap().to_owned(),
            secret: joined["resume"].clone(),
            cursor: joined["cursor"].as_str().unwrap().to_owned(),
        }
    }

    fn request(&self) -> Value {
        json!({
            "type": "resume", "room": self.room, "secret": self.secret, "cursor": self.cursor
        })
    }

    /// Everything up to this event has been read.
    fn read(&mut self, event: &Value) {
        let (epoch, _) = self.cursor.split_once('.').unwrap();
        self.cursor = format!("{epoch}.{}", event["seq"]);
    }
}

async fn resume(server: &Server, ticket: &Ticket) -> (Socket, Value) {
    let mut socket = server.socket().await;
    let resumed = socket.ask(ticket.request()).await;
    assert!(resumed["ok"].is_object(), "{resumed}");
    (socket, resumed["ok"].clone())
}

async fn chat(socket: &mut Socket, text: &str) -> Value {
    let posted = socket.ask(json!({"type": "chat", "text": text})).await;
    posted["ok"]["message"].clone()
}

#[tokio::test]
async fn a_lost_socket_comes_back_with_everything_it_missed_and_nobody_sees_it() {
    let server = Server::start_bare(&[]).await;
    let (ana, joined) = server.join_as_guest("r", "Ana").await;
    let (mut ben, _) = server.join_as_guest("r", "Ben").await;
    let ticket = Ticket::of(&joined);
    drop(ana);
    let said = chat(&mut ben, "are you there?").await;

    let (mut ana, resumed) = resume(&server, &ticket).await;

    assert_eq!(resumed["participant"], joined["participant"]["id"]);
    assert_eq!(ana.next_event().await.unwrap()["type"], "participant.joined");
    let missed = ana.next_event().await.unwrap();
    assert_eq!(missed["message"], said);
    assert!(missed["seq"].as_u64() <= resumed["to"].as_u64(), "{missed} {resumed}");
    chat(&mut ana, "I am").await;
    for text in ["are you there?", "I am"] {
        let event = ben.next_event().await.unwrap();
        assert_eq!(event["message"]["text"], text, "and nothing else: {event}");
    }
    assert_eq!(server.metric("oriel_resumed_total").await, Some(1));
    assert_eq!(server.metric("oriel_participants").await, Some(2));
}

#[tokio::test]
async fn the_token_may_have_ended_meanwhile() {
    let mut server = Server::start(&[]).await;
    let (ana, joined) = server.join(&token(claims("r", "ana"))).await;
    drop(ana);
    let other = Key { id: "other".into(), secret: Secret::new("x".repeat(32)) };
    server.config.auth.keys = vec![other];
    server.app.reload(&server.config).unwrap();
    let mut stranger = server.socket().await;
    let join = json!({"type": "join", "token": token(claims("r", "ben"))});
    assert_eq!(stranger.ask(join).await["error"]["code"], "unauthorized");

    resume(&server, &Ticket::of(&joined)).await;
}

#[tokio::test]
async fn who_does_not_come_back_in_time_has_left() {
    let server = Server::start_bare(&["rooms.lease=0"]).await;
    let (ana, joined) = server.join_as_guest("r", "Ana").await;
    let (mut ben, _) = server.join_as_guest("r", "Ben").await;
    drop(ana);
    let left = ben.event("participant.left").await;
    assert_eq!(left["participant"], joined["participant"]["id"]);
    assert_eq!(left["reason"], "connection_lost");

    let mut late = server.socket().await;
    let refused = late.ask(Ticket::of(&joined).request()).await;
    assert_eq!(refused["error"]["code"], "not_found");
    assert_eq!(late.close_code().await, 4404);
}

#[tokio::test]
async fn the_newer_socket_takes_over_from_one_that_is_still_there() {
    let server = Server::start_bare(&[]).await;
    let (mut old, joined) = server.join_as_guest("r", "Ana").await;
    let (mut new, _) = resume(&server, &Ticket::of(&joined)).await;
    assert_eq!(
        old.frame().await,
        Err(1000),
        "closed without a word that the new one would get, too"
    );
    chat(&mut new, "still me").await;
    assert_eq!(server.metric("oriel_participants").await, Some(1));
}

#[tokio::test]
async fn what_was_asked_before_the_loss_is_done_once() {
    let server = Server::start_bare(&[]).await;
    let (mut ana, joined) = server.join_as_guest("r", "Ana").await;
    let (mut ben, _) = server.join_as_guest("r", "Ben").await;
    ana.send_text(&json!({"id": 7, "type": "chat", "text": "once"}).to_string()).await;
    let heard = ben.event("chat.posted").await;
    // The reply is on its way, and is lost with the socket.
    drop(ana);

    let (mut ana, _) = resume(&server, &Ticket::of(&joined)).await;
    ana.send_text(&json!({"id": 7, "type": "chat", "text": "once"}).to_string()).await;
    let reply = loop {
        let frame = ana.frame().await.unwrap();
        if frame["re"] == 7 {
            break frame;
        }
    };
    assert_eq!(reply["ok"]["message"], heard["message"], "the reply to what was done");
    chat(&mut ana, "twice").await;
    assert_eq!(ben.event("chat.posted").await["message"]["text"], "twice");
}

#[tokio::test]
async fn who_comes_back_too_late_for_the_journal_is_told_so_and_sees_the_room_as_it_is() {
    let server = Server::start_bare(&["rooms.journal_bytes=4096"]).await;
    let (ana, joined) = server.join_as_guest("r", "Ana").await;
    let (mut ben, _) = server.join_as_guest("r", "Ben").await;
    drop(ana);
    for number in 0..4 {
        chat(&mut ben, &format!("{number}{}", "x".repeat(2000))).await;
    }

    let mut ticket = Ticket::of(&joined);
    let (mut ana, resumed) = resume(&server, &ticket).await;
    let gap = ana.next_event().await.unwrap();
    assert_eq!(gap["type"], "gap");
    assert_eq!((&gap["after"], &gap["to"]), (&resumed["after"], &resumed["to"]));
    let snapshot = &gap["snapshot"];
    assert_eq!(snapshot["participants"][0]["name"], "Ben");
    assert_eq!(snapshot["chat"].as_array().unwrap().len(), 4);
    ticket.cursor = snapshot["cursor"].as_str().unwrap().to_owned();
    assert_eq!(server.metric("oriel_gaps_total").await, Some(1));

    // From the snapshot's cursor on nothing is missing.
    chat(&mut ben, "after").await;
    let event = ana.next_event().await.unwrap();
    assert_eq!(event["message"]["text"], "after");
    ticket.read(&event);
    let (mut ana, resumed) = resume(&server, &ticket).await;
    assert_eq!(resumed["after"], resumed["to"]);
    chat(&mut ben, "and on").await;
    assert_eq!(ana.next_event().await.unwrap()["message"]["text"], "and on");
}

#[tokio::test]
async fn guesses_lead_nowhere_and_are_limited() {
    let server = Server::start_bare(&["limits.join_burst=4", "limits.joins_per_second=1"]).await;
    let (_ana, joined) = server.join_as_guest("r", "Ana").await;
    let mut codes = Vec::new();
    for guess in 0..8 {
        let mut request = Ticket::of(&joined).request();
        match guess % 4 {
            0 => request["secret"] = json!("0".repeat(32)),
            1 => request["room"] = json!("other"),
            2 => request["secret"] = json!("not a secret"),
            _ => request["secret"] = json!("f".repeat(32)),
        }
        let mut socket = server.socket().await;
        let refused = socket.ask(request).await;
        codes.push(refused["error"]["code"].as_str().unwrap().to_owned());
        assert!(socket.close_code().await > 4000);
    }
    assert_eq!(codes[..3], ["not_found", "not_found", "bad_request"]);
    assert!(codes.contains(&"rate_limited".to_owned()), "{codes:?}");
}
