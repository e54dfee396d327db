//! Rooms by REST, for back ends: what can be seen is read off the rooms, what is to be done is a
//! [`Request`](signaling_core::request::Request) like everybody's.
//!
//! [`operations`] has everything that can be asked, by resource; the router, the OpenAPI document and its
//! page are made of it.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Extension, RawPathParams, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use signaling_core::error::{ErrorCode, RequestError};

use super::{Context, bearer, read_body};
use crate::auth::Caller;
use crate::limits::MESSAGE_BYTES;
use crate::problem::Problem;
use crate::server::Peer;

mod call;
mod document;
mod idempotency;
mod lobby;
mod messages;
mod operation;
mod page;
mod participants;
mod rooms;
mod tickets;
mod tokens;
mod tracks;
mod webhooks;

use call::{Answer, Call, bad};
use idempotency::{Fingerprint, Idempotency, Turn};
use operation::Operation;

/// Bytes of a body: a data message in base 64, and what is around it.
const BODY_BYTES: usize = 2 * MESSAGE_BYTES;

/// What all operations share.
#[derive(Clone)]
struct Door {
    context: Context,
    idempotency: Idempotency,
    papers: Arc<Papers>,
}

/// What describes this door.
struct Papers {
    document: Vec<u8>,
    page: String,
}

/// Everything that can be asked.
fn operations() -> Vec<Operation> {
    [
        rooms::operations(),
        participants::operations(),
        tracks::operations(),
        lobby::operations(),
        messages::operations(),
        tokens::operations(),
        tickets::operations(),
        webhooks::operations(),
        document::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(super) fn routes(context: &Context) -> Router {
    let operations = operations();
    let document = document::write(&operations);
    let papers = Papers { page: page::write(&document), document: document.to_string().into() };
    let door = Door {
        context: context.clone(),
        idempotency: Idempotency::default(),
        papers: Arc::new(papers),
    };
    let mut router = Router::new();
    for operation in operations {
        // These methods all have one.
        let Ok(method) = MethodFilter::try_from(operation.method.clone()) else { continue };
        let path = operation.path;
        let operation = Arc::new(operation);
        let answer = move |State(door): State<Door>,
                           Extension(peer): Extension<Peer>,
                           parameters: Result<RawPathParams, _>,
                           request: Request| {
            let parameters = parameters.map_err(|_| bad("the path is not UTF-8"));
            let parameters = parameters.map(|parameters: RawPathParams| {
                let pairs = parameters.iter();
                pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
            });
            async move {
                let headers = request.headers().clone();
                let answered = async {
                    let (head, body) = request.into_parts();
                    let caller = match operation.needs {
                        Some(_) => Some(door.caller(peer.address, &head.headers)?),
                        None => None,
                    };
                    let parameters = parameters?;
                    let body = read_body(body, BODY_BYTES).await?;
                    let call = Call {
                        door,
                        caller,
                        uri: head.uri,
                        headers: head.headers,
                        parameters,
                        body,
                    };
                    once(&operation, call).await
                };
                match answered.await {
                    Ok(answer) => finish(operation.is_safe(), &headers, answer),
                    Err(problem) => problem.into_response(),
                }
            }
        };
        router = router.route(path, on(method, answer));
    }
    router.with_state(door)
}

impl Door {
    /// Those who guess tokens are slowed down, like those who try to join.
    fn caller(&self, address: IpAddr, headers: &HeaderMap) -> Result<Caller, RequestError> {
        let caller = bearer(headers).and_then(|token| self.context.authority.caller(token));
        if caller.as_ref().is_err_and(|error| error.code == ErrorCode::Unauthorized)
            && !self.context.joins.try_take(address, Instant::now())
        {
            return Err(RequestError::new(
                ErrorCode::RateLimited,
                "too many calls without a good token; try again in a moment",
            ));
        }
        caller
    }
}

/// Carries a call out, unless its idempotency key says that it was carried out before.
async fn once(operation: &Operation, call: Call) -> Result<Answer, Problem> {
    let Some(key) = call.headers.get("idempotency-key").filter(|_| !operation.is_safe()) else {
        return (operation.handler)(call).await;
    };
    let caller = call.caller()?;
    let key = idempotency::Key::read(key, &caller.issuer, &caller.subject)?;
    let fingerprint = Fingerprint::of(&operation.method, &call.uri, &call.body);
    let store = call.door.idempotency.clone();
    match store.begin(key, fingerprint, Instant::now())? {
        Turn::Again(answer) => Ok(answer),
        Turn::First(place) => {
            let outcome = (operation.handler)(call).await;
            // What failed is done anew when it is asked again.
            if let Ok(answer) = &outcome {
                place.keep(answer.clone(), Instant::now());
            }
            outcome
        }
    }
}

/// What is only read carries a tag, and is not sent again to those who have it (RFC 9110 §13.1.2).
fn finish(is_safe: bool, headers: &HeaderMap, answer: Answer) -> Response {
    let tag = match &answer.content {
        Some((_, content)) if is_safe => tag(content),
        _ => {
            let mut response = answer.into_response();
            // It may hold a token.
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            return response;
        }
    };
    let known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|known| known.trim().trim_start_matches("W/"))
        .any(|known| known == "*" || known == tag);
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => answer.into_response(),
    };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("authorization"));
    response
}

/// Of the same bytes the same, in every run of the same build.
fn tag(content: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    format!("\"{:016x}\"", hasher.finish())
}
