//! WHIP and WHEP: what comes of good requests, and which status of bad ones.

use serde_json::json;
use signaling_core::grants::Claims;

use crate::server::{Response, Server, claims, service_token, token};

const SDP: (&str, &str) = ("content-type", "application/sdp");
const SDPFRAG: (&str, &str) = ("content-type", "application/trickle-ice-sdpfrag");

/// An encoder's offer, or with `recvonly` a player's.
pub(crate) fn offer(direction: &str) -> String {
    let fingerprint = ["AB"; 32].join(":");
    let transport = format!(
        "c=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=rtcp-mux\r\na={direction}\r\n"
    );
    format!(
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n{transport}a=mid:0\r\n\
         a=rtpmap:111 opus/48000/2\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 96\r\n{transport}a=mid:1\r\n\
         a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n"
    )
}

async fn open(server: &Server, path: &str, direction: &str) -> Response {
    let bearer = format!("Bearer {}", service_token());
    server.http("POST", path, &[SDP, ("authorization", &bearer)], &offer(direction)).await
}

/// The path of a session's absolute URL.
fn session(server: &Server, response: &Response) -> String {
    let base = format!("http://{}", server.host());
    let location = response.header("location").unwrap();
    location.strip_prefix(&base).unwrap_or_else(|| panic!("{location}")).to_owned()
}

#[tokio::test]
async fn an_encoder_is_a_participant_until_it_is_deleted() {
    let server = Server::start(&[]).await;
    let (mut ana, _) = server.join(&token(claims("studio", "ana"))).await;
    let opened = open(&server, "/whip/studio/cam1", "sendonly").await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    assert_eq!(opened.header("content-type"), Some("application/sdp"));
    assert!(opened.header("etag").unwrap().starts_with('"'));
    assert!(opened.body.starts_with("v=0\r\n"), "{}", opened.body);
    assert!(opened.body.contains("a=candidate:"), "{}", opened.body);
    assert_eq!(ana.event("participant.joined").await["participant"]["identity"], "cam1");
    let mut sources = Vec::new();
    for _ in 0..2 {
        sources.push(ana.event("track.published").await["track"]["source"].clone());
    }
    assert_eq!(sources, [json!("microphone"), json!("camera")]);

    let path = session(&server, &opened);
    let id = path.strip_prefix("/v1/whip-sessions/").unwrap();
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    let elsewhere = format!("/v1/whep-sessions/{id}");
    assert_eq!(server.http("DELETE", &elsewhere, &[], "").await.status, 404);
    let deleted = server.http("DELETE", &path, &[("if-match", "\"whatever\"")], "").await;
    assert_eq!(deleted.status, 200);
    assert_eq!(server.http("DELETE", &path, &[], "").await.status, 404);
    ana.event("participant.left").await;
}

#[tokio::test]
async fn a_player_is_seen_by_nobody_and_may_come_first() {
    let server = Server::start(&[]).await;
    let opened = open(&server, "/whep/studio/cam1", "recvonly").await;
    assert_eq!(opened.status, 201, "{}", opened.body);
    assert!(session(&server, &opened).starts_with("/v1/whep-sessions/"));
    let (_ana, joined) = server.join(&token(claims("studio", "ana"))).await;
    assert_eq!(joined["participants"], json!([]));
    assert_eq!(server.metric("oriel_participants").await, Some(2));

    let all = open(&server, "/whep/studio", "recvonly").await;
    assert_eq!(all.status, 201);
    assert_eq!(server.http("DELETE", &session(&server, &all), &[], "").await.status, 200);
}

#[tokio::test]
async fn the_newest_encoder_of_an_identity_wins_and_the_older_session_is_gone() {
    let server = Server::start(&[]).await;
    let older = open(&server, "/whip/studio/cam1", "sendonly").await;
    let newer = open(&server, "/whip/studio/cam1", "sendonly").await;
    assert_eq!(newer.status, 201);
    let gone = || server.http("DELETE", older.header("location").unwrap(), &[], "");
    // The older one's task hears of it in its own time.
    let mut status = 200;
    for _ in 0..50 {
        let path = session(&server, &older);
        let patch = [SDPFRAG, ("if-match", older.header("etag").unwrap())];
        status = server.http("PATCH", &path, &patch, "").await.status;
        if status == 404 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(status, 404);
    assert_eq!(gone().await.status, 404);
    assert_eq!(server.http("DELETE", &session(&server, &newer), &[], "").await.status, 200);
}

#[tokio::test]
async fn candidates_trickle_and_ice_restarts() {
    let server = Server::start(&[]).await;
    let opened = open(&server, "/whip/studio/cam1", "sendonly").await;
    let path = session(&server, &opened);
    let tag = opened.header("etag").unwrap().to_owned();
    let trickle = "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n\
                   m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n\
                   a=candidate:1 1 UDP 2130706431 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n";
    let restart = trickle
        .replace("abcd\r\n", "wxyz\r\n")
        .replace("abcdefghijklmnopqrstuvwx", "zzzzzzzzzzzzzzzzzzzzzzzz");
    let patch = async |tag: &str, body: &str| {
        server.http("PATCH", &path, &[SDPFRAG, ("if-match", tag)], body).await
    };

    assert_eq!(patch(&tag, trickle).await.status, 204);
    assert_eq!(patch("\"other\"", trickle).await.status, 412);
    // Other credentials belong to another ICE session.
    assert_eq!(patch(&tag, &restart).await.status, 412);
    assert_eq!(server.http("PATCH", &path, &[SDPFRAG], trickle).await.status, 428);

    let restarted = patch("\"*\"", &restart).await;
    assert_eq!(restarted.status, 200, "{}", restarted.body);
    assert_eq!(restarted.header("content-type"), Some("application/trickle-ice-sdpfrag"));
    let new_tag = restarted.header("etag").unwrap().to_owned();
    assert_ne!(new_tag, tag);
    for line in ["a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "m=audio ", "a=mid:0"] {
        assert!(restarted.body.contains(line), "{line}: {}", restarted.body);
    }
    let old_ufrag = opened.body.lines().find(|line| line.starts_with("a=ice-ufrag:")).unwrap();
    assert!(!restarted.body.contains(old_ufrag), "the server's credentials did not change");
    assert_eq!(patch(&tag, trickle).await.status, 412);
    assert_eq!(patch(&new_tag, "").await.status, 204);

    for (headers, body, status) in [
        (vec![SDP, ("if-match", "*")], trickle, 415),
        (vec![("if-match", "*")], trickle, 415),
        (vec![SDPFRAG, ("if-match", "*")], "hello", 400),
        (vec![SDPFRAG, ("if-match", "*")], "a=ice-ufrag:abcd\r\n", 400),
    ] {
        assert_eq!(server.http("PATCH", &path, &headers, body).await.status, status, "{body}");
    }
}

#[tokio::test]
async fn bad_offers_have_their_status() {
    let server = Server::start(&[]).await;
    let bearer = format!("Bearer {}", service_token());
    let auth = ("authorization", bearer.as_str());
    let good = offer("sendonly");
    let long = "x".repeat(256 * 1024 + 1);
    for (name, path, headers, body, status) in [
        ("no token", "/whip/r/a", vec![SDP], good.as_str(), 401),
        ("basic", "/whip/r/a", vec![SDP, ("authorization", "Basic eDp5")], &good, 401),
        ("a wrong token", "/whip/r/a", vec![SDP, ("authorization", "Bearer x.y.z")], &good, 401),
        ("a bad room", "/whip/a%20b/a", vec![SDP, auth], &good, 400),
        ("a long room", &format!("/whip/{}", "x".repeat(65)), vec![SDP, auth], &good, 400),
        ("no UTF-8", "/whip/%ff/a", vec![SDP, auth], &good, 400),
        ("no content type", "/whip/r/a", vec![auth], &good, 415),
        ("JSON", "/whip/r/a", vec![("content-type", "application/json"), auth], &good, 415),
        ("only HTML", "/whip/r/a", vec![SDP, auth, ("accept", "text/html")], &good, 406),
        ("too long", "/whip/r/a", vec![SDP, auth], &long, 413),
        ("no SDP", "/whip/r/a", vec![SDP, auth], "hello", 400),
        ("empty", "/whip/r/a", vec![SDP, auth], "", 400),
        ("nothing to send", "/whip/r/a", vec![SDP, auth], &offer("recvonly"), 400),
        ("nothing to receive", "/whep/r", vec![SDP, auth], &good, 400),
        ("deeper", "/whip/r/a/b", vec![SDP, auth], &good, 404),
        ("no room", "/whip/", vec![SDP, auth], &good, 404),
    ] {
        let response = server.http("POST", path, &headers, body).await;
        assert_eq!(response.status, status, "{name}: {}", response.body);
        assert_eq!(response.header("content-type"), Some("application/problem+json"), "{name}");
        let challenge = response.header("www-authenticate");
        assert_eq!(challenge.is_some(), status == 401, "{name}");
    }
    // Whoever failed left nothing behind.
    assert_eq!(server.metric("oriel_participants").await, Some(0));

    for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE"] {
        let response = server.http(method, "/whip/r/a", &[auth], "").await;
        assert_eq!(response.status, 405, "{method}");
        assert!(response.header("allow").unwrap().contains("POST"), "{method}");
    }
    let nobody = format!("/v1/whip-sessions/{:032x}", 7);
    for path in [nobody.as_str(), "/v1/whip-sessions/x"] {
        assert_eq!(server.http("DELETE", path, &[], "").await.status, 404);
        let patch = [SDPFRAG, ("if-match", "*")];
        assert_eq!(server.http("PATCH", path, &patch, "").await.status, 404);
        assert_eq!(server.http("GET", path, &[], "").await.status, 405);
        assert_eq!(server.http("POST", path, &[SDP, auth], "").await.status, 405);
    }
}

#[tokio::test]
async fn tokens_of_people_open_their_own_room_as_themselves() {
    let server = Server::start(&[]).await;
    let post = async |path: &str, claims: Claims, direction: &str| {
        let bearer = format!("Bearer {}", token(claims));
        let headers = [SDP, ("authorization", bearer.as_str())];
        server.http("POST", path, &headers, &offer(direction)).await.status
    };
    let own = || claims("studio", "cam1");
    assert_eq!(post("/whip/studio/cam1", own(), "sendonly").await, 201);
    assert_eq!(post("/whip/studio", own(), "sendonly").await, 201);
    assert_eq!(post("/whip/studio/cam2", own(), "sendonly").await, 403);
    assert_eq!(post("/whip/other/cam1", own(), "sendonly").await, 403);
    assert_eq!(post("/whep/studio/anybody", own(), "recvonly").await, 201);
    assert_eq!(post("/whep/other", own(), "recvonly").await, 403);

    let mut viewer = own();
    viewer.video.can_publish = Some(false);
    assert_eq!(post("/whip/studio", viewer, "sendonly").await, 403);
    let mut speaker = own();
    speaker.video.can_publish_sources = vec!["microphone".into()];
    assert_eq!(post("/whip/studio", speaker, "sendonly").await, 403);
    let mut encoder = own();
    encoder.video.can_subscribe = Some(false);
    assert_eq!(post("/whep/studio", encoder, "recvonly").await, 403);
}

#[tokio::test]
async fn every_page_may_ask_and_read_the_answer() {
    let server = Server::start(&[
        "ice.servers=[{urls=[\"turn:t.example\"],username=\"u\",credential=\"a\\\"b\"}]",
    ])
    .await;
    for (path, methods, accepts) in [
        ("/whip/r", "POST", ("accept-post", "application/sdp")),
        ("/whep/r/a", "POST", ("accept-post", "application/sdp")),
        ("/v1/whip-sessions/x", "PATCH", ("accept-patch", "application/trickle-ice-sdpfrag")),
    ] {
        let preflight =
            [("origin", "https://player.example"), ("access-control-request-method", methods)];
        let response = server.http("OPTIONS", path, &preflight, "").await;
        assert_eq!(response.status, 204, "{path}");
        let headers = response.headers();
        assert_eq!(headers["access-control-allow-origin"], "*");
        assert!(headers["access-control-allow-methods"].contains(methods));
        assert!(headers["access-control-allow-headers"].contains("Authorization"));
        assert!(headers["access-control-allow-headers"].contains("If-Match"));
        assert_eq!(headers[accepts.0], accepts.1);
        // A TURN password is for those who have a token.
        assert_eq!(response.header("link"), None);
    }
    let opened = open(&server, "/whip/r/a", "sendonly").await;
    assert_eq!(opened.header("access-control-allow-origin"), Some("*"));
    assert!(opened.header("access-control-expose-headers").unwrap().contains("Location"));
    assert_eq!(
        opened.header("link"),
        Some(
            "<turn:t.example>; rel=\"ice-server\"; username=\"u\"; credential=\"a\\\"b\"; \
             credential-type=\"password\""
        )
    );
}

#[tokio::test]
async fn locations_follow_the_public_url() {
    let server = Server::start(&["server.public_url=https://meet.example.com/"]).await;
    let opened = open(&server, "/whip/r/a", "sendonly").await;
    let location = opened.header("location").unwrap();
    assert!(location.starts_with("https://meet.example.com/v1/whip-sessions/"), "{location}");
}
