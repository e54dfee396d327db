//! Rooms by REST, and the document that describes it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use signaling_core::grants::{Claims, OrielClaims, VideoClaims};

use crate::server::{Response, Server, claims, token};

/// Calls with one token.
struct Caller<'a> {
    server: &'a Server,
    authorization: String,
}

impl<'a> Caller<'a> {
    fn new(server: &'a Server, claims: Claims) -> Self {
        Caller { server, authorization: format!("Bearer {}", token(claims)) }
    }

    fn admin(server: &'a Server) -> Self {
        let oriel = OrielClaims { admin: true, ..OrielClaims::default() };
        Caller::new(server, Claims { oriel, ..Claims::default() })
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Response {
        self.call_with(method, path, &[], body).await
    }

    async fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Response {
        let mut all = vec![("authorization", self.authorization.as_str())];
        if body.is_some() {
            all.push(("content-type", "application/json"));
        }
        all.extend(headers);
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        self.server.http(method, path, &all, &body).await
    }

    /// What a call gives that must succeed.
    async fn gives(&self, status: u16, method: &str, path: &str, body: Option<Value>) -> Value {
        let response = self.call(method, path, body).await;
        assert_eq!(response.status, status, "{method} {path}: {}", response.body);
        if response.body.is_empty() { Value::Null } else { response.json() }
    }

    /// The code of a call that must fail.
    async fn fails(&self, status: u16, method: &str, path: &str, body: Option<Value>) -> String {
        let response = self.call(method, path, body).await;
        assert_eq!(response.status, status, "{method} {path}: {}", response.body);
        assert_eq!(response.header("content-type"), Some("application/problem+json"));
        response.json()["code"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_room_is_created_seen_changed_and_closed() {
    let server = Server::start(&["rooms.auto_create=false"]).await;
    let admin = Caller::admin(&server);
    let guest = token(claims("team", "ana"));
    assert_eq!(admin.fails(404, "GET", "/v1/rooms/team", None).await, "not_found");

    let ask = json!({"name": "team", "max_participants": 1, "empty_timeout": 600, "locked": true});
    let response = admin.call("POST", "/v1/rooms", Some(ask.clone())).await;
    assert_eq!((response.status, response.header("location")), (201, Some("/v1/rooms/team")));
    assert_eq!(response.json()["locked"], true);
    assert_eq!(admin.fails(409, "POST", "/v1/rooms", Some(ask)).await, "exists");
    let (_, joined) = server.join(&guest).await;
    assert_eq!(joined, Value::Null, "the lock was there before anybody");

    let open = json!({"locked": false, "password": "sesame"});
    let room = admin.gives(200, "PATCH", "/v1/rooms/team", Some(open)).await;
    assert_eq!((&room["locked"], &room["password"]), (&json!(false), &json!(true)));
    let none = json!({"password": ""});
    admin.gives(200, "PATCH", "/v1/rooms/team", Some(none)).await;
    let (mut ana, joined) = server.join(&guest).await;
    assert_eq!(joined["room"]["name"], "team");
    let (_, second) = server.join(&token(claims("team", "ben"))).await;
    assert_eq!(second, Value::Null, "it takes one");

    let whole = admin.gives(200, "GET", "/v1/rooms/team", None).await;
    assert_eq!(whole["participants"][0]["identity"], "ana");
    assert_eq!(whole["waiting"], json!([]));
    assert!(whole["cursor"].as_str().unwrap().contains('.'));

    admin.gives(204, "DELETE", "/v1/rooms/team", None).await;
    assert_eq!(ana.event("room.ended").await["reason"], "ended");
    ana.close_code().await;
    assert_eq!(admin.fails(404, "DELETE", "/v1/rooms/team", None).await, "not_found");
}

#[tokio::test]
async fn rooms_are_listed_by_name_a_page_at_a_time() {
    let server = Server::start(&[]).await;
    let admin = Caller::admin(&server);
    for name in ["c", "a", "b"] {
        admin.gives(201, "POST", "/v1/rooms", Some(json!({"name": name}))).await;
    }
    let (_ana, _) = server.join(&token(claims("b", "ana"))).await;
    let first = admin.gives(200, "GET", "/v1/rooms?limit=2", None).await;
    let names: Vec<&Value> =
        first["rooms"].as_array().unwrap().iter().map(|room| &room["room"]["name"]).collect();
    assert_eq!((names, &first["next"]), (vec![&json!("a"), &json!("b")], &json!("b")));
    assert_eq!(first["rooms"][1]["participants"], 1);
    let last = admin.gives(200, "GET", "/v1/rooms?limit=2&after=b", None).await;
    assert_eq!(last["rooms"].as_array().unwrap().len(), 1);
    assert_eq!(last.get("next"), None);
    for query in ["limit=0", "limit=101", "limit=x", "page=1"] {
        let path = format!("/v1/rooms?{query}");
        assert_eq!(admin.fails(400, "GET", &path, None).await, "bad_request");
    }
}

#[tokio::test]
async fn people_are_renamed_promoted_told_and_taken_out() {
    let server = Server::start(&[]).await;
    let admin = Caller::admin(&server);
    let (mut ana, _) = server.join(&token(claims("team", "ana"))).await;
    let (mut ben, joined) = server.join(&token(claims("team", "ben"))).await;
    let id = joined["participant"]["id"].as_str().unwrap();
    let ben_at = "/v1/rooms/team/participants/ben";

    let changes = json!({"name": "Benjamin", "attributes": {"seat": "4"}});
    let changed = admin.gives(200, "PATCH", ben_at, Some(changes)).await;
    assert_eq!((&changed["name"], &changed["id"]), (&json!("Benjamin"), &json!(id)));
    let told = ana.event("participant.updated").await;
    assert_eq!(told["participant"]["attributes"]["seat"], "4");
    let by_id = admin.gives(200, "GET", &format!("/v1/rooms/team/participants/{id}"), None).await;
    assert_eq!(by_id, changed);

    let role = Some(json!({"role": "moderator"}));
    admin.gives(204, "PUT", &format!("{ben_at}/role"), role).await;
    assert_eq!(ana.event("participant.updated").await["participant"]["role"], "moderator");
    let grants = Some(json!({"can_publish": [], "can_publish_data": false}));
    admin.gives(204, "PATCH", &format!("{ben_at}/grants"), grants).await;
    assert_eq!(ben.event("grants.changed").await["grants"]["can_publish"], json!([]));

    let message = Some(json!({"topic": "t", "payload": "aGk=", "to": [id]}));
    admin.gives(204, "POST", "/v1/rooms/team/messages", message).await;
    let value = Some(json!({"topic": "score", "payload": "Mjox", "retain": true}));
    admin.gives(204, "POST", "/v1/rooms/team/messages", value).await;
    assert_eq!(ana.event("data.received").await["retain"], true);
    let message = Some(json!({"payload": "!"}));
    assert_eq!(admin.fails(400, "POST", "/v1/rooms/team/messages", message).await, "bad_request");
    let elsewhere = Some(json!({"room": "other"}));
    assert_eq!(admin.fails(400, "PUT", &format!("{ben_at}/room"), elsewhere).await, "bad_request");
    let breakout = Some(json!({"room": "team.1"}));
    admin.gives(204, "PUT", &format!("{ben_at}/room"), breakout).await;
    assert_eq!(ben.event("moved").await["joined"]["room"]["name"], "team.1");
    let moved = admin.gives(200, "GET", "/v1/rooms/team.1/participants", None).await;
    assert_eq!(moved["participants"][0]["name"], "Benjamin");

    let removed = "/v1/rooms/team.1/participants/ben";
    admin.gives(204, "DELETE", removed, None).await;
    assert_eq!(ben.event("disconnected").await["reason"], "removed");
    assert_eq!(admin.fails(404, "DELETE", removed, None).await, "not_found");
    assert_eq!(
        admin
            .fails(
                404,
                "PATCH",
                "/v1/rooms/team/tracks/TR_0000000000001",
                Some(json!({"muted": true}))
            )
            .await,
        "not_found"
    );
    let tracks = admin.gives(200, "GET", "/v1/rooms/team/tracks", None).await;
    assert_eq!(tracks, json!({"tracks": []}));
}

#[tokio::test]
async fn who_waits_is_let_in_or_sent_away() {
    let server = Server::start(&[]).await;
    let admin = Caller::admin(&server);
    let room = json!({"name": "team", "lobby": true});
    admin.gives(201, "POST", "/v1/rooms", Some(room)).await;
    let (mut ana, waits) = server.join(&token(claims("team", "ana"))).await;
    let ana_at = format!("/v1/rooms/team/lobby/{}", waits["waiting"].as_str().unwrap());
    let (mut ben, waits) = server.join(&token(claims("team", "ben"))).await;
    let ben_at = format!("/v1/rooms/team/lobby/{}", waits["waiting"].as_str().unwrap());
    let lobby = admin.gives(200, "GET", "/v1/rooms/team/lobby", None).await;
    assert_eq!(lobby["waiting"].as_array().unwrap().len(), 2);
    admin.gives(204, "PUT", &ana_at, None).await;
    assert_eq!(ana.event("lobby.admitted").await["joined"]["room"]["name"], "team");
    admin.gives(204, "DELETE", &ben_at, None).await;
    assert_eq!(ben.event("disconnected").await["reason"], "removed");
    assert_eq!(admin.fails(404, "PUT", &ben_at, None).await, "not_found");
    assert_eq!(admin.fails(404, "PUT", "/v1/rooms/team/lobby/nobody", None).await, "not_found");
}

#[tokio::test]
async fn a_token_is_made_for_the_room_and_no_longer_than_its_makers() {
    let server = Server::start(&[]).await;
    let video =
        VideoClaims { room: Some("team".into()), room_admin: true, ..VideoClaims::default() };
    let moderator = Caller::new(&server, Claims { video, ..Claims::default() });
    let ask =
        json!({"identity": "ana", "name": "Ana", "can_publish": ["microphone"], "ttl": 604_800});
    let made = moderator.gives(201, "POST", "/v1/rooms/team/tokens", Some(ask)).await;
    assert!(made["ttl"].as_u64().unwrap() <= 3600, "{made}");
    assert_eq!(made["url"], format!("ws://{}/v1/ws", server.host()));
    let (_ana, joined) = server.join(made["token"].as_str().unwrap()).await;
    assert_eq!(joined["grants"]["can_publish"], json!(["microphone"]));
    let ask = Some(json!({"identity": "ana"}));
    assert_eq!(moderator.fails(403, "POST", "/v1/rooms/x/tokens", ask).await, "forbidden");
    let ask = Some(json!({"identity": "a\nb"}));
    assert_eq!(moderator.fails(400, "POST", "/v1/rooms/team/tokens", ask).await, "bad_request");
}

#[tokio::test]
async fn every_claim_opens_its_own_and_nothing_is_open_without() {
    let server = Server::start(&[]).await;
    Caller::admin(&server).gives(201, "POST", "/v1/rooms", Some(json!({"name": "team"}))).await;
    let joins = Caller::new(&server, claims("team", "ana"));
    assert_eq!(joins.fails(403, "GET", "/v1/rooms/team", None).await, "forbidden");
    assert_eq!(joins.fails(403, "GET", "/v1/rooms", None).await, "forbidden");
    let oriel = OrielClaims { observe: true, ..OrielClaims::default() };
    let observer = Caller::new(&server, Claims { oriel, ..Claims::default() });
    observer.gives(200, "GET", "/v1/rooms/team", None).await;
    observer.gives(200, "GET", "/v1/rooms", None).await;
    assert_eq!(observer.fails(403, "DELETE", "/v1/rooms/team", None).await, "forbidden");
    assert_eq!(observer.fails(403, "GET", "/v1/webhooks", None).await, "forbidden");
    // A room that is not there and one that is are refused alike.
    assert_eq!(observer.fails(403, "DELETE", "/v1/rooms/nowhere", None).await, "forbidden");
    let stranger = Caller { server: &server, authorization: "Bearer x.y.z".into() };
    assert_eq!(stranger.fails(401, "GET", "/v1/rooms", None).await, "unauthorized");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let server = Server::start(&[]).await;
    let admin = Caller::admin(&server);
    admin.gives(201, "POST", "/v1/rooms", Some(json!({"name": "team"}))).await;
    for path in ["/v1/rooms/team", "/v1/rooms", "/v1/openapi.json"] {
        let first = admin.call("GET", path, None).await;
        let tag = first.header("etag").unwrap().to_owned();
        let known = [("if-none-match", tag.as_str())];
        let again = admin.call_with("GET", path, &known, None).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""));
        assert_eq!(again.header("etag"), Some(tag.as_str()));
    }
    let path = "/v1/rooms/team";
    let tag = admin.call("GET", path, None).await.header("etag").unwrap().to_owned();
    admin.gives(200, "PATCH", path, Some(json!({"locked": true}))).await;
    let changed = admin.call_with("GET", path, &[("if-none-match", &tag)], None).await;
    assert_eq!(changed.status, 200);
}

#[tokio::test]
async fn a_call_with_a_key_is_carried_out_once() {
    let server = Server::start(&[]).await;
    let admin = Caller::admin(&server);
    let key = [("idempotency-key", "5f2c")];
    let ask = json!({"name": "team"});
    let first = admin.call_with("POST", "/v1/rooms", &key, Some(ask.clone())).await;
    let again = admin.call_with("POST", "/v1/rooms", &key, Some(ask.clone())).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!(again.header("location"), Some("/v1/rooms/team"));
    assert_eq!(first.body, again.body);
    let other = admin.call_with("POST", "/v1/rooms", &key, Some(json!({"name": "b"}))).await;
    assert_eq!((other.status, &other.json()["code"]), (422, &json!("key_reused")));
    // What failed may be tried again.
    let key = [("idempotency-key", "fails")];
    let failed = admin.call_with("DELETE", "/v1/rooms/late", &key, None).await;
    admin.gives(201, "POST", "/v1/rooms", Some(json!({"name": "late"}))).await;
    let done = admin.call_with("DELETE", "/v1/rooms/late", &key, None).await;
    assert_eq!((failed.status, done.status), (404, 204));
    let nothing = [("idempotency-key", "")];
    assert_eq!(admin.call_with("POST", "/v1/rooms", &nothing, Some(ask)).await.status, 400);
}

#[tokio::test]
async fn bodies_are_judged_by_type_form_and_size() {
    let server = Server::start(&[]).await;
    let admin = Caller::admin(&server);
    let authorization = [("authorization", admin.authorization.as_str())];
    let plain = server.http("POST", "/v1/rooms", &authorization, "{}").await;
    assert_eq!((plain.status, &plain.json()["code"]), (415, &json!("unsupported_media_type")));
    for (body, what) in [
        (json!({}), "name"),
        (json!({"name": "a", "colour": 1}), "colour"),
        (json!({"name": "a/b"}), "name"),
        (json!({"name": "a", "max_participants": 0}), "max_participants"),
        (json!({"name": "a", "password": "x".repeat(129)}), "password"),
    ] {
        let response = admin.call("POST", "/v1/rooms", Some(body)).await;
        assert_eq!(response.status, 400, "{}", response.body);
        assert!(response.json()["detail"].as_str().unwrap().contains(what), "{}", response.body);
    }
    let long = json!({"name": "x".repeat(200_000)});
    assert_eq!(admin.fails(413, "POST", "/v1/rooms", Some(long)).await, "too_large");
    assert_eq!(admin.fails(405, "PATCH", "/v1/rooms", None).await, "method_not_allowed");
}

#[tokio::test]
async fn the_document_has_what_there_is_and_there_is_what_it_has() {
    let server = Server::start(&[]).await;
    let document = server.http("GET", "/v1/openapi.json", &[], "").await.json();
    let paths = document["paths"].as_object().unwrap();
    let mut asked = 0;
    for (path, methods) in paths {
        let filled = path.replace(['{', '}'], "");
        for (method, operation) in methods.as_object().unwrap() {
            let method = method.to_ascii_uppercase();
            let response = server.http(&method, &filled, &[], "").await;
            let expected = if operation.get("security").is_some() { 401 } else { 200 };
            // Strangers are slowed down some time: that is an answer of the operation, too.
            let is_there = response.status == expected || response.status == 429;
            assert!(is_there, "{method} {path}: {}", response.status);
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");

    // What other doors have is described in the protocol's document.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let protocol = fs::read_to_string(root.join("../docs/protocol.md")).unwrap();
    let mut found = 0;
    let mut folders = vec![root.join("src/doors")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = fs::read_to_string(&path).unwrap_or_default();
            for route in source.split(".route(\"").skip(1) {
                let route = route.split('"').next().unwrap();
                if !route.starts_with("/v1/") {
                    continue;
                }
                found += 1;
                let stem = route.split('{').next().unwrap();
                let described = paths.contains_key(route) || protocol.contains(stem);
                assert!(described, "{route} is described nowhere");
            }
        }
    }
    assert!(found >= 4, "{found}");
}

#[tokio::test]
async fn the_page_needs_nothing_from_elsewhere() {
    let server = Server::start(&[]).await;
    let page = server.http("GET", "/v1/docs", &[], "").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
    assert!(page.body.contains("create_room"));
    let style = server.http("GET", "/v1/docs.css", &[], "").await;
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
}
