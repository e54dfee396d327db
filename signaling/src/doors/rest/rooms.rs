//! Rooms: which there are, what is in them, what is before them.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use futures_util::StreamExt;
use futures_util::stream;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signaling_core::error::RequestError;
use signaling_core::info::{ParticipantInfo, RoomInfo, Waiting};
use signaling_core::request::{Request, SetRoom};

use super::call::{Answer, Call, bad};
use super::operation::{Operation, handler};
use crate::hub::Options;
use crate::origins::{self, Origins};
use crate::problem::Problem;

/// Rooms on one page.
const PAGE: u32 = 100;
/// What [`Origins`] takes.
const ORIGIN: &str =
    r"^(\*|[A-Za-z][A-Za-z0-9+.-]*://((\*\.)?[A-Za-z0-9._-]+|\[[A-Za-z0-9:.]+\])(:[0-9]{1,5})?/?)$";
/// Rooms that are asked at a time.
const AT_ONCE: usize = 16;

pub(super) fn operations() -> Vec<Operation> {
    let (get, post) = (Method::GET, Method::POST);
    let (one, all) = ("/v1/rooms/{room}", "/v1/rooms");
    vec![
        Operation::new(
            get.clone(),
            all,
            "list_rooms",
            "The rooms of this server by name, a page at a time.",
            handler!(list),
        )
        .needs("video.roomList")
        .query::<Page>()
        .gives::<Rooms>(StatusCode::OK),
        Operation::new(
            post,
            all,
            "create_room",
            "Begins a room that nobody is in yet.",
            handler!(create),
        )
        .needs("video.roomCreate")
        .takes::<NewRoom>()
        .gives::<RoomInfo>(StatusCode::CREATED),
        Operation::new(
            get,
            one,
            "get_room",
            "A room as it is, with everybody in it whom the others see.",
            handler!(show),
        )
        .needs("oriel.observe, or video.roomAdmin")
        .gives::<Whole>(StatusCode::OK),
        Operation::new(
            Method::PATCH,
            one,
            "update_room",
            "Locks a room, puts a lobby or a password before it or takes them away, or says whose pages may use it.",
            handler!(update),
        )
        .needs("video.roomAdmin")
        .takes::<Settings>()
        .gives::<RoomInfo>(StatusCode::OK),
        Operation::new(
            Method::DELETE,
            one,
            "close_room",
            "Ends a room for everybody in it.",
            handler!(close),
        )
        .needs("video.roomAdmin"),
    ]
}

/// Which page.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Page {
    /// The last name of the page before: `next`.
    after: Option<String>,
    /// Rooms on the page.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
}

/// A page of rooms.
#[derive(Debug, Serialize, JsonSchema)]
struct Rooms {
    /// By name.
    rooms: Vec<Summary>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// A room in a list.
#[derive(Debug, Serialize, JsonSchema)]
struct Summary {
    /// The room.
    room: RoomInfo,
    /// How many are in it whom the others see.
    participants: u64,
}

/// A room, and who is there.
#[derive(Debug, Serialize, JsonSchema)]
struct Whole {
    /// The room.
    room: RoomInfo,
    /// In the order they came.
    participants: Vec<ParticipantInfo>,
    /// Who waits in the lobby, first come first.
    waiting: Vec<Waiting>,
    /// Events after this place are not in it yet.
    cursor: String,
    /// Whose pages may use it, where it has a list of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_origins: Option<Vec<String>>,
}

/// A room to be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewRoom {
    /// Its name; neither `.` nor `..`.
    #[schemars(regex(pattern = "^[A-Za-z0-9_.-]{1,64}$"))]
    name: String,
    /// Seconds that it lives on with nobody in it, instead of `rooms.empty_timeout`.
    #[schemars(range(max = 86_400))]
    empty_timeout: Option<u32>,
    /// How many it takes, up to `rooms.max_participants`.
    #[schemars(range(min = 1))]
    max_participants: Option<u32>,
    /// Whether nobody comes in, moderators aside.
    locked: Option<bool>,
    /// Whether newcomers wait in a lobby.
    lobby: Option<bool>,
    /// What newcomers must know; empty for nothing.
    #[schemars(length(max = 128))]
    password: Option<String>,
    /// Whose pages may use it instead of `server.allowed_origins`: `https://example.com`,
    /// `https://*.example.com` for everything below it, `*` for all. Empty for nobody's but the server's own.
    #[schemars(length(max = 100), inner(regex(pattern = ORIGIN), length(max = 255)))]
    allowed_origins: Option<Vec<String>>,
}

/// What is before a room. What is absent stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Whether nobody comes in any more, moderators aside.
    locked: Option<bool>,
    /// Whether newcomers wait in a lobby. Without one, whoever waits is let in.
    lobby: Option<bool>,
    /// What newcomers must know; empty for nothing.
    #[schemars(length(max = 128))]
    password: Option<String>,
    /// Whose pages may use it instead of `server.allowed_origins`: `https://example.com`,
    /// `https://*.example.com` for everything below it, `*` for all. Empty for nobody's but the server's own.
    #[schemars(length(max = 100), inner(regex(pattern = ORIGIN), length(max = 255)))]
    allowed_origins: Option<Vec<String>>,
}

async fn list(call: Call) -> Result<Answer, Problem> {
    call.caller()?.rights.must_list()?;
    let Page { after, limit } = call.query()?;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(bad(format!("limit is from 1 to {PAGE}")).into());
    }
    let hub = &call.door.context.hub;
    let (names, more) = hub.names(&after.unwrap_or_default(), limit as usize);
    let next = names.last().filter(|_| more).cloned();
    let summaries = names.into_iter().map(|name| {
        let hub = hub.clone();
        async move {
            hub.look(&name, |room| Summary {
                room: room.info().clone(),
                participants: room.visible().len() as u64,
            })
            .await
        }
    });
    // Those that have ended meanwhile are not there.
    let rooms = stream::iter(summaries).buffered(AT_ONCE);
    let rooms = rooms.filter_map(|room| async { room.ok() }).collect().await;
    Answer::ok(&Rooms { rooms, next })
}

async fn create(call: Call) -> Result<Answer, Problem> {
    call.caller()?.rights.must_create()?;
    let ask: NewRoom = call.json()?;
    if ask.max_participants == Some(0) || ask.empty_timeout.is_some_and(|time| time > 86_400) {
        let message = "max_participants is 1 or more, empty_timeout a day or less";
        return Err(bad(message).into());
    }
    let options = Options {
        empty_timeout: ask.empty_timeout.map(|seconds| Duration::from_secs(seconds.into())),
        max_participants: ask.max_participants.map(|most| most as usize),
        settings: SetRoom { locked: ask.locked, lobby: ask.lobby, password: ask.password },
        allowed_origins: ask.allowed_origins.as_deref().map(origins).transpose()?,
    };
    match call.door.context.hub.create(&ask.name, options).await? {
        Some(room) => Answer::created(&room, Some(format!("/v1/rooms/{}", ask.name))),
        None => Err(Problem::new(
            StatusCode::CONFLICT,
            "exists",
            "there is a room of this name already: PATCH changes it",
        )),
    }
}

async fn show(call: Call) -> Result<Answer, Problem> {
    let allowed = call.door.context.hub.allowed_origins(call.seen_room()?);
    let allowed_origins = allowed.map(|list| list.iter().map(str::to_owned).collect());
    let room = call.look(|room| Whole {
        room: room.info().clone(),
        participants: room.visible(),
        waiting: room.waiting(),
        cursor: room.journal().cursor().to_string(),
        allowed_origins,
    });
    Answer::ok(&room.await?)
}

async fn update(call: Call) -> Result<Answer, Problem> {
    let room = call.steered_room()?;
    let Settings { locked, lobby, password, allowed_origins } = call.json()?;
    let allowed = allowed_origins.as_deref().map(origins).transpose()?;
    call.steer(Request::SetRoom(SetRoom { locked, lobby, password })).await?;
    if let Some(allowed) = allowed {
        call.door.context.hub.allow_origins(room, allowed)?;
    }
    Answer::ok(&call.look(|room| room.info().clone()).await?)
}

fn origins(list: &[String]) -> Result<Origins, RequestError> {
    if list.len() > origins::MOST {
        return Err(bad(format!("allowed_origins has {} origins at most", origins::MOST)));
    }
    Origins::parse(list).map_err(|error| bad(format!("allowed_origins: {error}")))
}

async fn close(call: Call) -> Result<Answer, Problem> {
    call.steer(Request::End).await?;
    Ok(Answer::DONE)
}
