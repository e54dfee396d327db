//! What is published in a room.

use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use signaling_core::id::{ParticipantId, TrackId};
use signaling_core::info::TrackInfo;
use signaling_core::request::{Mute, Request};
use signaling_core::room::Room;

use super::call::{Answer, Call, not_found};
use super::operation::{Operation, handler};
use crate::problem::Problem;

const ALL: &str = "/v1/rooms/{room}/tracks";
const ONE: &str = "/v1/rooms/{room}/tracks/{track}";

pub(super) fn operations() -> Vec<Operation> {
    let get = Method::GET;
    let all = "The tracks that are published in a room.";
    vec![
        Operation::new(get.clone(), ALL, "list_tracks", all, handler!(list))
            .needs("oriel.observe, or video.roomAdmin")
            .gives::<Tracks>(StatusCode::OK),
        Operation::new(get, ONE, "get_track", "One track.", handler!(show))
            .needs("oriel.observe, or video.roomAdmin")
            .gives::<Track>(StatusCode::OK),
        Operation::new(
            Method::PATCH,
            ONE,
            "mute_track",
            "Mutes a track. Only its publisher can unmute it.",
            handler!(mute),
        )
        .needs("video.roomAdmin")
        .takes::<Change>()
        .gives::<Track>(StatusCode::OK),
    ]
}

/// What is published.
#[derive(Debug, Serialize, JsonSchema)]
struct Tracks {
    /// By publisher, in the order they came.
    tracks: Vec<Track>,
}

/// A track and whose it is.
#[derive(Debug, Serialize, JsonSchema)]
struct Track {
    /// Its publisher.
    participant: ParticipantId,
    /// The track.
    track: TrackInfo,
}

/// What is to change.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    /// `true`.
    muted: bool,
}

async fn list(call: Call) -> Result<Answer, Problem> {
    Answer::ok(&Tracks { tracks: call.look(tracks).await? })
}

async fn show(call: Call) -> Result<Answer, Problem> {
    let id: TrackId = call.id("track")?;
    let found = call.look(move |room| tracks(room).into_iter().find(|one| one.track.id == id));
    match found.await? {
        Some(track) => Answer::ok(&track),
        None => Err(not_found(format!("there is no track {id}")).into()),
    }
}

async fn mute(call: Call) -> Result<Answer, Problem> {
    call.steered_room()?;
    let Change { muted } = call.json()?;
    let track = call.id("track")?;
    call.steer(Request::Mute(Mute { track, muted })).await?;
    show(call).await
}

fn tracks(room: &Room) -> Vec<Track> {
    let visible = room.visible().into_iter();
    visible
        .flat_map(|publisher| {
            let participant = publisher.id;
            publisher.tracks.into_iter().map(move |track| Track { participant, track })
        })
        .collect()
}
