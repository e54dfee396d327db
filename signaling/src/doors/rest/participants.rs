//! Those who are in a room. In paths they go by their id or by their identity.

use std::collections::BTreeMap;

use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signaling_core::info::{ParticipantInfo, Role, TrackSource};
use signaling_core::request::{Move, Remove, Request, SetGrants, SetRole, Update};

use super::call::{Answer, Call};
use super::operation::{Operation, handler};
use crate::problem::Problem;

const ONE: &str = "/v1/rooms/{room}/participants/{participant}";

pub(super) fn operations() -> Vec<Operation> {
    let (get, put) = (Method::GET, Method::PUT);
    vec![
        Operation::new(
            get.clone(),
            "/v1/rooms/{room}/participants",
            "list_participants",
            "Everybody in a room whom the others see, in the order they came.",
            handler!(list),
        )
        .needs("oriel.observe, or video.roomAdmin")
        .gives::<Participants>(StatusCode::OK),
        Operation::new(get, ONE, "get_participant", "One participant.", handler!(show))
            .needs("oriel.observe, or video.roomAdmin")
            .gives::<ParticipantInfo>(StatusCode::OK),
        Operation::new(
            Method::PATCH,
            ONE,
            "update_participant",
            "Changes a participant's name, metadata or attributes.",
            handler!(update),
        )
        .needs("video.roomAdmin")
        .takes::<Changes>()
        .gives::<ParticipantInfo>(StatusCode::OK),
        Operation::new(
            Method::DELETE,
            ONE,
            "remove_participant",
            "Takes a participant out of the room, and bars it until its token ends.",
            handler!(remove),
        )
        .needs("video.roomAdmin"),
        Operation::new(
            put.clone(),
            "/v1/rooms/{room}/participants/{participant}/role",
            "set_role",
            "Gives or takes the right to steer the room.",
            handler!(set_role),
        )
        .needs("video.roomAdmin")
        .takes::<NewRole>(),
        Operation::new(
            Method::PATCH,
            "/v1/rooms/{room}/participants/{participant}/grants",
            "update_grants",
            "Changes what a participant may do. Tracks that it may not publish any more end.",
            handler!(update_grants),
        )
        .needs("video.roomAdmin")
        .takes::<Grants>(),
        Operation::new(
            put,
            "/v1/rooms/{room}/participants/{participant}/room",
            "move_participant",
            "Moves a participant to a breakout room of this room, or back.",
            handler!(relocate),
        )
        .needs("video.roomAdmin")
        .takes::<Destination>(),
    ]
}

/// Who is in a room.
#[derive(Debug, Serialize, JsonSchema)]
struct Participants {
    /// In the order they came.
    participants: Vec<ParticipantInfo>,
}

/// What is to change. What is absent stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Changes {
    /// The display name, 128 bytes at most.
    #[schemars(length(min = 1, max = 128))]
    name: Option<String>,
    /// Free text, 16 KiB at most.
    metadata: Option<String>,
    /// Attributes to set; those with an empty value are taken away. 16 KiB at most in all.
    attributes: Option<BTreeMap<String, String>>,
}

/// A role to have.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewRole {
    /// The role.
    role: Role,
}

/// What a participant is to be allowed. What is absent stays.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Grants {
    /// The sources it may publish; empty for none.
    can_publish: Option<Vec<TrackSource>>,
    /// Whether it receives media.
    can_subscribe: Option<bool>,
    /// Whether it may chat and send data.
    can_publish_data: Option<bool>,
}

/// Where to.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Destination {
    /// A breakout room, whose name begins with this room's name and a dot; or the room that the
    /// participant was moved from.
    #[schemars(regex(pattern = "^[A-Za-z0-9_.-]{1,64}$"))]
    room: String,
}

async fn list(call: Call) -> Result<Answer, Problem> {
    let participants = call.look(signaling_core::room::Room::visible).await?;
    Answer::ok(&Participants { participants })
}

async fn show(call: Call) -> Result<Answer, Problem> {
    Answer::ok(&call.participant().await?)
}

async fn update(call: Call) -> Result<Answer, Problem> {
    call.steered_room()?;
    let Changes { name, metadata, attributes } = call.json()?;
    let participant = Some(call.participant().await?.id);
    call.steer(Request::Update(Update { participant, name, metadata, attributes })).await?;
    Answer::ok(&call.participant().await?)
}

async fn remove(call: Call) -> Result<Answer, Problem> {
    call.steered_room()?;
    let participant = call.participant().await?.id;
    call.steer(Request::Remove(Remove { participant })).await?;
    Ok(Answer::DONE)
}

async fn set_role(call: Call) -> Result<Answer, Problem> {
    call.steered_room()?;
    let NewRole { role } = call.json()?;
    let participant = call.participant().await?.id;
    call.steer(Request::SetRole(SetRole { participant, role })).await?;
    Ok(Answer::DONE)
}

async fn update_grants(call: Call) -> Result<Answer, Problem> {
    call.steered_room()?;
    let Grants { can_publish, can_subscribe, can_publish_data } = call.json()?;
    let participant = call.participant().await?.id;
    let set = SetGrants { participant, can_publish, can_subscribe, can_publish_data };
    call.steer(Request::SetGrants(set)).await?;
    Ok(Answer::DONE)
}

async fn relocate(call: Call) -> Result<Answer, Problem> {
    call.steered_room()?;
    let Destination { room } = call.json()?;
    let participant = call.participant().await?.id;
    call.steer(Request::Move(Move { participant, room })).await?;
    Ok(Answer::DONE)
}
