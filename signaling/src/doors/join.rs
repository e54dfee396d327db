//! `POST /v1/join`: a token for a guest, or for an embed ticket; and how to use it.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::grants::{Asked, Claims, VideoClaims};
use signaling_core::id::Secret;
use signaling_core::info::{IceServer, Limits};
use signaling_core::name;

use super::{Context, has_content_type, read_body};
use crate::cors;
use crate::limits::MESSAGE_BYTES;
use crate::problem::Problem;
use crate::server::Peer;
use crate::site::{PageOrigin, Site};
use crate::tickets::Embedding;
use crate::webtransport;

/// What somebody says who has no token.
#[derive(Debug, Deserialize)]
struct Ask {
    /// Needed without a ticket, which names its room itself.
    room: Option<String>,
    #[serde(default)]
    name: String,
    /// From the back end of the page that embeds the room.
    ticket: Option<Secret>,
    /// The origin of the page around ours, as the browser has told it.
    embedder: Option<String>,
    /// In place of a room: that of the network that this comes from.
    #[serde(default)]
    nearby: bool,
}

/// What it gets.
#[derive(Debug, Serialize)]
struct Invitation {
    token: String,
    /// Of the WebSocket.
    url: String,
    room: String,
    identity: String,
    ice_servers: Vec<IceServer>,
    limits: Limits,
    /// The ways that signaling goes, the best first.
    transports: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    webtransport: Option<webtransport::Invitation>,
}

pub(super) fn routes(context: &Context) -> Router {
    Router::new().route("/v1/join", post(join).options(preflight)).with_state(context.clone())
}

async fn join(
    State(context): State<Context>,
    Extension(peer): Extension<Peer>,
    request: Request<Body>,
) -> Response {
    let page = context.site.page_origin(request.uri(), request.headers());
    let (head, body) = request.into_parts();
    let invitation = async {
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
        let (door, admitted) = match ask.ticket {
            Some(ticket) => {
                let redeem = |()| redeem(&context, ticket, &ask, (&page, &head.headers));
                ("ticket", may_come.and_then(redeem))
            }
            None if ask.nearby => {
                let from = (&head.uri, &head.headers);
                let room = |()| context.nearby.room(&context.site, from, peer.address);
                let admit = |room| admit_device(&context, room, ask.name, &page);
                ("nearby", may_come.and_then(room).and_then(admit))
            }
            None => ("guest", may_come.and_then(|()| admit_guest(&context, ask, &page))),
        };
        let invitation = admitted.and_then(|admitted| invite(&context, admitted, &base_url));
        context.note_join(door, &invitation);
        Ok(invitation?)
    };
    let mut response = match invitation.await {
        Ok(invitation) => {
            // It holds a token.
            ([(header::CACHE_CONTROL, "no-store")], Json(invitation)).into_response()
        }
        Err(problem) => problem.into_response(),
    };
    cors::allow(&page, response.headers_mut());
    response
}

/// Whose token is to be made, and for how many seconds.
struct Admission {
    room: String,
    identity: String,
    claims: Claims,
    ttl: u64,
}

fn admit_guest(context: &Context, ask: Ask, page: &PageOrigin) -> Result<Admission, RequestError> {
    let room = ask.room.ok_or_else(|| {
        RequestError::new(ErrorCode::BadRequest, "say which room, or bring a ticket")
    })?;
    name::check_room(&room)?;
    let video = VideoClaims { can_update_own_metadata: true, ..VideoClaims::default() };
    admit_stranger(context, (room, video), ask.name, page)
}

/// A device that is seen in its network: it may say something to the others there, and nothing else.
fn admit_device(
    context: &Context,
    room: String,
    name: String,
    page: &PageOrigin,
) -> Result<Admission, RequestError> {
    let video = VideoClaims {
        can_publish: Some(false),
        can_subscribe: Some(false),
        can_publish_data: Some(true),
        ..VideoClaims::default()
    };
    admit_stranger(context, (room, video), name, page)
}

fn admit_stranger(
    context: &Context,
    (room, video): (String, VideoClaims),
    name: String,
    page: &PageOrigin,
) -> Result<Admission, RequestError> {
    context.admit_page(page, Some(&room), None)?;
    if !context.authority.guests_are_welcome() {
        return Err(RequestError::new(
            ErrorCode::Forbidden,
            "this server takes no guests: a token is needed (rooms.guests)",
        ));
    }
    // Made up here: a guest who could choose would take the place of whomever it names, since of
    // two with one identity the newest wins.
    let identity = format!("guest-{:016x}", rand::random::<u64>());
    let claims = Claims {
        sub: Some(identity.clone()),
        name: Some(name),
        video: VideoClaims { room: Some(room.clone()), room_join: true, ..video },
        ..Claims::default()
    };
    // The same checks as when the token comes back: better told now than then.
    claims.entry(Asked::default())?;
    Ok(Admission { room, identity, claims, ttl: context.authority.guest_token_ttl() })
}

fn redeem(
    context: &Context,
    ticket: Secret,
    ask: &Ask,
    (page, headers): (&PageOrigin, &HeaderMap),
) -> Result<Admission, RequestError> {
    let origin = match (page, &ask.embedder) {
        // Our own page in a frame: the browser has told it who is around it.
        (PageOrigin::Own, Some(embedder)) => embedder.as_str(),
        (PageOrigin::Own | PageOrigin::Foreign(_), _) => {
            headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or("null")
        }
        (PageOrigin::None, _) => {
            return Err(RequestError::new(
                ErrorCode::OriginNotAllowed,
                "tickets are for pages, and this request is of none: join with a token \
                 (POST /v1/rooms/{room}/tokens)",
            ));
        }
    };
    let Embedding { room, claims, ttl, .. } =
        context.tickets.redeem(ticket, ask.room.as_deref(), origin, Instant::now())?;
    let identity = claims.sub.clone().unwrap_or_default();
    Ok(Admission { room, identity, claims, ttl })
}

fn invite(
    context: &Context,
    admission: Admission,
    base_url: &str,
) -> Result<Invitation, RequestError> {
    let Admission { room, identity, claims, ttl } = admission;
    let webtransport = context.webtransport.as_ref().map(|offer| offer.at(base_url));
    let mut transports = vec!["websocket", "sse", "poll"];
    if webtransport.is_some() {
        transports.insert(1, "webtransport");
    }
    Ok(Invitation {
        token: context.authority.mint(claims, ttl)?,
        url: Site::websocket_url(base_url),
        room,
        ice_servers: context.ice.servers(Some(base_url), &identity),
        identity,
        limits: context.hub.room_config().limits,
        transports,
        webtransport,
    })
}

async fn preflight(State(context): State<Context>, request: Request<Body>) -> Response {
    cors::preflight(&context.site, &request, "POST, OPTIONS")
}
