//! Those who wait before a room.

use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use signaling_core::info::Waiting;
use signaling_core::request::{Admit, Deny, Request};
use signaling_core::room::Room;

use super::call::{Answer, Call};
use super::operation::{Operation, handler};
use crate::problem::Problem;

const ONE: &str = "/v1/rooms/{room}/lobby/{waiting}";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::GET,
            "/v1/rooms/{room}/lobby",
            "list_waiting",
            "Who waits in a room's lobby, first come first.",
            handler!(list),
        )
        .needs("oriel.observe, or video.roomAdmin")
        .gives::<Lobby>(StatusCode::OK),
        Operation::new(Method::PUT, ONE, "admit", "Lets somebody in who waits.", handler!(admit))
            .needs("video.roomAdmin"),
        Operation::new(
            Method::DELETE,
            ONE,
            "deny",
            "Sends somebody away who waits.",
            handler!(deny),
        )
        .needs("video.roomAdmin"),
    ]
}

/// Who waits.
#[derive(Debug, Serialize, JsonSchema)]
struct Lobby {
    /// First come first.
    waiting: Vec<Waiting>,
}

async fn list(call: Call) -> Result<Answer, Problem> {
    Answer::ok(&Lobby { waiting: call.look(Room::waiting).await? })
}

async fn admit(call: Call) -> Result<Answer, Problem> {
    let participant = call.id("waiting")?;
    call.steer(Request::Admit(Admit { participant })).await?;
    Ok(Answer::DONE)
}

async fn deny(call: Call) -> Result<Answer, Problem> {
    let participant = call.id("waiting")?;
    call.steer(Request::Deny(Deny { participant })).await?;
    Ok(Answer::DONE)
}
