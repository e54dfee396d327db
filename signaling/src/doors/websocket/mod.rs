//! Full signaling by WebSocket: JSON text frames at `/v1/ws`, subprotocol `oriel.v1`.
//!
//! The first frame is a `join` with the token. Then requests come in and get one reply each, and
//! events go out, both through the attachment's outbox.

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::any;

use self::carrier::Carrier;
use super::Context;
use crate::conversation;
use crate::limits::{FRAME_BYTES, MESSAGE_BYTES};
use crate::participation::Visit;
use crate::server::Peer;
use crate::websocket::{self, Bounds};

mod carrier;

/// What a stranger may send: one message, and what frames it.
const STRANGER_BYTES: usize = MESSAGE_BYTES + 1024;

pub(super) fn routes(context: &Context) -> Router {
    Router::new().route("/v1/ws", any(open)).with_state(context.clone())
}

async fn open(
    State(context): State<Context>,
    Extension(peer): Extension<Peer>,
    mut request: Request<Body>,
) -> Response {
    let bounds = Bounds { stranger: STRANGER_BYTES, message: FRAME_BYTES };
    let (response, opened) = match websocket::accept(&mut request, bounds) {
        Ok(accepted) => accepted,
        Err(problem) => return problem.into_response(),
    };
    let visit = Visit {
        address: peer.address,
        base_url: context.site.base_url(request.uri(), request.headers()),
        // Any page may open a WebSocket to anywhere; browsers only say which page it is. What it may is
        // seen with its token: here it could not be told why it is refused.
        page: context.site.page_origin(request.uri(), request.headers()),
    };
    let shortcut = request.extensions_mut().remove();
    let task = context.tasks.subscribe();
    tokio::spawn(async move {
        let Some(stream) = opened.await else { return };
        conversation::run(Carrier::new(stream, shortcut), context, visit).await;
        drop(task);
    });
    response
}
