//! From claims to grants, and where a token leads.

use std::collections::BTreeMap;

use serde_json::json;
use signaling_core::error::ErrorCode;
use signaling_core::grants::{Asked, Audiences, Claims, Entry, VideoClaims};
use signaling_core::info::TrackSource;

fn claims(json: serde_json::Value) -> Claims {
    serde_json::from_value(json).expect("claims")
}

fn asked(room: Option<&str>, identity: Option<&str>) -> Asked {
    Asked {
        room: room.map(str::to_owned),
        identity: identity.map(str::to_owned),
        ..Asked::default()
    }
}

fn refused(claims: &Claims, asked: Asked) -> ErrorCode {
    claims.entry(asked).expect_err("refused").code
}

#[test]
fn a_token_of_a_livekit_token_server_opens_its_room() {
    let claims = claims(json!({
        "iss": "devkey", "sub": "ana", "name": "Ana", "nbf": 0, "exp": 1_700_003_600,
        "jti": "ana", "metadata": "{\"team\":\"red\"}", "attributes": {"seat": "4"},
        "kind": "standard", "sha256": "",
        "video": {"room": "team", "roomJoin": true, "canPublish": true, "canSubscribe": true,
                  "canPublishData": true, "ingressAdmin": false}
    }));
    let entry = claims.entry(Asked::default()).expect("an entry");
    assert_eq!(entry.room, "team");
    assert_eq!(entry.identity.as_deref(), Some("ana"));
    assert_eq!(entry.name, "Ana");
    assert_eq!(entry.metadata, "{\"team\":\"red\"}");
    assert_eq!(entry.attributes, BTreeMap::from([("seat".to_owned(), "4".to_owned())]));
    assert!(!entry.grants.room_admin);
    assert_eq!(claims.exp, Some(1_700_003_600));
}

#[test]
fn what_is_not_said_is_allowed_except_steering_and_hiding() {
    let grants = claims(json!({"video": {"room": "team", "roomJoin": true}})).grants();
    assert_eq!(grants.can_publish, TrackSource::ALL);
    assert!(grants.can_subscribe);
    assert!(grants.can_publish_data);
    assert!(!grants.room_admin);
    assert!(!grants.hidden);
}

#[test]
fn data_follows_publishing_unless_it_is_said() {
    let of = |video| claims(json!({"video": video})).grants().can_publish_data;
    assert!(!of(json!({"canPublish": false})));
    assert!(of(json!({"canPublish": false, "canPublishData": true})));
    assert!(!of(json!({"canPublishData": false})));
}

#[test]
fn sources_narrow_publishing_and_an_unknown_word_allows_nothing() {
    let of = |video| claims(json!({"video": video})).grants().can_publish;
    assert_eq!(of(json!({"canPublishSources": []})), TrackSource::ALL);
    assert_eq!(
        of(json!({"canPublishSources": ["microphone", "screen_share"]})),
        [TrackSource::Microphone, TrackSource::ScreenShare]
    );
    assert_eq!(of(json!({"canPublishSources": ["hologram"]})), []);
    assert_eq!(of(json!({"canPublish": false, "canPublishSources": ["camera"]})), []);
}

#[test]
fn the_hidden_can_send_nothing() {
    let video = json!({"hidden": true, "canPublish": true, "canPublishData": true});
    let grants = claims(json!({"video": video})).grants();
    assert_eq!(grants.can_publish, []);
    assert!(!grants.can_publish_data);
    assert!(grants.can_subscribe);
}

#[test]
fn a_token_opens_nothing_that_it_does_not_name() {
    let full = json!({"sub": "ana", "video": {"room": "team", "roomJoin": true}});
    let without = |path: &str| {
        let mut json = full.clone();
        *json.pointer_mut(path).expect("a path") = json!(null);
        json.as_object_mut().expect("claims").retain(|_, value| !value.is_null());
        if let Some(video) = json.get_mut("video").and_then(|video| video.as_object_mut()) {
            video.retain(|_, value| !value.is_null());
        }
        claims(json)
    };
    for path in ["/sub", "/video", "/video/room", "/video/roomJoin"] {
        let everything = asked(Some("team"), Some("ana"));
        assert_eq!(refused(&without(path), everything), ErrorCode::Forbidden, "{path}");
    }
    assert_eq!(refused(&claims(full.clone()), asked(Some("other"), None)), ErrorCode::Forbidden);
    assert_eq!(refused(&claims(full.clone()), asked(None, Some("ben"))), ErrorCode::Forbidden);
    assert!(claims(full).entry(asked(Some("team"), Some("ana"))).is_ok());
}

#[test]
fn a_service_token_leaves_room_and_identity_to_its_asker() {
    let service = claims(json!({"oriel": {"service": true}}));
    let entry = service.entry(asked(Some("team"), Some("encoder"))).expect("an entry");
    assert_eq!((entry.room.as_str(), entry.identity.as_deref()), ("team", Some("encoder")));
    let entry = service.entry(asked(Some("team"), None)).expect("an entry");
    assert_eq!(entry.identity, None, "for the door to invent");
    assert_eq!(refused(&service, asked(None, Some("encoder"))), ErrorCode::BadRequest);

    let of_team = claims(json!({"oriel": {"service": true}, "video": {"room": "team"}}));
    assert_eq!(refused(&of_team, asked(Some("other"), None)), ErrorCode::Forbidden);
}

#[test]
fn the_tokens_own_words_win_over_the_askers() {
    let own = claims(json!({
        "sub": "ana", "name": "Ana", "attributes": {"seat": "4"},
        "video": {"room": "team", "roomJoin": true}
    }));
    let asked = Asked {
        name: Some("Root".to_owned()),
        attributes: Some(BTreeMap::from([
            ("seat".to_owned(), "1".to_owned()),
            ("hat".to_owned(), "blue".to_owned()),
        ])),
        ..Asked::default()
    };
    let Entry { name, attributes, .. } = own.entry(asked.clone()).expect("an entry");
    assert_eq!(name, "Ana");
    assert_eq!(attributes["seat"], "4");
    assert_eq!(attributes["hat"], "blue");

    let nameless = Claims { name: Some(String::new()), ..own };
    assert_eq!(nameless.entry(asked).expect("an entry").name, "Root", "\"\" is no name");
}

#[test]
fn names_that_cannot_be_used_are_refused() {
    let service = claims(json!({"oriel": {"service": true}}));
    for (room, identity) in [("a/b", "ana"), ("", "ana"), ("team", "a\nb"), ("..", "ana")] {
        let asked = asked(Some(room), Some(identity));
        assert_eq!(refused(&service, asked), ErrorCode::BadRequest, "{room:?} {identity:?}");
    }
}

#[test]
fn times_are_whole_seconds() {
    for exp in [json!("1700000000"), json!(1.7e9), json!(1e19), json!(-1)] {
        let parsed = serde_json::from_value::<Claims>(json!({"exp": exp}));
        assert!(parsed.is_err(), "{exp}");
    }
}

#[test]
fn an_audience_is_one_or_several() {
    let one = claims(json!({"aud": "oriel"})).aud.expect("aud");
    let many = claims(json!({"aud": ["web", "oriel"]})).aud.expect("aud");
    assert!(one.contains("oriel") && many.contains("oriel"));
    assert!(!one.contains("ori") && !many.contains("other"));
    assert_eq!(one, Audiences::One("oriel".to_owned()));
}

#[test]
fn minted_claims_say_no_more_than_they_must() {
    let video =
        VideoClaims { room: Some("team".to_owned()), room_join: true, ..VideoClaims::default() };
    let claims = Claims { sub: Some("ana".to_owned()), video, ..Claims::default() };
    let json = serde_json::to_value(&claims).expect("JSON");
    assert_eq!(json, json!({"sub": "ana", "video": {"room": "team", "roomJoin": true}}));
}
