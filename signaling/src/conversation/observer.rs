//! A conversation whose other side only reads: events out, and pings answered.

use std::time::Instant;

use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::reply::{Done, Outcome, Reply};
use signaling_core::request::{Request, RequestFrame};

use super::{CHECK_INTERVAL, Carrier, Ending, Frame, Goodbye, send_reply, unsupported};
use crate::frame::{self, BadFrame};
use crate::limits::TokenBucket;
use crate::watch::Watch;

/// Until either side is done.
pub(super) async fn run<C: Carrier>(mut carrier: C, watch: Watch, bucket: TokenBucket) {
    let ending = follow(&mut carrier, watch, bucket).await;
    carrier.end(ending).await;
}

async fn follow<C: Carrier>(carrier: &mut C, mut watch: Watch, mut bucket: TokenBucket) -> Ending {
    if let Some((shortcut, format)) = carrier.shortcut() {
        watch.take_seat(shortcut, format);
    }
    let mut check = Instant::now() + CHECK_INTERVAL;
    loop {
        let step = tokio::select! {
            read = watch.read(check.saturating_duration_since(Instant::now())) => match read {
                Ok(items) if items.is_empty() => {
                    check = Instant::now() + CHECK_INTERVAL;
                    carrier.check().await
                }
                Ok(items) => {
                    let mut sent = Ok(());
                    for item in items {
                        sent = carrier.send_text(item.shared_json()).await;
                        if sent.is_err() {
                            break;
                        }
                    }
                    sent
                }
                Err(error) => Err(Some(error.into())),
            },
            frame = carrier.receive() => {
                if bucket.try_take(Instant::now()) {
                    answer(carrier, frame).await
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
async fn answer<C: Carrier>(carrier: &mut C, frame: Result<Frame, Ending>) -> Result<(), Ending> {
    let text = match frame? {
        Frame::Text(text) => text,
        Frame::Alive => return Ok(()),
        Frame::Binary(_) => return Err(unsupported()),
        Frame::Away => return Err(None),
    };
    match frame::parse(&text) {
        Ok(RequestFrame { id, request: Request::Ping }) => {
            send_reply(carrier, id, Outcome::Ok(Reply::Done(Done {}))).await
        }
        Ok(RequestFrame { id, .. }) => {
            let error = RequestError::new(ErrorCode::Forbidden, "an observer only reads");
            send_reply(carrier, id, Outcome::Error(error)).await
        }
        Err(BadFrame { error, .. }) => Err(Some(Goodbye::from(error))),
    }
}
