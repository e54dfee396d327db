//! Embed tickets, made by a back end for its page: see [`tickets`](crate::tickets).

use std::time::Instant;

use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signaling_core::id::Secret;

use super::call::{Answer, Call, bad};
use super::operation::{Operation, handler};
use super::tokens::{self, NewToken};
use crate::origins;
use crate::problem::Problem;
use crate::tickets::{Embedding, GOOD_FOR};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::POST,
            "/v1/rooms/{room}/tickets",
            "create_ticket",
            "Makes a ticket for a page that embeds the room: good once, for 60 seconds, for pages of one origin.",
            handler!(create),
        )
        .needs("video.roomAdmin")
        .takes::<NewTicket>()
        .gives::<Ticket>(StatusCode::CREATED),
    ]
}

/// What [`origins::origin`] takes.
const ORIGIN: &str =
    r"^[A-Za-z][A-Za-z0-9+.-]*://([A-Za-z0-9._-]+|\[[A-Za-z0-9:.]+\])(:[0-9]{1,5})?/?$";

/// Where it is to be used, and what it is to be exchanged for.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewTicket {
    /// The origin of the pages that it is for, as in `https://example.com`.
    #[schemars(regex(pattern = ORIGIN), length(max = 255))]
    origin: String,
    /// The token that it is exchanged for; only pages of the origin can join with that, too.
    token: NewToken,
}

/// A ticket.
#[derive(Debug, Serialize, JsonSchema)]
struct Ticket {
    /// The ticket: give it to `<oriel-room ticket="…">`.
    #[schemars(with = "String")]
    ticket: Secret,
    /// The room.
    room: String,
    /// Whose pages may use it, as browsers write it.
    origin: String,
    /// Seconds that it is good for from now on.
    ttl: u64,
}

async fn create(call: Call) -> Result<Answer, Problem> {
    let room = call.steered_room()?.to_owned();
    let NewTicket { origin, token } = call.json()?;
    let origin = origins::origin(&origin).map_err(|error| bad(format!("origin: {error}")))?;
    let ttl = tokens::ttl(&call, &token)?;
    let mut claims = tokens::claims(token, &room)?;
    claims.oriel.origin = Some(origin.clone());
    let embedding = Embedding { room: room.clone(), origin: origin.clone(), claims, ttl };
    let ticket = call.door.context.tickets.issue(embedding, Instant::now())?;
    Answer::created(&Ticket { ticket, room, origin, ttl: GOOD_FOR.as_secs() }, None)
}
