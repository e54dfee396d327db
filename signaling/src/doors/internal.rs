//! The internal port: is it alive, is it ready, what has it counted. Not for the public.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use crate::headroom::Headroom;
use crate::metrics::{self, Sources};

/// What this door reads.
#[derive(Clone)]
pub struct Internals {
    /// Whether new participants are taken.
    pub ready: Arc<AtomicBool>,
    /// What the system leaves for them.
    pub headroom: Headroom,
    /// Where everything is counted.
    pub sources: Sources,
}

/// `/health` (alive), `/ready` (takes newcomers), `/metrics` (Prometheus text format 0.0.4).
pub fn routes(internals: Internals) -> Router {
    Router::new()
        .route("/health", get(|| async { "ok\n" }))
        .route("/ready", get(ready))
        .route("/metrics", get(exposition))
        .with_state(internals)
}

async fn ready(State(internals): State<Internals>) -> impl IntoResponse {
    let mut reasons = internals.headroom.shortages();
    if !internals.ready.load(Ordering::Relaxed) {
        reasons.insert(0, "the server is stopping".into());
    }
    match reasons.as_slice() {
        [] => (StatusCode::OK, "ready\n".to_owned()),
        reasons => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", reasons.join("; ")))
        }
    }
}

async fn exposition(State(internals): State<Internals>) -> impl IntoResponse {
    let text = metrics::text(&internals.sources.read());
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}
