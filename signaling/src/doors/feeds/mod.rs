//! Events by plain HTTP: as an event stream (SSE) or by long polling, on the same URLs; and a whole
//! participation without a WebSocket, its requests by POST.
//!
//! Who reads is either an observer, with a token, at a cursor of a journal; or a participant, on the
//! connection that its join has opened.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

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
use signaling_core::request::Observe;

use super::{Context, bearer};
use crate::cors;
use crate::feed::Item;
use crate::problem::Problem;
use crate::server::Peer;
use crate::shortcut::Shortcut;
use crate::site::PageOrigin;
use crate::sweep::Format;
use crate::watch::Watch;

mod line;
mod poll;
mod requests;
mod sse;

use line::{LineReader, Lines};

/// Seconds that a long poll may wait.
const LONGEST_WAIT: u64 = 60;

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
        let page = self.context.site.page_origin(request.uri(), request.headers());
        let headers = request.headers();
        let response = async {
            let Query(parameters) = parameters.map_err(|rejection| bad(rejection.body_text()))?;
            let wait = parameters.wait.unwrap_or_default();
            if wait > LONGEST_WAIT {
                return Err(bad(format!("a poll waits at most {LONGEST_WAIT} seconds")));
            }
            let mut reader = self.reader(peer.address, &page, room, parameters, headers).await?;
            match Form::of(headers) {
                Form::Stream => {
                    if let Some(shortcut) = request.extensions().get::<Shortcut>() {
                        reader.take_seat(shortcut.clone());
                    }
                    Ok(sse::respond(reader, Arc::clone(&self.context.counters)))
                }
                Form::Poll => poll::respond(&mut reader, Duration::from_secs(wait)).await,
            }
        };
        let mut response =
            response.await.unwrap_or_else(|error| Problem::from(error).into_response());
        cors::allow(&page, response.headers_mut());
        response
    }

    async fn reader(
        &self,
        address: IpAddr,
        page: &PageOrigin,
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
        let types = parameters.types.as_deref().map(types);
        let ask = Observe { token: token.to_owned(), room, after, types };
        let watch = Watch::open(&self.context, address, page, ask).await?;
        Ok(Reader::Observer(Box::new(watch)))
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

impl Reader {
    /// Its stream goes to a bare socket.
    fn take_seat(&mut self, shortcut: Shortcut) {
        match self {
            // Nobody else is told the same.
            Reader::Participant(_) => {}
            Reader::Observer(watch) => watch.take_seat(shortcut, Format::EventStream),
        }
    }

    /// What comes next: at once if it is there, else within `wait`, else nothing.
    async fn read(&mut self, wait: Duration) -> Result<Vec<Arc<Item>>, RequestError> {
        match self {
            Reader::Participant(line) => line.read(wait).await,
            Reader::Observer(watch) => watch.read(wait).await,
        }
    }

    /// What to give as `after` to read on.
    fn place(&self) -> String {
        match self {
            Reader::Participant(line) => line.place().to_string(),
            Reader::Observer(watch) => watch.place(),
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

fn types(list: &str) -> Vec<String> {
    list.split(',').map(|kind| kind.trim().to_owned()).collect()
}

fn bad(message: impl Into<String>) -> RequestError {
    RequestError::new(ErrorCode::BadRequest, message)
}
