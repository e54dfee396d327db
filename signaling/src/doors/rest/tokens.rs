//! Tokens for those who are to join, made by a server that holds a key.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::grants::{Asked, Claims, VideoClaims};
use signaling_core::info::TrackSource;

use super::call::{Answer, Call, bad};
use super::operation::{Operation, handler};
use crate::problem::Problem;
use crate::site::Site;

/// Seconds that a token is good where nothing else is asked.
const USUAL: u64 = 6 * 3600;
/// Seconds that a token may be good at most.
const LONGEST: u64 = 7 * 86_400;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::POST,
            "/v1/rooms/{room}/tokens",
            "create_token",
            "Makes a token with which somebody joins a room. It is shown this once.",
            handler!(create),
        )
        .needs("video.roomAdmin")
        .takes::<NewToken>()
        .gives::<Token>(StatusCode::CREATED),
    ]
}

/// Who is to join, and what it may.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// Who it is, 128 bytes at most on one line.
    #[schemars(length(min = 1, max = 128))]
    identity: String,
    /// The display name, 128 bytes at most on one line.
    #[serde(default)]
    #[schemars(length(max = 128))]
    name: String,
    /// Free text, 16 KiB at most.
    #[serde(default)]
    metadata: String,
    /// Free key-value pairs, 16 KiB at most in all.
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    /// Seconds that it is good for; six hours without it. No longer than the caller's own.
    #[schemars(range(min = 1, max = 604_800))]
    ttl: Option<u64>,
    /// The sources that may be published; all without it, none where it is empty.
    can_publish: Option<Vec<TrackSource>>,
    /// Whether it receives media; yes without it.
    can_subscribe: Option<bool>,
    /// Whether it may chat and send data; as it may publish without it.
    can_publish_data: Option<bool>,
    /// Whether it may change its own name, metadata and attributes.
    #[serde(default)]
    can_update_own_metadata: bool,
    /// Whether it steers the room.
    #[serde(default)]
    room_admin: bool,
    /// Whether nobody sees it.
    #[serde(default)]
    hidden: bool,
}

/// A way into the room.
#[derive(Debug, Serialize, JsonSchema)]
struct Token {
    /// The token. It opens the room: keep it out of URLs and logs.
    token: String,
    /// Of the WebSocket.
    url: String,
    /// The room.
    room: String,
    /// Who joins with it.
    identity: String,
    /// Seconds that it is good for from now on.
    ttl: u64,
}

async fn create(call: Call) -> Result<Answer, Problem> {
    let room = call.steered_room()?.to_owned();
    let ask: NewToken = call.json()?;
    let ttl = ttl(&call, &ask)?;
    let identity = ask.identity.clone();
    let claims = claims(ask, &room)?;
    let context = &call.door.context;
    let base = context.site.base_url(&call.uri, &call.headers);
    let base = base.ok_or_else(|| bad("the request names no host"))?;
    let token = context.authority.mint(claims, ttl)?;
    let url = Site::websocket_url(&base);
    Answer::created(&Token { token, url, room, identity, ttl }, None)
}

/// Seconds that the token is to be good for.
///
/// # Errors
/// [`ErrorCode::BadRequest`] for what is out of bounds, [`ErrorCode::Unauthorized`] when the caller's own has
/// ended.
pub(super) fn ttl(call: &Call, ask: &NewToken) -> Result<u64, RequestError> {
    let asked = ask.ttl.unwrap_or(USUAL);
    if !(1..=LONGEST).contains(&asked) {
        return Err(bad(format!("ttl is from 1 to {LONGEST} seconds")));
    }
    let caller = call.caller()?;
    // Whoever administers one room hands nothing on beyond its own time.
    let ttl = match caller.rights.administers() {
        true => asked,
        false => asked.min(caller.expires_at.saturating_sub(now())),
    };
    if ttl == 0 {
        let message = "the caller's token has ended";
        return Err(RequestError::new(ErrorCode::Unauthorized, message));
    }
    Ok(ttl)
}

/// What the token is to claim in `room`.
///
/// # Errors
/// Those that it would meet when it is used: better told now than then.
pub(super) fn claims(ask: NewToken, room: &str) -> Result<Claims, RequestError> {
    let sources = ask.can_publish.as_ref();
    let claims = Claims {
        sub: Some(ask.identity),
        name: Some(ask.name),
        metadata: Some(ask.metadata),
        attributes: Some(ask.attributes),
        video: VideoClaims {
            room: Some(room.to_owned()),
            room_join: true,
            room_admin: ask.room_admin,
            can_publish: sources.map(|sources| !sources.is_empty()),
            can_publish_sources: sources
                .map(|sources| sources.iter().map(|source| source.word().to_owned()).collect())
                .unwrap_or_default(),
            can_subscribe: ask.can_subscribe,
            can_publish_data: ask.can_publish_data,
            can_update_own_metadata: ask.can_update_own_metadata,
            hidden: ask.hidden,
            ..VideoClaims::default()
        },
        ..Claims::default()
    };
    claims.entry(Asked::default())?;
    Ok(claims)
}

fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}
