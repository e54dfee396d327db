//! Full signaling and data messages by WebTransport at `/v1/webtransport`.
//!
//! The client's first bidirectional stream carries what a WebSocket does, each frame after its length. Data
//! messages go between its session and the room's worker without the room in between: lossy ones as
//! datagrams, reliable ones as frames of that stream, and bulk on streams of its own.

use std::time::Duration;

use axum::http::StatusCode;

use self::carrier::Carrier;
use super::Context;
use crate::conversation;
use crate::counters::Refused;
use crate::participation::Visit;
use crate::webtransport::{Asked, Offer};

mod bulk;
mod carrier;
mod data;

/// The signaling stream must be there by then.
const STREAM_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the session that is asked for, and stays until it ends.
pub async fn open(context: Context, offer: Offer, asked: Asked) {
    let task = context.tasks.subscribe();
    if asked.uri().path() != offer.path() {
        context.counters.refuse(Refused::Path);
        return asked.refuse(StatusCode::NOT_FOUND).await;
    }
    let uri = offer.http_uri(asked.uri());
    let visit = Visit {
        address: asked.address(),
        base_url: context.site.base_url(&uri, asked.headers()),
        // As with WebSockets: what a page may is seen with its token.
        page: context.site.page_origin(&uri, asked.headers()),
    };
    let Ok(session) = asked.accept().await else { return };
    let _counted = context.counters.webtransport_session();
    match tokio::time::timeout(STREAM_TIMEOUT, session.first_stream()).await {
        Ok(Some((send, receive))) => {
            let carrier = Carrier::new(session, send, receive, context.clone());
            conversation::run(carrier, context, visit).await;
        }
        _ => {
            context.counters.refuse(Refused::Handshake);
            let reason = "the first stream must be a bidirectional one, and come at once";
            session.close(Some((4400, reason.to_owned()))).await;
        }
    }
    drop(task);
}
