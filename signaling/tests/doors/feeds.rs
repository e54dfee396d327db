//! Events by event stream and by long polling, and calls without a WebSocket.

use serde_json::{Value, json};
use signaling_core::grants::{Claims, VideoClaims};

use crate::feed_readers::{Caller, Stream, Told, observing, poll, try_poll};
use crate::server::{Server, claims, token};
use crate::story::{Act, Play, STORY};
use crate::whip::offer;

const EVENTS: &str = "/v1/rooms/r/events";

/// The token of somebody who is in the room and seen by nobody.
fn hidden(identity: &str) -> String {
    let claims = claims("r", identity);
    token(Claims { video: VideoClaims { hidden: true, ..claims.video }, ..claims })
}

fn moderator(identity: &str) -> String {
    let claims = claims("r", identity);
    token(Claims { video: VideoClaims { room_admin: true, ..claims.video }, ..claims })
}

/// Number and type of a durable event; `None` for anything else.
fn durable(frame: &Value) -> Option<(u64, String)> {
    Some((frame["seq"].as_u64()?, frame["type"].as_str()?.to_owned()))
}

fn durables<'a>(frames: impl IntoIterator<Item = &'a Value>) -> Vec<(u64, String)> {
    frames.into_iter().filter_map(durable).collect()
}

fn of_stream(told: &[Told]) -> Vec<(u64, String)> {
    durables(told.iter().map(|told| &told.data))
}

fn place(cursor: &str, seq: u64) -> String {
    format!("{}.{seq}", cursor.split_once('.').unwrap().0)
}

#[tokio::test]
async fn who_is_inside_is_told_the_same_by_every_door_and_comes_back_at_every_place() {
    let server = Server::start(&["limits.join_burst=1000"]).await;
    let mut play = Play::new(&server.host(), "r");
    play.act(Act::Create).await;
    let (mut socket, joined) = server.join(&hidden("by-socket")).await;
    let (mut poller, poller_joined) = Caller::join(&server, "r", &hidden("by-poll")).await;
    let (streamer, streamer_joined) = Caller::join(&server, "r", &hidden("by-stream")).await;
    let mut line = Stream::open(&server, &streamer.events(), &streamer.connection, Some("0")).await;
    let cursor = streamer_joined["cursor"].as_str().unwrap().to_owned();
    for act in [Act::Join, Act::Publish, Act::Chat, Act::Mute, Act::Leave] {
        play.act(act).await;
    }

    let story = of_stream(&line.until("participant.left").await);
    let types: Vec<&str> = story.iter().map(|(_, kind)| kind.as_str()).collect();
    // Data comes as an envelope, and what is private goes to others.
    let expected: Vec<&str> =
        STORY[1..STORY.len() - 1].iter().copied().filter(|kind| *kind != "data.received").collect();
    assert_eq!(types, expected);
    let mut by_socket = Vec::new();
    while by_socket.last().is_none_or(|event: &Value| event["type"] != "participant.left") {
        match socket.next_event().await.unwrap() {
            event if event["type"].is_string() => by_socket.push(event),
            _ => {}
        }
    }
    assert_eq!(durables(&by_socket), story);
    let is_left = |frame: &Value| frame["type"] == "participant.left";
    let polled = poller.until(&server, is_left).await;
    assert_eq!(durables(&polled), story);
    assert!(polled.iter().any(Value::is_string), "data as an envelope: {polled:?}");

    for at in 0..=story.len() {
        let seq = if at == 0 { place_of(&cursor) } else { story[at - 1].0 };
        let (after, rest) = (place(&cursor, seq), &story[at..]);
        for (joined, streams) in [(&poller_joined, false), (&streamer_joined, true)] {
            let resume = json!({
                "id": 100 + at, "type": "resume", "room": "r",
                "secret": joined["resume"], "cursor": after,
            });
            let (mut caller, resumed) = Caller::begin(&server, "r", resume).await;
            assert_eq!(resumed["after"], seq);
            if rest.is_empty() {
                continue;
            }
            let told = if streams {
                let mut stream = Stream::open(&server, EVENTS, &caller.connection, Some("0")).await;
                of_stream(&stream.until("participant.left").await)
            } else {
                durables(&caller.until(&server, is_left).await)
            };
            assert_eq!(told, rest, "resumed after {after}");
        }
    }
    assert_eq!(joined["participants"], json!([]), "the hidden are not seen");
}

fn place_of(cursor: &str) -> u64 {
    cursor.split_once('.').unwrap().1.parse().unwrap()
}

#[tokio::test]
async fn a_call_by_polling_alone_loses_no_reply_and_no_word() {
    let server = Server::start(&[]).await;
    let (mut ana, _) = server.join(&token(claims("r", "ana"))).await;
    let (mut ben, joined) = Caller::join(&server, "r", &token(claims("r", "ben"))).await;
    assert_eq!(ana.event("participant.joined").await["participant"], joined["participant"]);
    let asked = ben
        .ask(
            &server,
            json!([
                {"id": 2, "type": "chat", "text": "one"},
                {"id": 3, "type": "fly"},
                // Message 4, topic "t", payload "x", as on a WebSocket's binary frame.
                "AQgAAAAAAAAABAF0eA==",
                {"id": 5, "type": "offer", "sdp": offer("sendonly")},
            ]),
        )
        .await;
    assert_eq!((asked.status, asked.body.as_str()), (202, "{}"));
    let frames = ben.until(&server, |frame| frame["re"] == 5).await;
    let replies: Vec<u64> = frames.iter().filter_map(|frame| frame["re"].as_u64()).collect();
    assert_eq!(replies.len(), 4, "{frames:?}");
    let of = |number: u64| frames.iter().find(|frame| frame["re"] == number).unwrap();
    assert_eq!(of(2)["ok"]["message"]["text"], "one");
    assert_eq!(of(3)["error"]["code"], "bad_request");
    assert_eq!(of(4)["ok"], json!({}));
    assert!(of(5)["ok"]["sdp"].is_string());
    let chat = frames.iter().position(|frame| frame["type"] == "chat.posted").unwrap();
    let reply = frames.iter().position(|frame| frame["re"] == 2).unwrap();
    assert!(reply < chat, "the reply is first, as on a WebSocket");
    assert_eq!(ana.event("chat.posted").await["message"]["text"], "one");

    // A response that is lost is given again, until the next place is asked for.
    ana.ask(json!({"type": "chat", "text": "two"})).await;
    let place = ben.after.clone();
    let first = ben.until(&server, |frame| frame["type"] == "chat.posted").await;
    let bearer = ben.connection.clone();
    let (again, after) = poll(&server, &ben.events(), &bearer, Some(&place), 0).await;
    assert_eq!((&again, &after), (&first, &ben.after));
    let (nothing, after) = poll(&server, &ben.events(), &bearer, Some(&ben.after), 0).await;
    assert_eq!((nothing, &after), (vec![], &ben.after));
    let (late, _) = poll(&server, &ben.events(), &bearer, Some(&place), 0).await;
    assert_eq!(late, again, "and some time longer");

    ben.ask(&server, json!({"id": 6, "type": "leave"})).await;
    let last = ben.until(&server, |frame| frame["type"] == "disconnected").await;
    assert_eq!(last[0], json!({"re": 6, "ok": {}}));
    assert_eq!(ana.event("participant.left").await["reason"], "left");
    let over = try_poll(&server, &ben.events(), &bearer, Some(&ben.after), 5).await;
    assert_eq!((over.status, over.json()["code"].clone()), (404, json!("not_found")));
}

#[tokio::test]
async fn a_stream_that_is_cut_goes_on_and_a_resume_takes_over_from_it() {
    let server = Server::start(&[]).await;
    let (mut ana, _) = server.join(&token(claims("r", "ana"))).await;
    let (ben, joined) = Caller::join(&server, "r", &token(claims("r", "ben"))).await;
    let mut stream = Stream::open(&server, EVENTS, &ben.connection, None).await;
    ana.ask(json!({"type": "chat", "text": "one"})).await;
    let one = stream.next().await.unwrap();
    assert_eq!((one.id.as_deref(), one.kind.as_str()), (Some("1"), "chat.posted"));
    drop(stream);
    ana.ask(json!({"type": "chat", "text": "two"})).await;
    let mut stream = Stream::open(&server, EVENTS, &ben.connection, Some("1")).await;
    let two = stream.next().await.unwrap();
    assert_eq!((two.id.as_deref(), &two.data["message"]["text"]), (Some("2"), &json!("two")));

    let resume = json!({
        "id": 9, "type": "resume", "room": "r",
        "secret": joined["resume"], "cursor": joined["cursor"],
    });
    let (mut ben, resumed) = Caller::begin(&server, "r", resume).await;
    assert_eq!(resumed["participant"], joined["participant"]["id"]);
    let texts = ben.poll(&server).await;
    assert_eq!(texts.len(), 2, "{texts:?}");
    let closed = stream.next().await.unwrap();
    assert_eq!((closed.kind.as_str(), &closed.data["code"]), ("closed", &json!("not_found")));
    assert_eq!(stream.next().await, None);
    // Nobody has noticed anything.
    ana.ask(json!({"type": "ping"})).await;
    ben.ask(&server, json!({"id": 10, "type": "leave"})).await;
    let mut told = Vec::new();
    while told.last().is_none_or(|kind| kind != "participant.left") {
        told.push(ana.next_event().await.unwrap()["type"].clone());
    }
    assert_eq!(told, ["participant.joined", "chat.posted", "chat.posted", "participant.left"]);
}

#[tokio::test]
async fn of_two_readers_of_one_connection_the_newer_stays() {
    let server = Server::start(&[]).await;
    let (ben, _) = Caller::join(&server, "r", &token(claims("r", "ben"))).await;
    let mut old = Stream::open(&server, EVENTS, &ben.connection, None).await;
    ben.ask(&server, json!({"id": 2, "type": "ping"})).await;
    assert_eq!(old.next().await.unwrap().data, json!({"re": 2, "ok": {}}));
    // It reads on as soon as it has given that out; only then there are two.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let mut new = Stream::open(&server, EVENTS, &ben.connection, Some("1")).await;
    assert_eq!(old.next().await.unwrap().data["code"], "bad_request");
    ben.ask(&server, json!({"id": 3, "type": "ping"})).await;
    assert_eq!(new.next().await.unwrap().data, json!({"re": 3, "ok": {}}));
}

#[tokio::test]
async fn a_lobby_is_waited_in_without_a_websocket_too() {
    let server = Server::start(&[]).await;
    let (mut ana, _) = server.join(&moderator("ana")).await;
    ana.ask(json!({"type": "set_room", "lobby": true})).await;
    let (mut ben, waiting) = Caller::join(&server, "r", &token(claims("r", "ben"))).await;
    ana.ask(json!({"type": "admit", "participant": waiting["waiting"]})).await;
    let frames = ben.until(&server, |frame| frame["type"] == "lobby.admitted").await;
    let joined = &frames.last().unwrap()["joined"];
    assert_eq!(joined["participant"]["identity"], "ben");
    assert_eq!(joined["participants"][0]["identity"], "ana");
}

#[tokio::test]
async fn a_reader_that_sleeps_gets_an_overview_and_nothing_twice() {
    const MANY: usize = 600;
    let set = ["limits.requests_per_second=0", "rooms.chat_history=0"];
    let server = Server::start(&set).await;
    let (mut ana, _) = server.join(&token(claims("r", "ana"))).await;
    let mut stream = Stream::open(&server, EVENTS, &observing(Some("r")), None).await;
    // Several at a time: a reader that sleeps for ten seconds is cut off.
    const AT_ONCE: usize = 20;
    for round in 0..MANY / AT_ONCE {
        for one in 0..AT_ONCE {
            let id = 1_000 + round * AT_ONCE + one;
            let chat = json!({"id": id, "type": "chat", "text": "x".repeat(8000)});
            ana.send_text(&chat.to_string()).await;
        }
        for _ in 0..AT_ONCE {
            ana.event("chat.posted").await;
        }
    }
    let (mut seq, mut overviews, mut told) = (0, Vec::new(), 0);
    loop {
        let event = stream.next().await.unwrap();
        if event.kind == "overview" {
            overviews.push(event.data["lost"].clone());
            let at = place_of(event.data["cursor"].as_str().unwrap());
            assert!(at >= seq, "an overview does not go back");
            seq = at;
            if event.data["lost"] == true {
                ana.ask(json!({"type": "chat", "text": "the last"})).await;
            }
            continue;
        }
        let (next, _) = durable(&event.data).unwrap();
        assert_eq!(next, seq + 1, "nothing is missing without a word, nothing comes twice");
        seq = next;
        told += 1;
        if event.data["message"]["text"] == "the last" {
            break;
        }
    }
    assert_eq!(overviews, [json!(false), json!(true)], "{told} were told");
    assert!(told < MANY);
}

#[tokio::test]
async fn feeds_may_be_narrowed_and_their_place_moves_on_all_the_same() {
    let server = Server::start(&[]).await;
    let (mut ana, _) = server.join(&token(claims("r", "ana"))).await;
    let one = observing(Some("r"));
    let (_, start) = poll(&server, EVENTS, &one, None, 0).await;
    ana.ask(json!({"type": "chat", "text": "x"})).await;
    ana.ask(json!({"type": "hand", "raised": true})).await;
    ana.ask(json!({"type": "chat", "text": "y"})).await;
    let narrowed = format!("{EVENTS}?types=hand.raised,hand.lowered");
    let mut stream = Stream::open(&server, &narrowed, &one, Some(&start)).await;
    assert_eq!(stream.next().await.unwrap().kind, "hand.raised");
    let path = format!("{narrowed}&after={start}");
    let bearer = format!("Bearer {one}");
    let body = server.http("GET", &path, &[("authorization", &bearer)], "").await.json();
    assert_eq!(body["frames"].as_array().unwrap().len(), 1, "{body}");
    let end = place_of(body["after"].as_str().unwrap());
    assert_eq!(end, place_of(&start) + 3);
}

#[tokio::test]
async fn what_is_not_allowed_or_makes_no_sense_has_its_own_status() {
    let set = ["rooms.guests=\"off\"", "limits.join_burst=1000"];
    let server = Server::start(&set).await;
    let (_ana, _) = server.join(&token(claims("r", "ana"))).await;
    let (one, all) = (observing(Some("r")), observing(None));
    let (ben, _) = Caller::join(&server, "r", &token(claims("r", "ben"))).await;
    let guess = "0".repeat(32);
    for (path, bearer, status, code) in [
        (EVENTS, Some(one.as_str()), 200, ""),
        (EVENTS, Some(all.as_str()), 200, ""),
        ("/v1/events", Some(all.as_str()), 200, ""),
        ("/v1/events", Some(one.as_str()), 403, "forbidden"),
        ("/v1/rooms/other/events", Some(one.as_str()), 403, "forbidden"),
        ("/v1/rooms/other/events", Some(all.as_str()), 404, "not_found"),
        ("/v1/rooms/a%20b/events", Some(all.as_str()), 400, "bad_request"),
        (EVENTS, None, 401, "unauthorized"),
        (EVENTS, Some("nonsense"), 401, "unauthorized"),
        (EVENTS, Some(guess.as_str()), 404, "not_found"),
        ("/v1/rooms/r/events?wait=61", Some(one.as_str()), 400, "bad_request"),
        ("/v1/rooms/r/events?wait=x", Some(one.as_str()), 400, "bad_request"),
        ("/v1/rooms/r/events?after=x", Some(ben.connection.as_str()), 400, "bad_request"),
        ("/v1/rooms/r/events?after=7", Some(ben.connection.as_str()), 404, "not_found"),
    ] {
        let authorization = bearer.map(|bearer| format!("Bearer {bearer}"));
        let headers: Vec<_> =
            authorization.iter().map(|value| ("authorization", value.as_str())).collect();
        let response = server.http("GET", path, &headers, "").await;
        assert_eq!(response.status, status, "{path} {}", response.body);
        assert_eq!(response.header("cache-control"), Some("no-store"));
        if status != 200 {
            assert_eq!(response.header("content-type"), Some("application/problem+json"));
            assert_eq!(response.json()["code"], code, "{path}");
        }
    }
    let joins = token(claims("r", "ana"));
    let with_join = try_poll(&server, EVENTS, &joins, None, 0).await;
    assert_eq!(with_join.status, 403, "joining is not observing: {}", with_join.body);

    let bearer = format!("Bearer {one}");
    let wants_stream = [("authorization", bearer.as_str()), ("accept", "text/event-stream")];
    let head = server.http("HEAD", EVENTS, &wants_stream, "").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""), "a head alone has an end");

    // In a URL a token will do, as `EventSource` cannot say it otherwise; a connection will not.
    let path = format!("{EVENTS}?access_token={one}");
    assert_eq!(server.http("GET", &path, &[], "").await.status, 200);
    let path = format!("{EVENTS}?access_token={}", ben.connection);
    assert_eq!(server.http("GET", &path, &[], "").await.status, 401);
    let foreign = [("origin", "https://evil.example")];
    let path = format!("{EVENTS}?access_token={one}");
    assert_eq!(server.http("GET", &path, &foreign, "").await.status, 403);
}

#[tokio::test]
async fn requests_that_cannot_be_carried_out_have_their_own_status() {
    let server = Server::start(&["limits.join_burst=1000"]).await;
    let (ben, _) = Caller::join(&server, "r", &token(claims("r", "ben"))).await;
    let path = "/v1/rooms/r/requests";
    let join = |room: &str| json!({"id": 1, "type": "join", "token": "x", "room": room});
    for (body, status) in [
        (json!({"id": 1, "type": "ping"}), 401),
        (join("r"), 401),
        (join("other"), 400),
        (json!({"type": "ping"}), 400),
        (json!([join("r")]), 400),
        (
            json!({"id": 1, "type": "resume", "room": "r", "secret": "0".repeat(32), "cursor": ""}),
            404,
        ),
    ] {
        let response = server.post_json(path, &[], &body).await;
        assert_eq!(response.status, status, "{body} {}", response.body);
    }
    let text = [("content-type", "text/plain")];
    assert_eq!(server.http("POST", path, &text, "{}").await.status, 415);
    let long = json!({"id": 1, "type": "join", "token": "x".repeat(600_000)});
    assert_eq!(server.post_json(path, &[], &long).await.status, 413);
    for (requests, status) in [
        (json!([{"type": "ping"}]), 400),
        (json!(["not an envelope"]), 400),
        (json!(7), 400),
        (Value::Array(vec![json!({"id": 1, "type": "ping"}); 65]), 413),
        (json!([]), 202),
    ] {
        assert_eq!(ben.ask(&server, requests.clone()).await.status, status, "{requests}");
    }
    let strange = Caller { connection: "f".repeat(32), ..ben };
    assert_eq!(strange.ask(&server, json!([])).await.status, 404);
    let nobody = Caller { connection: "a.b.c".into(), ..strange };
    assert_eq!(nobody.ask(&server, json!([])).await.status, 401);
}

#[tokio::test]
async fn feeds_are_limited_by_token_and_by_address_and_come_back() {
    let set = ["limits.feeds_per_token=1", "limits.feeds_per_address=2"];
    let server = Server::start(&set).await;
    let (_ana, _) = server.join(&token(claims("r", "ana"))).await;
    let (one, all) = (observing(Some("r")), observing(None));
    let stream = Stream::open(&server, EVENTS, &one, None).await;
    assert_eq!(stream.status, 200);
    assert_eq!(Stream::open(&server, EVENTS, &one, None).await.status, 429);
    let (_ben, _) = Caller::join(&server, "r", &token(claims("r", "ben"))).await;
    assert_eq!(try_poll(&server, EVENTS, &all, None, 0).await.status, 429);
    let join = json!({"id": 1, "type": "join", "token": token(claims("r", "cleo"))});
    let refused = server.post_json("/v1/rooms/r/requests", &[], &join).await;
    assert_eq!((refused.status, refused.json()["code"].clone()), (429, json!("rate_limited")));
    drop(stream);
    for _ in 0..1000 {
        if Stream::open(&server, EVENTS, &one, None).await.status == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("the place did not come back");
}
