//! The life of a socket whose other side only reads: events out, and pings answered.

use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::reply::{Done, Outcome, Reply};
use signaling_core::request::{Request, RequestFrame};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::socket::{PING_INTERVAL, SILENCE, send_json, send_reply};
use crate::frame::{self, BadFrame};
use crate::limits::{Rate, TokenBucket};
use crate::watch::Watch;
use crate::websocket::{self, Ending, Goodbye, Socket, send, unusable};

/// Until either side is done.
pub(super) async fn run(mut socket: Socket, watch: Watch, requests: Rate) {
    let bucket = TokenBucket::new(requests, Instant::now());
    let ending = follow(&mut socket, watch, bucket).await;
    websocket::end(socket, ending).await;
}

async fn follow(socket: &mut Socket, mut watch: Watch, mut bucket: TokenBucket) -> Ending {
    let mut heard = Instant::now();
    loop {
        let step = tokio::select! {
            read = watch.read(PING_INTERVAL) => match read {
                Ok(items) if items.is_empty() && heard.elapsed() > SILENCE => return None,
                Ok(items) if items.is_empty() => {
                    send(socket, Message::Ping(Bytes::new())).await
                }
                Ok(items) => {
                    let mut sent = Ok(());
                    for item in items {
                        sent = send_json(socket, item.shared_json()).await;
                        if sent.is_err() {
                            break;
                        }
                    }
                    sent
                }
                Err(error) => Err(Some(error.into())),
            },
            message = socket.next() => {
                heard = Instant::now();
                if bucket.try_take(heard) {
                    answer(socket, message).await
                } else {
                    let error = RequestError::new(ErrorCode::RateLimited, "too many messages");
                    Err(Some(Goodbye::from(error)))
                }
            }
        };
        if let Err(ending) = step {
            return ending;
        }
    }
}

/// An observer has nothing to say.
async fn answer(
    socket: &mut Socket,
    message: Option<Result<Message, Error>>,
) -> Result<(), Ending> {
    let text = match message {
        Some(Ok(Message::Text(text))) => text,
        // The library answers pings.
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(()),
        other => return Err(unusable(other)),
    };
    match frame::parse(&text) {
        Ok(RequestFrame { id, request: Request::Ping }) => {
            send_reply(socket, id, Outcome::Ok(Reply::Done(Done {}))).await
        }
        Ok(RequestFrame { id, .. }) => {
            let error = RequestError::new(ErrorCode::Forbidden, "an observer only reads");
            send_reply(socket, id, Outcome::Error(error)).await
        }
        Err(BadFrame { error, .. }) => Err(Some(Goodbye::from(error))),
    }
}
