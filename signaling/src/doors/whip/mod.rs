//! WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): SDP over HTTP, for encoders and players.
//!
//! A publisher is a participant like any other. A viewer is a hidden one, subscribed to the room or
//! to one identity, which need not be there yet.

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{patch, post};
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::info::IceServer;
use signaling_core::name;

use super::{Context, bearer, essence, has_content_type, read_body};
use crate::limits::{MESSAGE_BYTES, SDP_BYTES};
use crate::problem::Problem;
use crate::server::Peer;

mod sdpfrag;
mod session;
mod setup;

use sdpfrag::Fragment;
use session::{Patched, Precondition, SessionId, Sessions};

const SDP: &str = "application/sdp";
const SDPFRAG: &str = "application/trickle-ice-sdpfrag";
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");
const ACCEPT_PATCH: HeaderName = HeaderName::from_static("accept-patch");

/// Which way the media goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Whip,
    Whep,
}

impl Protocol {
    /// Its name as a door's.
    fn door(self) -> &'static str {
        match self {
            Protocol::Whip => "whip",
            Protocol::Whep => "whep",
        }
    }
}

#[derive(Clone)]
struct Door {
    context: Context,
    sessions: Sessions,
    protocol: Protocol,
}

pub(super) fn routes(context: &Context) -> Router {
    let door =
        |protocol| Door { context: context.clone(), sessions: Sessions::default(), protocol };
    let endpoint = || post(open).options(|| async { preflight("POST, OPTIONS") });
    let session =
        || patch(change).delete(end).options(|| async { preflight("PATCH, DELETE, OPTIONS") });
    let whip = Router::new()
        .route("/whip/{room}", endpoint())
        .route("/whip/{room}/{identity}", endpoint())
        .route("/v1/whip-sessions/{id}", session())
        .with_state(door(Protocol::Whip));
    let whep = Router::new()
        .route("/whep/{room}", endpoint())
        .route("/whep/{room}/{identity}", endpoint())
        .route("/v1/whep-sessions/{id}", session())
        .with_state(door(Protocol::Whep));
    whip.merge(whep).layer(middleware::from_fn(allow_origins))
}

/// Players are on everybody's pages. That is safe here: a token or a session's address lets one in, and
/// no browser sends either by itself.
async fn allow_origins(request: Request<Body>, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            "Location, Link, ETag, Retry-After, Accept-Post, Accept-Patch",
        ),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn preflight(methods: &'static str) -> Response {
    let accepts = if methods.starts_with("POST") {
        (ACCEPT_POST, HeaderValue::from_static(SDP))
    } else {
        (ACCEPT_PATCH, HeaderValue::from_static(SDPFRAG))
    };
    let headers = [
        accepts,
        (header::ALLOW, HeaderValue::from_static(methods)),
        (header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods)),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Authorization, Content-Type, If-Match"),
        ),
        (header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// What the path of an endpoint says.
#[derive(serde::Deserialize)]
struct Target {
    room: String,
    identity: Option<String>,
}

/// POST: an offer becomes a session.
async fn open(
    State(door): State<Door>,
    Extension(peer): Extension<Peer>,
    target: Result<Path<Target>, PathRejection>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let Path(target) = target.map_err(|_| bad_request("the path is not UTF-8"))?;
    name::check_room(&target.room)?;
    if let Some(identity) = &target.identity {
        name::check_identity(identity)?;
    }
    let base_url = door
        .context
        .site
        .base_url(&head.uri, &head.headers)
        .ok_or_else(|| bad_request("the request names no host"))?;
    let admitted =
        bearer(&head.headers).and_then(|token| setup::admit(&door, peer.address, token, &target));
    if let Err(error) = &admitted {
        door.context.note_join::<()>(door.protocol.door(), &Err(error.clone()));
    }
    let admitted = admitted?;
    check_media_types(&head.headers)?;
    let offer = read_text(body, SDP_BYTES).await?;

    let opened = setup::open(&door, admitted, &target, offer.clone()).await;
    door.context.note_join(door.protocol.door(), &opened);
    let (attachment, answer) = opened?;
    let task = door.context.tasks.subscribe();
    let (id, tag) = door.sessions.start(door.protocol, attachment, offer, task);

    let location = format!("{base_url}/v1/{}-sessions/{}", door.protocol.door(), id.text());
    let mut response = (StatusCode::CREATED, answer).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SDP));
    headers.insert(header::LOCATION, header_value(&location)?);
    headers.insert(header::ETAG, header_value(&tag)?);
    headers.insert(ACCEPT_PATCH, HeaderValue::from_static(SDPFRAG));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for server in door.context.ice.servers(Some(&base_url), id.text()) {
        for link in links(&server) {
            headers.append(header::LINK, header_value(&link)?);
        }
    }
    Ok(response)
}

/// PATCH: more candidates, or an ICE restart.
async fn change(
    State(door): State<Door>,
    Path(id): Path<String>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    if !has_content_type(&head.headers, SDPFRAG) {
        return Err(unsupported(SDPFRAG));
    }
    let precondition = precondition(&head.headers)?;
    let fragment = Fragment::parse(&read_text(body, MESSAGE_BYTES).await?)?;
    let patched =
        door.sessions.patch(door.protocol, session_id(&id)?, precondition, fragment).await?;
    match patched {
        Patched::Trickled => Ok(StatusCode::NO_CONTENT.into_response()),
        Patched::Restarted { tag, fragment } => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(SDPFRAG)),
                (header::ETAG, header_value(&tag)?),
            ];
            Ok((headers, fragment).into_response())
        }
    }
}

/// DELETE: the participant leaves. RFC 9725 §4.3.1: whatever `If-Match` says.
async fn end(State(door): State<Door>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    door.sessions.end(door.protocol, session_id(&id)?)?;
    Ok(StatusCode::OK)
}

fn session_id(text: &str) -> Result<SessionId, Problem> {
    // What cannot be an id is not there, like one that nobody has.
    SessionId::parse(text)
        .ok_or_else(|| RequestError::new(ErrorCode::NotFound, "there is no such session").into())
}

fn check_media_types(headers: &HeaderMap) -> Result<(), Problem> {
    if !has_content_type(headers, SDP) {
        return Err(unsupported(SDP));
    }
    let mut accepted = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(essence)
        .filter(|range| !range.is_empty())
        .peekable();
    let answers = ["*/*", "application/*", SDP];
    let fits = |range: &str| answers.iter().any(|answer| range.eq_ignore_ascii_case(answer));
    if accepted.peek().is_some() && !accepted.any(fits) {
        return Err(Problem::new(
            StatusCode::NOT_ACCEPTABLE,
            "not_acceptable",
            "the answer is application/sdp",
        ));
    }
    Ok(())
}

/// `If-Match` (RFC 9110 §13.1.1). RFC 9725 writes the asterisk in quotes, too.
fn precondition(headers: &HeaderMap) -> Result<Precondition, Problem> {
    let tags: Vec<String> = headers
        .get_all(header::IF_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().to_owned())
        .collect();
    if tags.is_empty() {
        return Err(Problem::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition_required",
            "If-Match must name the ICE session: the ETag of the last response, or * to restart",
        ));
    }
    if tags.iter().any(|tag| tag == "*" || tag == "\"*\"") {
        return Ok(Precondition::Any);
    }
    Ok(Precondition::Tags(tags))
}

/// `Link` headers for one ICE server (RFC 9725 §4.6).
fn links(server: &IceServer) -> Vec<String> {
    let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let credentials = match (&server.username, &server.credential) {
        (Some(username), Some(credential)) => format!(
            "; username=\"{}\"; credential=\"{}\"; credential-type=\"password\"",
            quoted(username),
            quoted(credential)
        ),
        _ => String::new(),
    };
    server.urls.iter().map(|url| format!("<{url}>; rel=\"ice-server\"{credentials}")).collect()
}

async fn read_text(body: Body, limit: usize) -> Result<String, Problem> {
    String::from_utf8(read_body(body, limit).await?.into())
        .map_err(|_| bad_request("the body is not UTF-8"))
}

fn bad_request(message: &str) -> Problem {
    RequestError::new(ErrorCode::BadRequest, message).into()
}

fn unsupported(expected: &'static str) -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        format!("the body must be {expected}"),
    )
}

fn header_value(text: &str) -> Result<HeaderValue, Problem> {
    HeaderValue::from_str(text).map_err(|_| {
        RequestError::new(ErrorCode::Internal, "a header of the response cannot be written").into()
    })
}
