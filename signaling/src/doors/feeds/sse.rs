//! A reader as an event stream (HTML Living Standard §9.2).

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::to_vec;
use signaling_core::error::RequestError;

use super::Reader;
use crate::counters::Counters;
use crate::feed::Item;
use crate::tail::Tail;

/// A stream is never silent for longer, so that proxies keep it and the other side can tell.
const HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(15);
/// Milliseconds after which a lost stream is opened again: spread out, as all were lost at once.
const RETRY: std::ops::Range<u32> = 500..1500;

/// Everything from now on, until the reader is gone or there is nothing more to read.
pub(super) fn respond(reader: Reader, counters: Arc<Counters>) -> Response {
    let opening = Bytes::from(format!("retry: {}\n\n", rand::random_range(RETRY)));
    let events = stream::unfold(Some(reader), |reader| async move {
        let mut reader = reader?;
        match reader.read(HEARTBEAT).await {
            Ok(items) if items.is_empty() => Some((vec![heartbeat(&reader)], Some(reader))),
            Ok(items) => {
                let texts = items.iter().map(|item| item.event_stream()).collect();
                Some((texts, Some(reader)))
            }
            Err(error) => Some((vec![closed(&error)], None)),
        }
    });
    let tail = Tail::new(stream::iter([vec![opening]]).chain(events), counters);
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // A token may be in the URL.
        (header::REFERRER_POLICY, "no-referrer"),
        // nginx would collect it otherwise.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Extension(tail)).into_response()
}

/// A comment; and the place, which moves on while nothing comes that was asked for. An event without
/// data is told to nobody, and its id is kept.
fn heartbeat(reader: &Reader) -> Bytes {
    let place = reader.place();
    if place.is_empty() { ":\n\n".into() } else { format!(":\nid: {place}\n\n").into() }
}

/// The last word: opening the stream again as it was leads nowhere, unless the error says so.
fn closed(error: &RequestError) -> Bytes {
    Item::new(None, "closed", &to_vec(error).unwrap_or_default()).event_stream()
}
