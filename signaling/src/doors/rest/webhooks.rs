//! How webhooks fare, and what could not be told.

use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use signaling_core::error::{ErrorCode, RequestError};

use super::call::{Answer, Call, bad, not_found};
use super::operation::{Operation, handler};
use crate::problem::Problem;
use crate::webhooks::Store;

/// Dead letters on one page.
const PAGE: u32 = 100;

const LETTERS: &str = "/v1/webhooks/{endpoint}/dead-letters";
const LETTER: &str = "/v1/webhooks/{endpoint}/dead-letters/{letter}";

pub(super) fn operations() -> Vec<Operation> {
    let (get, post) = (Method::GET, Method::POST);
    vec![
        Operation::new(
            get.clone(),
            "/v1/webhooks",
            "list_webhooks",
            "The endpoints that are told what happens, and how they fare.",
            handler!(list),
        )
        .needs("oriel.admin")
        .gives::<Endpoints>(StatusCode::OK),
        Operation::new(
            get,
            LETTERS,
            "list_dead_letters",
            "What could not be told to an endpoint, oldest first, a page at a time.",
            handler!(dead),
        )
        .needs("oriel.admin")
        .query::<Page>()
        .gives::<Letters>(StatusCode::OK),
        Operation::new(
            post.clone(),
            "/v1/webhooks/{endpoint}/dead-letters/retry",
            "retry_dead_letters",
            "Lets all dead letters of an endpoint be tried again.",
            handler!(retry_all),
        )
        .needs("oriel.admin")
        .gives::<Retried>(StatusCode::OK),
        Operation::new(
            post,
            "/v1/webhooks/{endpoint}/dead-letters/{letter}/retry",
            "retry_dead_letter",
            "Lets one be tried again, behind all that waits.",
            handler!(retry),
        )
        .needs("oriel.admin"),
        Operation::new(
            Method::DELETE,
            LETTER,
            "delete_dead_letter",
            "Forgets one.",
            handler!(forget),
        )
        .needs("oriel.admin"),
    ]
}

/// Who is told.
#[derive(Debug, Serialize, JsonSchema)]
struct Endpoints {
    /// In the order of the configuration.
    endpoints: Vec<Endpoint>,
}

/// One that is told.
#[derive(Debug, Serialize, JsonSchema)]
struct Endpoint {
    /// Its name.
    id: String,
    /// Its address.
    url: String,
    /// Events that wait.
    waiting: u64,
    /// Events that were given up.
    dead: u64,
    /// Events that it has taken since the start.
    delivered: u64,
    /// Attempts that failed since the start.
    failed: u64,
}

/// Which page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Page {
    /// The last number of the page before: `next`.
    after: Option<u64>,
    /// Dead letters on the page.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
}

/// A page of dead letters.
#[derive(Debug, Serialize, JsonSchema)]
struct Letters {
    /// Oldest first.
    letters: Vec<Letter>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

/// An event that could not be told.
#[derive(Debug, Serialize, JsonSchema)]
struct Letter {
    /// Its number.
    number: u64,
    /// When it happened: milliseconds since 1970 (UTC).
    at: u64,
    /// Why it was given up.
    reason: String,
    /// The event, as it was to be sent.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    event: Box<RawValue>,
}

/// What is tried again.
#[derive(Debug, Serialize, JsonSchema)]
struct Retried {
    /// How many.
    retried: u64,
}

async fn list(call: Call) -> Result<Answer, Problem> {
    call.caller()?.rights.must_administer()?;
    let all = call.door.context.hub.webhooks().endpoints();
    let endpoints = all
        .into_iter()
        .map(|status| Endpoint {
            id: status.id,
            url: status.url,
            waiting: status.waiting,
            dead: status.dead,
            delivered: status.delivered,
            failed: status.failed,
        })
        .collect();
    Answer::ok(&Endpoints { endpoints })
}

async fn dead(call: Call) -> Result<Answer, Problem> {
    let (store, endpoint) = found(&call)?;
    let Page { after, limit } = call.query()?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(bad(format!("limit is from 1 to {PAGE}")).into());
    }
    let limit = limit as usize;
    let read = tokio::task::spawn_blocking(move || {
        store.dead(&endpoint, after.unwrap_or_default(), limit + 1)
    });
    let mut read = read.await.map_err(unreadable)?.map_err(unreadable)?;
    let more = read.len() > limit;
    read.truncate(limit);
    let next = read.last().filter(|_| more).map(|letter| letter.number);
    let mut letters = Vec::new();
    for letter in read {
        let event = serde_json::from_slice(&letter.body).map_err(unreadable)?;
        let (number, at, reason) = (letter.number, letter.at, letter.reason);
        letters.push(Letter { number, at, reason, event });
    }
    Answer::ok(&Letters { letters, next })
}

async fn retry_all(call: Call) -> Result<Answer, Problem> {
    let (store, endpoint) = found(&call)?;
    Answer::ok(&Retried { retried: store.revive(&endpoint, None).await })
}

async fn retry(call: Call) -> Result<Answer, Problem> {
    let (store, endpoint) = found(&call)?;
    let number = call.id("letter")?;
    match store.revive(&endpoint, Some(number)).await {
        0 => Err(not_found(format!("there is no dead letter {number}")).into()),
        _ => Ok(Answer::DONE),
    }
}

async fn forget(call: Call) -> Result<Answer, Problem> {
    let (store, endpoint) = found(&call)?;
    let number = call.id("letter")?;
    match store.forget(&endpoint, number).await {
        0 => Err(not_found(format!("there is no dead letter {number}")).into()),
        _ => Ok(Answer::DONE),
    }
}

/// The store that has what the endpoint in the path is to be told.
fn found(call: &Call) -> Result<(Store, String), RequestError> {
    call.caller()?.rights.must_administer()?;
    let endpoint = call.parameter("endpoint")?;
    let store = call.door.context.hub.webhooks().store_of(endpoint).cloned();
    let store = store.ok_or_else(|| not_found("there is no such endpoint"))?;
    Ok((store, endpoint.to_owned()))
}

fn unreadable(error: impl std::fmt::Display) -> RequestError {
    tracing::error!(%error, "dead letters cannot be read");
    RequestError::new(ErrorCode::Internal, "the dead letters cannot be read")
}
