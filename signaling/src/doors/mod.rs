//! A door turns one protocol's bytes into requests, and replies and events into bytes.
//!
//! Every door is one module here. It gets a [`Context`], gives back a router with its paths, and
//! knows no other door.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::grants::Asked;
use tokio::sync::watch;

use crate::auth::{Admitted, Authority};
use crate::counters::Counters;
use crate::headroom::Headroom;
use crate::hub::Hub;
use crate::ice::Ice;
use crate::limits::{Feeds, Joins, Rate};
use crate::media::MediaPlane;
use crate::nearby::Nearby;
use crate::problem::{Problem, word};
use crate::site::{PageOrigin, Site};
use crate::telemetry::Tracer;
use crate::tickets::Tickets;
use crate::webtransport::Offer;

pub mod feeds;
pub mod internal;
pub mod join;
pub mod pages;
pub mod rest;
pub mod websocket;
pub mod webtransport;
pub mod whip;

/// The body of a request must be there by then.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What doors know of the rest of the server.
#[derive(Clone)]
pub struct Context {
    /// The rooms.
    pub hub: Hub,
    /// The keys.
    pub authority: Authority,
    /// What the server is called.
    pub site: Arc<Site>,
    /// What the system leaves for newcomers.
    pub headroom: Headroom,
    /// Joins by address.
    pub joins: Joins,
    /// Requests on one connection.
    pub requests: Rate,
    /// Feeds of events.
    pub feeds: Feeds,
    /// Makes out the ICE servers that participants are told of.
    pub ice: Ice,
    /// Embed tickets.
    pub tickets: Tickets,
    /// The rooms of networks.
    pub nearby: Nearby,
    /// The media plane, for data messages that no room has a part in.
    pub plane: Arc<dyn MediaPlane>,
    /// What clients are told of WebTransport, where it is served.
    pub webtransport: Option<Offer>,
    /// What is counted.
    pub counters: Arc<Counters>,
    /// Takes note of requests.
    pub tracer: Tracer,
    /// Held by every task that outlives its HTTP request: when no receiver is left, all doors are
    /// closed.
    pub tasks: watch::Sender<()>,
    /// Whether the server is to stop soon.
    pub draining: watch::Receiver<bool>,
}

/// The doors that everybody may knock at.
pub fn public(context: &Context) -> Router {
    Router::new()
        .merge(join::routes(context))
        .merge(websocket::routes(context))
        .merge(feeds::routes(context))
        .merge(rest::routes(context))
        .merge(whip::routes(context))
        .merge(pages::routes(context))
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "there is no such page")
        })
        .method_not_allowed_fallback(|| async {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this path does not take this method",
            )
        })
        // Doors read bodies by `read_body`, each within its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(context.clone(), count))
}

async fn count(State(context): State<Context>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let route = path.as_ref().map_or("other", MatchedPath::as_str);
    let span = context.tracer.begin(request.method(), route, request.headers());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    context.counters.response(route, status);
    context.tracer.end(span, status);
    response
}

impl Context {
    /// Where a token leads when its bearer asks for `asked`. Attempts are limited by address: all but
    /// those of services, which bring many.
    ///
    /// # Errors
    /// Those of [`Authority::admit`] and [`Nearby::check`], [`ErrorCode::RateLimited`], and [`ErrorCode::Busy`] where the
    /// system leaves no room for newcomers.
    pub fn admit(
        &self,
        address: IpAddr,
        token: &str,
        asked: Asked,
    ) -> Result<Admitted, RequestError> {
        self.headroom.newcomer()?;
        let admitted = self.authority.admit(token, asked);
        if !admitted.as_ref().is_ok_and(|admitted| admitted.service) {
            self.limit_joins(address)?;
        }
        let admitted = admitted?;
        self.nearby.check(&admitted.entry.room, address)?;
        Ok(admitted)
    }

    /// Whether a page may bring somebody into `room`, or read there (`None`: in all rooms). A token that is
    /// `bound` to an origin is for its pages; else the room's list counts, else the server's.
    ///
    /// # Errors
    /// [`ErrorCode::OriginNotAllowed`] when it may not.
    pub fn admit_page(
        &self,
        page: &PageOrigin,
        room: Option<&str>,
        bound: Option<&str>,
    ) -> Result<(), RequestError> {
        let PageOrigin::Foreign(origin) = page else { return Ok(()) };
        let origin = origin.to_str().unwrap_or("null");
        let (allowed, advice) = match (bound, room.and_then(|room| self.hub.allowed_origins(room)))
        {
            (Some(bound), _) => {
                (bound.eq_ignore_ascii_case(origin), "its token is for those of another")
            }
            (None, Some(own)) => (own.allow(origin), "add it to the room's allowed_origins"),
            (None, None) => (
                self.site.allowed_origins().allow(origin),
                "add it to server.allowed_origins, or come with an embed ticket",
            ),
        };
        if allowed {
            return Ok(());
        }
        Err(RequestError::new(
            ErrorCode::OriginNotAllowed,
            format!("pages of {origin} may not do this: {advice}"),
        ))
    }

    /// Counts an attempt to join.
    ///
    /// # Errors
    /// [`ErrorCode::RateLimited`] when there were too many.
    pub fn limit_joins(&self, address: IpAddr) -> Result<(), RequestError> {
        if self.joins.try_take(address, Instant::now()) {
            return Ok(());
        }
        Err(RequestError::new(
            ErrorCode::RateLimited,
            "too many joins from this address; try again in a moment",
        ))
    }

    /// Notes how an attempt to join by `door` went.
    pub fn note_join<T>(&self, door: &'static str, outcome: &Result<T, RequestError>) {
        let outcome = match outcome {
            Ok(_) => "ok",
            Err(error) => word(error.code),
        };
        self.counters.join(door, outcome);
    }
}

/// Reads a request's body of at most `limit` bytes.
///
/// # Errors
/// 413 when it is longer, 408 when it does not come, 400 when it breaks off.
async fn read_body(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(RequestError::new(
            ErrorCode::TooLarge,
            format!("the body is longer than {limit} bytes"),
        )
        .into()),
        Ok(Err(_)) => Err(RequestError::new(ErrorCode::BadRequest, "the body breaks off").into()),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "the body did not come in time",
        )),
    }
}

/// Whether the body is said to be `mime`, whatever its parameters.
fn has_content_type(headers: &HeaderMap, mime: &str) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| essence(value).eq_ignore_ascii_case(mime))
}

/// A media type without its parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// The token of `Authorization: Bearer …` (RFC 6750 §2.1).
fn bearer(headers: &HeaderMap) -> Result<&str, RequestError> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .ok_or_else(|| {
            RequestError::new(
                ErrorCode::Unauthorized,
                "a token is needed, as in `Authorization: Bearer …`",
            )
        })
}
