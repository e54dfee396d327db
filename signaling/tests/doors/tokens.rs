//! Whom the doors let in: every kind of token that must not open anything, and guests.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use signaling_core::grants::Asked;

use crate::server::{KEY, SECRET, Server, claims, config, service_token, token};

fn now() -> u64 {
    jsonwebtoken::get_current_timestamp()
}

/// Good claims; tests spoil them.
fn good() -> Value {
    json!({
        "iss": KEY, "sub": "ana", "exp": now() + 600,
        "video": {"room": "r", "roomJoin": true},
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = good();
    claims[key] = value;
    claims
}

fn without(key: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(key);
    claims
}

fn sign(header: &Header, claims: &Value, secret: &str) -> String {
    jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn signed(claims: &Value) -> String {
    sign(&Header::default(), claims, SECRET)
}

/// A token with any text as its header, signed as HS256 would have it.
fn with_header(header: &str, claims: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

fn kid(kid: &str) -> Header {
    Header { kid: Some(kid.into()), ..Header::default() }
}

/// The code of the refusal, or `None` for a token that lets in.
async fn refusal(server: &Server, token: &str) -> Option<String> {
    let mut socket = server.socket().await;
    let reply = socket.ask(json!({"type": "join", "token": token})).await;
    if reply["ok"].is_object() {
        return None;
    }
    let closed = socket.close_code().await;
    let code = reply["error"]["code"].as_str().unwrap();
    assert_eq!(closed, if code == "unauthorized" { 4401 } else { 4403 }, "{reply}");
    Some(code.to_owned())
}

#[tokio::test]
async fn tokens_that_are_not_believed() {
    let server = Server::start(&["limits.joins_per_second=0"]).await;
    assert_eq!(refusal(&server, &signed(&good())).await, None);

    let none = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#),
        URL_SAFE_NO_PAD.encode(good().to_string())
    );
    let jwk = r#"{"alg":"HS256","jwk":{"kty":"oct","k":"YQ"},"kid":"other"}"#;
    let cases = [
        ("nothing", String::new()),
        ("no JWT", "a.b.c".into()),
        ("alg none", none.clone()),
        ("alg none, signed", with_header(r#"{"alg":"none"}"#, &good().to_string())),
        ("alg None", none.replace("none", "None")),
        ("another HMAC", sign(&Header::new(Algorithm::HS512), &good(), SECRET)),
        ("RS256 with the secret", with_header(r#"{"alg":"RS256"}"#, &good().to_string())),
        (
            "another secret",
            sign(&Header::default(), &good(), "another secret of 32 bytes, or more"),
        ),
        ("empty secret", sign(&Header::default(), &good(), "")),
        ("key of its own", with_header(jwk, &good().to_string())),
        ("unknown kid", sign(&kid("other"), &good(), SECRET)),
        ("kid as a path", sign(&kid("../../dev/null"), &good(), "")),
        ("kid as a URL", sign(&kid("http://127.0.0.1/key"), &good(), SECRET)),
        ("empty kid", sign(&kid(""), &good(), SECRET)),
        (
            "critical header",
            with_header(r#"{"alg":"HS256","crit":["x"],"x":1}"#, &good().to_string()),
        ),
        ("neither iss nor kid", signed(&without("iss"))),
        ("unknown iss", signed(&with("iss", json!("other")))),
        ("iss a number", signed(&with("iss", json!(7)))),
        ("no exp", signed(&without("exp"))),
        ("exp null", signed(&with("exp", json!(null)))),
        ("exp past", signed(&with("exp", json!(now() - 60)))),
        ("exp text", signed(&with("exp", json!((now() + 600).to_string())))),
        ("exp fraction", signed(&with("exp", json!(now() as f64 + 600.5)))),
        (
            "exp 1e19",
            with_header(
                r#"{"alg":"HS256"}"#,
                &good().to_string().replace(&good()["exp"].to_string(), "1e19"),
            ),
        ),
        ("exp negative", signed(&with("exp", json!(-1)))),
        ("nbf future", signed(&with("nbf", json!(now() + 60)))),
        ("nbf text", signed(&with("nbf", json!("soon")))),
        ("video no object", signed(&with("video", json!("all")))),
        ("cut", signed(&good()).split_at(60).0.into()),
        ("signature cut", signed(&good()).trim_end_matches(|c| c != '.').into()),
        ("a fourth part", format!("{}.x", signed(&good()))),
        ("spaces", format!(" {}", signed(&good()))),
    ];
    for (name, token) in cases {
        assert_eq!(refusal(&server, &token).await.as_deref(), Some("unauthorized"), "{name}");
    }
}

#[tokio::test]
async fn tokens_that_are_believed() {
    let server = Server::start(&[]).await;
    for (name, token) in [
        ("key by iss", signed(&good())),
        ("key by kid", sign(&kid(KEY), &without("iss"), SECRET)),
        (
            "kid beside an issuer of any name",
            sign(&kid(KEY), &with("iss", json!("https://x")), SECRET),
        ),
        ("just expired", signed(&with("exp", json!(now() - 5)))),
        ("a clock that is ahead", signed(&with("nbf", json!(now() + 5)))),
        ("an audience that nobody checks", signed(&with("aud", json!("somebody")))),
        ("claims that we do not know", signed(&with("sip", json!({"admin": true})))),
    ] {
        assert_eq!(refusal(&server, &token).await, None, "{name}");
    }
}

#[tokio::test]
async fn tokens_that_allow_something_else() {
    let server = Server::start(&[]).await;
    for (name, claims) in [
        ("no roomJoin", with("video", json!({"room": "r"}))),
        ("no room", with("video", json!({"roomJoin": true}))),
        ("no room, but admin", with("video", json!({"roomJoin": true, "roomAdmin": true}))),
        ("no identity", without("sub")),
        ("no video", without("video")),
    ] {
        assert_eq!(
            refusal(&server, &signed(&claims)).await.as_deref(),
            Some("forbidden"),
            "{name}"
        );
    }
    // What a token names, a request cannot change.
    for (key, value) in [("room", "other"), ("identity", "ben")] {
        let mut socket = server.socket().await;
        let mut join = json!({"type": "join", "token": signed(&good())});
        join[key] = json!(value);
        assert_eq!(socket.ask(join).await["error"]["code"], "forbidden", "{key}");
    }
}

#[tokio::test]
async fn a_service_token_is_told_where_and_as_whom() {
    let server = Server::start(&[]).await;
    let mut socket = server.socket().await;
    let join = json!({"type": "join", "token": service_token(), "room": "r", "identity": "bot"});
    let joined = socket.ask(join).await;
    assert_eq!(joined["ok"]["participant"]["identity"], "bot");
    for missing in ["room", "identity"] {
        let mut socket = server.socket().await;
        let mut join =
            json!({"type": "join", "token": service_token(), "room": "r", "identity": "bot"});
        join.as_object_mut().unwrap().remove(missing);
        assert_eq!(socket.ask(join).await["error"]["code"], "bad_request", "{missing}");
    }
}

#[tokio::test]
async fn an_audience_is_checked_where_configured() {
    let server = Server::start(&["auth.audience=oriel"]).await;
    assert_eq!(refusal(&server, &signed(&with("aud", json!("oriel")))).await, None);
    assert_eq!(refusal(&server, &signed(&with("aud", json!(["x", "oriel"])))).await, None);
    for claims in [good(), with("aud", json!("x")), with("aud", json!([])), with("aud", json!(7))] {
        let code = refusal(&server, &signed(&claims)).await;
        assert_eq!(code.as_deref(), Some("unauthorized"), "{claims}");
    }
}

#[tokio::test]
async fn grants_are_kept_to() {
    let server = Server::start(&[]).await;
    let mut silent = claims("r", "ana");
    silent.video.can_publish = Some(false);
    let (mut ana, joined) = server.join(&token(silent)).await;
    assert_eq!(joined["grants"]["can_publish"], json!([]));
    let refused = ana.ask(json!({"type": "chat", "text": "hello"})).await;
    assert_eq!(refused["error"]["code"], "forbidden");
    let publish = json!({"type": "publish", "mid": "0", "kind": "audio", "source": "microphone"});
    assert_eq!(ana.ask(publish).await["error"]["code"], "forbidden");
}

#[tokio::test]
async fn keys_are_replaced_while_running() {
    let server = Server::start(&[]).await;
    let state = tempfile::tempdir().unwrap();
    let secret = "the next secret, thirty-two bytes or more";
    let keys = |ids: &[(&str, &str)]| {
        let keys: Vec<String> =
            ids.iter().map(|(id, secret)| format!("{{id=\"{id}\",secret=\"{secret}\"}}")).collect();
        config(&state, &[&format!("auth.keys=[{}]", keys.join(","))])
    };
    let new = sign(&kid("next"), &good(), secret);
    assert!(refusal(&server, &new).await.is_some());

    server.app.reload(&keys(&[("next", secret), (KEY, SECRET)])).unwrap();
    assert_eq!(refusal(&server, &new).await, None);
    assert_eq!(refusal(&server, &signed(&good())).await, None);

    server.app.reload(&keys(&[("next", secret)])).unwrap();
    assert_eq!(refusal(&server, &new).await, None);
    assert!(refusal(&server, &signed(&good())).await.is_some());
}

#[tokio::test]
async fn guests_come_where_the_policy_lets_them() {
    let ask = json!({"room": "r", "name": "Ana"});
    let off = Server::start(&[]).await;
    let refused = off.post_json("/v1/join", &[], &ask).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(refused.json()["code"], "forbidden");

    let open = Server::start(&["rooms.guests=open"]).await;
    assert_eq!(open.post_json("/v1/join", &[], &ask).await.status, 200);
    let closed = Server::start_bare(&["rooms.guests=off"]).await;
    assert_eq!(closed.post_json("/v1/join", &[], &ask).await.status, 403);
}

#[tokio::test]
async fn a_guests_wishes_are_checked() {
    let server = Server::start_bare(&[]).await;
    for (ask, status) in [
        (json!({"room": "r", "name": "Ana"}), 200),
        (json!({"room": "r"}), 200),
        (json!({"room": "r", "name": ""}), 200),
        (json!({"room": "a b"}), 400),
        (json!({"room": ""}), 400),
        (json!({"room": "x".repeat(65)}), 400),
        (json!({"room": "r", "name": "x".repeat(129)}), 400),
        (json!({"room": "r", "name": "a\u{0}b"}), 400),
        (json!({"name": "Ana"}), 400),
        (json!({"room": 7}), 400),
        (json!([]), 400),
    ] {
        let response = server.post_json("/v1/join", &[], &ask).await;
        assert_eq!(response.status, status, "{ask}: {}", response.body);
    }
    let ticket = server.post_json("/v1/join", &[], &json!({"room": "r", "identity": "ana"})).await;
    // A guest that could choose would throw out whomever it names.
    assert!(ticket.json()["identity"].as_str().unwrap().starts_with("guest-"));
    assert_eq!(ticket.header("cache-control"), Some("no-store"));

    let text = [("content-type", "text/plain")];
    assert_eq!(server.http("POST", "/v1/join", &text, "{}").await.status, 415);
    assert_eq!(server.http("GET", "/v1/join", &[], "").await.status, 405);
    let long = json!({"room": "r", "name": "x".repeat(70_000)});
    assert_eq!(server.post_json("/v1/join", &[], &long).await.status, 413);
}

#[tokio::test]
async fn joins_are_limited_by_address_but_not_those_of_services() {
    let server = Server::start(&["limits.join_burst=3", "limits.joins_per_second=1"]).await;
    let mut refused = 0;
    for _ in 0..6 {
        let mut socket = server.socket().await;
        let reply = socket.ask(json!({"type": "join", "token": "guessed"})).await;
        refused += usize::from(reply["error"]["code"] == "rate_limited");
    }
    assert!((2..=3).contains(&refused), "{refused}");
    for _ in 0..6 {
        let mut socket = server.socket().await;
        let join = json!({"type": "join", "token": service_token(), "room": "r", "identity": "b"});
        assert!(socket.ask(join).await["ok"].is_object());
    }
}

#[tokio::test]
async fn the_development_key_is_not_for_the_public() {
    let state = tempfile::tempdir().unwrap();
    let public = config(&state, &["server.bind=0.0.0.0"]);
    let error = signaling::app::App::start(&public).await.err().unwrap().to_string();
    assert!(error.contains("auth.keys") && error.contains("--dev-public"), "{error}");

    Server::start_bare(&["server.bind=0.0.0.0", "server.dev_public=true"]).await;
    Server::start(&["server.bind=0.0.0.0"]).await;
}

#[tokio::test]
async fn the_development_key_survives_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let config = config(&state, &[]);
    let mint = || {
        let state = signaling::state::StateDir::open(state.path()).unwrap();
        signaling::auth::Keys::from_config(&config, &state)
            .unwrap()
            .mint(claims("r", "a"), 60)
            .unwrap()
    };
    let token = mint();
    let app = signaling::app::App::start(&config).await.unwrap();
    let state = signaling::state::StateDir::open(state.path()).unwrap();
    let authority = signaling::auth::Authority::new(
        signaling::auth::Keys::from_config(&config, &state).unwrap(),
    );
    let admitted = authority.admit(&token, Asked::default()).unwrap();
    assert_eq!(admitted.bearer.as_deref(), Some("a"));
    app.stop().await;
}
