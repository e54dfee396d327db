//! `POST /v1/join`: a guest's token, and how to use it.

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::grants::{Asked, Claims, VideoClaims};
use signaling_core::info::{IceServer, Limits};
use signaling_core::name;

use super::{Context, has_content_type, read_body};
use crate::cors;
use crate::limits::MESSAGE_BYTES;
use crate::problem::Problem;
use crate::server::Peer;
use crate::site::Site;

/// What a guest says.
#[derive(Debug, Deserialize)]
struct Ask {
    room: String,
    #[serde(default)]
    name: String,
}

/// What a guest gets.
#[derive(Debug, Serialize)]
struct Ticket {
    token: String,
    /// Of the WebSocket.
    url: String,
    room: String,
    identity: String,
    ice_servers: Vec<IceServer>,
    limits: Limits,
    /// The ways that signaling goes, the best first.
    transports: [&'static str; 3],
}

pub(super) fn routes(context: &Context) -> Router {
    Router::new().route("/v1/join", post(join).options(preflight)).with_state(context.clone())
}

async fn join(
    State(context): State<Context>,
    Extension(peer): Extension<Peer>,
    request: Request<Body>,
) -> Response {
    let origin = match cors::check(&context.site, &request) {
        Ok(origin) => origin,
        Err(error) => return Problem::from(error).into_response(),
    };
    let (head, body) = request.into_parts();
    let ticket = async {
        if !has_content_type(&head.headers, "application/json") {
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "the body must be application/json",
            ));
        }
        let base_url = context
            .site
            .base_url(&head.uri, &head.headers)
            .ok_or_else(|| RequestError::new(ErrorCode::BadRequest, "the request names no host"))?;
        let body = read_body(body, MESSAGE_BYTES).await?;
        let ask: Ask = serde_json::from_slice(&body)
            .map_err(|error| RequestError::new(ErrorCode::BadRequest, error.to_string()))?;
        let may_come = context.headroom.newcomer().and_then(|()| context.limit_joins(peer.address));
        let ticket = may_come.and_then(|()| admit_guest(&context, ask, &base_url));
        context.note_join("guest", &ticket);
        Ok(ticket?)
    };
    let mut response = match ticket.await {
        Ok(ticket) => {
            // It holds a token.
            ([(header::CACHE_CONTROL, "no-store")], Json(ticket)).into_response()
        }
        Err(problem) => problem.into_response(),
    };
    cors::allow(&origin, response.headers_mut());
    response
}

fn admit_guest(context: &Context, ask: Ask, base_url: &str) -> Result<Ticket, RequestError> {
    if !context.authority.guests_are_welcome() {
        return Err(RequestError::new(
            ErrorCode::Forbidden,
            "this server takes no guests: a token is needed (rooms.guests)",
        ));
    }
    name::check_room(&ask.room)?;
    // Made up here: a guest who could choose would take the place of whomever it names, since of
    // two with one identity the newest wins.
    let identity = format!("guest-{:016x}", rand::random::<u64>());
    let claims = Claims {
        sub: Some(identity.clone()),
        name: Some(ask.name),
        video: VideoClaims {
            room: Some(ask.room.clone()),
            room_join: true,
            can_update_own_metadata: true,
            ..VideoClaims::default()
        },
        ..Claims::default()
    };
    // The same checks as when the token comes back: better told now than then.
    claims.entry(Asked::default())?;
    Ok(Ticket {
        token: context.authority.mint_for_guest(claims)?,
        url: Site::websocket_url(base_url),
        room: ask.room,
        ice_servers: context.ice.servers(Some(base_url), &identity),
        identity,
        limits: context.hub.room_config().limits,
        transports: ["websocket", "sse", "poll"],
    })
}

async fn preflight(State(context): State<Context>, request: Request<Body>) -> Response {
    cors::preflight(&context.site, &request, "POST, OPTIONS")
}
