//! Rooms in other sites' pages: tickets, whose pages may do what, and who may hold a room in a frame.

use serde_json::{Value, json};
use signaling_core::grants::{Claims, OrielClaims};

use crate::server::{Response, Server, token};

const SHOP: &str = "https://shop.example";
const EVIL: &str = "https://evil.example";

/// Asks by REST as the server's administrator.
async fn administer(server: &Server, method: &str, path: &str, body: Value) -> Response {
    let oriel = OrielClaims { admin: true, ..OrielClaims::default() };
    let bearer = format!("Bearer {}", token(Claims { oriel, ..Claims::default() }));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    server.http(method, path, &headers, &body.to_string()).await
}

/// A ticket for the room `team` and pages of `origin`.
async fn ticket(server: &Server, origin: &str) -> String {
    let ask = json!({"origin": origin, "token": {"identity": "ana", "name": "Ana"}});
    let made = administer(server, "POST", "/v1/rooms/team/tickets", ask).await;
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let made = made.json();
    assert_eq!((&made["room"], &made["ttl"]), (&json!("team"), &json!(60)), "{made}");
    made["ticket"].as_str().unwrap().to_owned()
}

/// What comes of a ticket's exchange: `Ok` with the invitation, `Err` with status and code.
async fn exchange(
    server: &Server,
    origin: Option<&str>,
    ask: Value,
) -> Result<Value, (u16, Value)> {
    let headers: Vec<_> = origin.iter().map(|&origin| ("origin", origin)).collect();
    let response = server.post_json("/v1/join", &headers, &ask).await;
    match response.status {
        200 => Ok(response.json()),
        status => {
            assert_eq!(response.header("content-type"), Some("application/problem+json"));
            Err((status, response.json()["code"].clone()))
        }
    }
}

/// Whether a page of `origin` gets into the room with this token, by WebSocket and by plain HTTP.
async fn joins(server: &Server, origin: &str, token: &Value) -> bool {
    let join = json!({"id": 1, "type": "join", "token": token});
    let mut socket = server.try_socket(&[("origin", origin)]).await.unwrap();
    let by_socket = socket.ask(join.clone()).await["ok"].is_object();
    let path = "/v1/rooms/team/requests";
    let by_http = server.post_json(path, &[("origin", origin)], &join).await;
    assert_eq!(by_http.status == 200, by_socket, "{origin}: {}", by_http.body);
    let is_own = origin.ends_with(&server.host());
    let readable = by_http.header("access-control-allow-origin");
    assert_eq!(readable, Some(origin).filter(|_| !is_own));
    by_socket
}

#[tokio::test]
async fn a_ticket_lets_one_page_of_its_origin_in_once() {
    let server = Server::start(&[]).await;
    let one = ticket(&server, "https://Shop.example:443/").await;
    let ask = json!({"ticket": one, "room": "team"});
    let refused = |code: &str| Err((403, json!(code)));
    assert_eq!(exchange(&server, Some(EVIL), ask.clone()).await, refused("origin_not_allowed"));
    assert_eq!(exchange(&server, None, ask.clone()).await, refused("origin_not_allowed"));
    let other_room = json!({"ticket": one, "room": "other"});
    assert_eq!(exchange(&server, Some(SHOP), other_room).await, refused("forbidden"));
    // A page that is refused can read why.
    let told = server.post_json("/v1/join", &[("origin", EVIL)], &ask).await;
    assert_eq!(told.header("access-control-allow-origin"), Some(EVIL));
    let detail = told.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(SHOP) && detail.contains(EVIL), "{detail}");

    let invitation = exchange(&server, Some(SHOP), ask.clone()).await.unwrap();
    assert_eq!((&invitation["room"], &invitation["identity"]), (&json!("team"), &json!("ana")));
    assert_eq!(exchange(&server, Some(SHOP), ask).await, Err((410, json!("ticket_used"))));
    let stranger = json!({"ticket": "0".repeat(32)});
    assert_eq!(exchange(&server, Some(SHOP), stranger).await, Err((401, json!("unauthorized"))));

    // The token is for pages of that origin, too, and for programs that are in no page.
    assert!(joins(&server, SHOP, &invitation["token"]).await);
    assert!(!joins(&server, EVIL, &invitation["token"]).await);
    server.join(invitation["token"].as_str().unwrap()).await;
}

#[tokio::test]
async fn in_a_frame_our_own_page_says_who_is_around_it() {
    let server = Server::start(&[]).await;
    let own = format!("http://{}", server.host());
    let one = ticket(&server, SHOP).await;
    let ask = |embedder: &str| json!({"ticket": one, "embedder": embedder});
    let refused = Err((403, json!("origin_not_allowed")));
    assert_eq!(exchange(&server, Some(&own), ask(EVIL)).await, refused);
    assert_eq!(exchange(&server, Some(&own), json!({"ticket": one})).await, refused);
    // Only our own page is believed.
    assert_eq!(exchange(&server, Some(EVIL), ask(SHOP)).await, refused);
    let invitation = exchange(&server, Some(&own), ask(SHOP)).await.unwrap();
    assert!(joins(&server, &own, &invitation["token"]).await);
}

#[tokio::test]
async fn only_who_steers_the_room_makes_tickets_and_only_for_origins() {
    let server = Server::start(&[]).await;
    for origin in ["", "*", "https://*.shop.example", "shop.example", "https://a;b", "null"] {
        let ask = json!({"origin": origin, "token": {"identity": "ana"}});
        let refused = administer(&server, "POST", "/v1/rooms/team/tickets", ask).await;
        assert_eq!(refused.status, 400, "{origin}");
        assert!(refused.body.contains("https://example.com"), "{}", refused.body);
    }
    let join = token(crate::server::claims("team", "ana"));
    let bearer = format!("Bearer {join}");
    let ask = json!({"origin": SHOP, "token": {"identity": "ana"}});
    let headers = [("authorization", bearer.as_str())];
    let refused = server.post_json("/v1/rooms/team/tickets", &headers, &ask).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn a_rooms_own_list_takes_the_place_of_the_servers() {
    let server = Server::start(&["server.allowed_origins=https://*.school.example"]).await;
    let room = json!({"name": "team", "empty_timeout": 600, "allowed_origins": [SHOP]});
    assert_eq!(administer(&server, "POST", "/v1/rooms", room).await.status, 201);
    let seen = administer(&server, "GET", "/v1/rooms/team", json!({})).await.json();
    assert_eq!(seen["allowed_origins"], json!([SHOP]));
    let token = json!(token(crate::server::claims("team", "ana")));
    assert!(joins(&server, SHOP, &token).await);
    assert!(!joins(&server, "https://a.school.example", &token).await);

    let none = json!({"allowed_origins": []});
    assert_eq!(administer(&server, "PATCH", "/v1/rooms/team", none).await.status, 200);
    assert!(!joins(&server, SHOP, &token).await);
    let wrong = json!({"allowed_origins": ["shop.example"]});
    assert_eq!(administer(&server, "PATCH", "/v1/rooms/team", wrong).await.status, 400);

    // Where a room has no list, the server's counts; watching needs it as joining does.
    let other = json!(crate::server::token(crate::server::claims("other", "ana")));
    let mut socket = server.try_socket(&[("origin", "https://a.school.example")]).await.unwrap();
    let reply = socket.ask(json!({"type": "join", "token": other})).await;
    assert!(reply["ok"].is_object(), "{reply}");
    let oriel = OrielClaims { observe: true, ..OrielClaims::default() };
    let observer = crate::server::token(Claims { oriel, ..Claims::default() });
    let observe = json!({"type": "observe", "room": "other", "token": observer});
    for (origin, may) in [("https://a.school.example", true), (EVIL, false)] {
        let mut socket = server.try_socket(&[("origin", origin)]).await.unwrap();
        let reply = socket.ask(observe.clone()).await;
        assert_eq!(reply["ok"].is_object(), may, "{origin}: {reply}");
    }
}

/// The origins besides our own that may hold the room `team` in a frame.
async fn ancestors(server: &Server) -> Vec<String> {
    let page = server.http("GET", "/embed/team", &[], "").await;
    let policies: Vec<&str> = page.header("content-security-policy").into_iter().collect();
    let policy = policies[0];
    assert!(policy.contains("default-src 'none'"), "{policy}");
    let (_, ancestors) = policy.split_once("frame-ancestors 'self'").unwrap();
    ancestors.split_whitespace().map(str::to_owned).collect()
}

#[tokio::test]
async fn lists_and_tickets_say_who_may_hold_a_room_in_a_frame() {
    let server = Server::start(&["server.allowed_origins=https://*.school.example"]).await;
    assert_eq!(ancestors(&server).await, ["https://*.school.example"]);
    let room = json!({"name": "team", "allowed_origins": ["https://a.example"]});
    assert_eq!(administer(&server, "POST", "/v1/rooms", room).await.status, 201);
    assert_eq!(ancestors(&server).await, ["https://a.example"]);
    ticket(&server, SHOP).await;
    assert_eq!(ancestors(&server).await, ["https://a.example", SHOP]);
    assert_eq!(server.http("GET", "/embed/a%20b", &[], "").await.status, 404);
    // The room's ordinary page is in nobody's frame.
    let page = server.http("GET", "/r/team", &[], "").await;
    assert!(page.header("content-security-policy").unwrap().ends_with("frame-ancestors 'self'"));
}

#[tokio::test]
async fn every_page_may_load_the_element_and_its_parts() {
    let server = Server::start(&[]).await;
    let loader = server.http("GET", "/embed.js", &[("origin", SHOP)], "").await;
    if loader.status == 404 {
        // The web client was not built.
        assert_eq!(server.http("GET", "/", &[], "").await.status, 503);
        return;
    }
    assert_eq!(loader.header("access-control-allow-origin"), Some("*"));
    assert_eq!(loader.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert_eq!(loader.header("cache-control"), Some("public, max-age=300"));
    let parts: Vec<&str> =
        loader.body.split(['"', '`', '\'']).filter(|text| text.starts_with("./assets/")).collect();
    assert!(!parts.is_empty(), "{}", loader.body);
    for part in parts {
        let part = server.http("GET", &part[1..], &[("origin", SHOP)], "").await;
        assert_eq!(part.status, 200);
        assert_eq!(part.header("access-control-allow-origin"), Some("*"));
        assert_eq!(part.header("cross-origin-resource-policy"), Some("cross-origin"));
        assert!(part.header("cache-control").unwrap().contains("immutable"));
    }
    assert_eq!(server.http("GET", "/", &[], "").await.header("access-control-allow-origin"), None);
}
