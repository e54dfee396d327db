//! Events by plain HTTP: as an event stream (SSE) or by long polling, on the same URLs; and a whole
//! participation without a WebSocket, its requests by POST.
//!
//! Who reads is either an observer, with a token, at a cursor of a journal; or a participant, on the
//! connection that its join has opened.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, Request, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::id::Secret;
use signaling_core::name;
use tokio::time::Instant;

use super::{Context, bearer};
use crate::cors;
use crate::feed::{Item, Observer, Source};
use crate::limits::FeedPlace;
use crate::problem::Problem;
use crate::server::Peer;

mod line;
mod poll;
mod requests;
mod sse;

use line::{LineReader, Lines};

/// Seconds that a long poll may wait.
const LONGEST_WAIT: u64 = 60;
/// Types that a feed may be narrowed to.
const MOST_TYPES: usize = 64;

/// What the handlers here share.
#[derive(Clone)]
struct Door {
    context: Context,
    lines: Lines,
}

pub(super) fn routes(context: &Context) -> Router {
    let door = Door { context: context.clone(), lines: Lines::default() };
    Router::new()
        .route("/v1/events", get(server_events).options(preflight_to_read))
        .route("/v1/rooms/{room}/events", get(room_events).options(preflight_to_read))
        .route("/v1/rooms/{room}/requests", post(requests::take).options(preflight_to_ask))
        .with_state(door)
}

async fn preflight_to_read(State(door): State<Door>, request: Request<Body>) -> Response {
    cors::preflight(&door.context.site, &request, "GET, OPTIONS")
}

async fn preflight_to_ask(State(door): State<Door>, request: Request<Body>) -> Response {
    cors::preflight(&door.context.site, &request, "POST, OPTIONS")
}

/// How to read.
#[derive(Debug, Deserialize)]
struct Parameters {
    /// The place after which to read, where no `Last-Event-ID` says it.
    after: Option<String>,
    /// Seconds that a long poll waits for something to come.
    wait: Option<u64>,
    /// The types of events to read, with commas between them.
    types: Option<String>,
    /// The token, for the browser's `EventSource`, which can send no header (RFC 6750 §2.3).
    access_token: Option<String>,
}

type Asked = Result<Query<Parameters>, QueryRejection>;

async fn server_events(
    State(door): State<Door>,
    Extension(peer): Extension<Peer>,
    parameters: Asked,
    request: Request<Body>,
) -> Response {
    door.answer(&peer, None, parameters, request.map(drop)).await
}

async fn room_events(
    State(door): State<Door>,
    Extension(peer): Extension<Peer>,
    Path(room): Path<String>,
    parameters: Asked,
    request: Request<Body>,
) -> Response {
    door.answer(&peer, Some(room), parameters, request.map(drop)).await
}

/// How events leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As they happen, in one response without an end.
    Stream,
    /// In one response of what is there.
    Poll,
}

impl Form {
    /// What the asker accepts; JSON for those who do not say.
    fn of(headers: &HeaderMap) -> Form {
        let accepts = |accept: &str| accept.to_ascii_lowercase().contains("text/event-stream");
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        if accept.is_some_and(accepts) { Form::Stream } else { Form::Poll }
    }
}

impl Door {
    async fn answer(
        &self,
        peer: &Peer,
        room: Option<String>,
        parameters: Asked,
        request: Request<()>,
    ) -> Response {
        let origin = match cors::check(&self.context.site, &request) {
            Ok(origin) => origin,
            Err(error) => return Problem::from(error).into_response(),
        };
        let headers = request.headers();
        let response = async {
            let Query(parameters) = parameters.map_err(|rejection| bad(rejection.body_text()))?;
            let wait = parameters.wait.unwrap_or_default();
            if wait > LONGEST_WAIT {
                return Err(bad(format!("a poll waits at most {LONGEST_WAIT} seconds")));
            }
            let mut reader = self.reader(peer.address, room, parameters, headers).await?;
            match Form::of(headers) {
                Form::Stream => Ok(sse::respond(reader)),
                Form::Poll => poll::respond(&mut reader, Duration::from_secs(wait)).await,
            }
        };
        let mut response =
            response.await.unwrap_or_else(|error| Problem::from(error).into_response());
        cors::allow(&origin, response.headers_mut());
        response
    }

    async fn reader(
        &self,
        address: IpAddr,
        room: Option<String>,
        parameters: Parameters,
        headers: &HeaderMap,
    ) -> Result<Reader, RequestError> {
        let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
        let after = last.map(str::to_owned).or(parameters.after);
        let token = match (bearer(headers), &parameters.access_token) {
            (Err(_), Some(token)) => token.as_str(),
            (token, _) => token?,
        };
        // What a connection opens is never taken from a URL, which ends up in logs.
        if let Ok(secret) = bearer(headers).and_then(secret) {
            let line = self.line(address, secret)?;
            return Ok(Reader::Participant(LineReader::new(line, after)?));
        }
        let witness = self.context.authority.witness(token).and_then(|witness| {
            match (&witness.room, &room) {
                (Some(own), Some(room)) if own != room => Err("the token is for another room"),
                (Some(_), None) => Err("the token is for one room, not for all"),
                _ => Ok(witness.until),
            }
            .map_err(|message| RequestError::new(ErrorCode::Forbidden, message))
        });
        let until = match witness {
            Ok(until) => until,
            // Those who guess are slowed down, as at the other doors.
            Err(error) => return Err(self.context.limit_joins(address).err().unwrap_or(error)),
        };
        let types = parameters.types.map(types).transpose()?;
        let source = match room {
            None => Source::Server(self.context.hub.firehose().clone()),
            Some(name) => {
                name::check_room(&name)?;
                Source::Room { hub: self.context.hub.clone(), name }
            }
        };
        let place = self.context.feeds.take(address, Some(token))?;
        let observer = Observer::open(source, after, types, end(until)).await?;
        Ok(Reader::Observer(Box::new(Watch { observer, _place: place })))
    }

    /// The connection behind a secret. Those who guess are slowed down.
    fn line(&self, address: IpAddr, secret: Secret) -> Result<line::Calls, RequestError> {
        self.lines
            .find(secret)
            .ok_or_else(|| self.context.limit_joins(address).err().unwrap_or_else(line::is_gone))
    }
}

/// Somebody who reads.
enum Reader {
    Participant(LineReader),
    Observer(Box<Watch>),
}

/// An observer, and the place that it takes as long as it reads.
struct Watch {
    observer: Observer,
    _place: FeedPlace,
}

impl Reader {
    /// What comes next: at once if it is there, else within `wait`, else nothing.
    async fn read(&mut self, wait: Duration) -> Result<Vec<Arc<Item>>, RequestError> {
        match self {
            Reader::Participant(line) => line.read(wait).await,
            Reader::Observer(watch) => watch.observer.read(wait).await,
        }
    }

    /// What to give as `after` to read on.
    fn place(&self) -> String {
        match self {
            Reader::Participant(line) => line.place().to_string(),
            Reader::Observer(watch) => {
                watch.observer.place().map(|cursor| cursor.to_string()).unwrap_or_default()
            }
        }
    }
}

/// The word that opens a connection.
fn secret(word: &str) -> Result<Secret, RequestError> {
    word.parse().map_err(|_| {
        RequestError::new(
            ErrorCode::Unauthorized,
            "this needs the connection that the reply to a join has, as a bearer token",
        )
    })
}

fn types(list: String) -> Result<Vec<String>, RequestError> {
    let types: Vec<String> = list.split(',').map(|kind| kind.trim().to_owned()).collect();
    if types.len() > MOST_TYPES {
        return Err(bad(format!("at most {MOST_TYPES} types are taken")));
    }
    Ok(types)
}

/// When a token ends that is good until then (seconds since 1970).
fn end(until: u64) -> Instant {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // Beyond that a timer would not fit.
    const LONGEST: u64 = 10 * 365 * 24 * 3600;
    Instant::now() + Duration::from_secs(until.saturating_sub(now).min(LONGEST))
}

fn bad(message: impl Into<String>) -> RequestError {
    RequestError::new(ErrorCode::BadRequest, message)
}
