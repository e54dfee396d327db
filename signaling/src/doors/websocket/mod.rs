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
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::Context;
use crate::limits::{MESSAGE_BYTES, SDP_BYTES};
use crate::participation::Visit;
use crate::server::Peer;

mod handshake;
mod observer;
mod socket;

use handshake::Bounded;

/// What a stranger may send: one message, and what frames it.
const STRANGER_BYTES: usize = MESSAGE_BYTES + 1024;
/// JSON writes each line end of an SDP in twice its bytes; lines are 20 bytes or longer.
const FRAME_BYTES: usize = SDP_BYTES + SDP_BYTES / 8 + 1024;
/// Read at once. Each socket has such a buffer for as long as it lives.
const READ_BUFFER: usize = 2 * 1024;

pub(super) fn routes(context: &Context) -> Router {
    Router::new().route("/v1/ws", any(open)).with_state(context.clone())
}

async fn open(
    State(context): State<Context>,
    Extension(peer): Extension<Peer>,
    mut request: Request<Body>,
) -> Response {
    let response = match handshake::respond(request.method(), request.headers()) {
        Ok(response) => response,
        Err(problem) => return problem.into_response(),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    let visit = Visit {
        address: peer.address,
        base_url: context.site.base_url(request.uri(), request.headers()),
        // Any page may open a WebSocket to anywhere; browsers only say which page it is. What it may is
        // seen with its token: here it could not be told why it is refused.
        page: context.site.page_origin(request.uri(), request.headers()),
    };
    let task = context.tasks.subscribe();
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let stream = Bounded::new(hyper_util::rt::TokioIo::new(upgraded), STRANGER_BYTES);
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(FRAME_BYTES))
            .max_frame_size(Some(FRAME_BYTES));
        let stream = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
        socket::run(stream, context, visit).await;
        drop(task);
    });
    response
}
