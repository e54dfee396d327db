//! Data messages from outside the room: they have no sender.

use std::sync::Arc;

use axum::http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use signaling_core::id::ParticipantId;
use signaling_core::request::{Request, Send};

use super::call::{Answer, Call};
use super::operation::{Operation, handler};
use crate::problem::Problem;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::POST,
            "/v1/rooms/{room}/messages",
            "send_message",
            "Sends a message of the application's own to everybody in a room, or to some.",
            handler!(send),
        )
        .needs("video.roomAdmin")
        .takes::<Message>(),
    ]
}

/// A message.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Message {
    /// What it is about, 128 bytes at most.
    #[serde(default)]
    #[schemars(length(max = 128))]
    topic: String,
    /// The bytes, in base 64 (RFC 4648 §4).
    #[serde(deserialize_with = "signaling_core::base64::deserialize")]
    #[schemars(schema_with = "base64")]
    payload: Arc<[u8]>,
    /// For whom it is, by their ids; without it, it is for everybody.
    #[schemars(length(min = 1, max = 64))]
    to: Option<Vec<ParticipantId>>,
    /// Only for those who listen to the topic. Not together with `to`.
    #[serde(default)]
    listeners: bool,
    /// May be lost when it would come late.
    #[serde(default)]
    lossy: bool,
    /// Is the topic's value from now on, which those who come later are told: 16 KiB at most. An empty
    /// payload takes it away. Not together with `to`, `listeners` or `lossy`.
    #[serde(default)]
    retain: bool,
}

fn base64(_: &mut SchemaGenerator) -> Schema {
    let pattern = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";
    json_schema!({ "type": "string", "pattern": pattern })
}

async fn send(call: Call) -> Result<Answer, Problem> {
    call.steered_room()?;
    let Message { topic, payload, to, listeners, lossy, retain } = call.json()?;
    let send = Send { topic, payload, to, listeners, lossy, retain, message: None };
    call.steer(Request::Send(send)).await?;
    Ok(Answer::DONE)
}
