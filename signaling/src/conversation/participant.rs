//! A conversation with a participant: requests in and parcels out.

use std::time::Instant;

use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::reply::Outcome;
use signaling_core::request::RequestFrame;
use tokio::time::{MissedTickBehavior, interval_at};

use super::{CHECK_INTERVAL, Carrier, Ending, Frame, Goodbye, failed, farewell, send_reply};
use crate::frame::{self, BadFrame};
use crate::limits::TokenBucket;
use crate::outbox::{End, Parcel, Wire};
use crate::participation::Participation;

/// Frames beyond the limit that are answered as such, one after the other, before the connection ends.
const PATIENCE: u32 = 100;

/// Until either side is done.
pub(super) async fn run<C: Carrier>(
    carrier: &mut C,
    participation: Participation,
    bucket: TokenBucket,
) -> Ending {
    let mut conversation = Conversation { carrier, participation, bucket, refused: 0 };
    let mut checks = interval_at(tokio::time::Instant::now() + CHECK_INTERVAL, CHECK_INTERVAL);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let step = tokio::select! {
            frame = conversation.carrier.receive() => conversation.on_frame(frame).await,
            parcel = conversation.participation.next() => conversation.on_parcel(parcel).await,
            _ = checks.tick() => conversation.carrier.check().await,
        };
        if let Err(ending) = step {
            return ending;
        }
    }
}

struct Conversation<'a, C> {
    carrier: &'a mut C,
    participation: Participation,
    bucket: TokenBucket,
    /// Frames in a row that were over the limit.
    refused: u32,
}

impl<C: Carrier> Conversation<'_, C> {
    async fn on_frame(&mut self, frame: Result<Frame, Ending>) -> Result<(), Ending> {
        let frame = frame?;
        if let Frame::Away = frame {
            // Whatever else it had to say may be lost then. Who comes back joins anew.
            self.participation.leave().await;
            return Err(None);
        }
        let allowed = self.bucket.try_take(Instant::now());
        self.refused = if allowed { 0 } else { self.refused + 1 };
        let limit = || {
            RequestError::new(ErrorCode::RateLimited, "too many requests; ask again in a moment")
        };
        if self.refused > PATIENCE {
            return Err(Some(limit().into()));
        }
        let parsed = match &frame {
            Frame::Text(text) => frame::parse(text),
            Frame::Binary(bytes) => {
                frame::parse_data(bytes).map_err(|error| BadFrame { id: None, error })
            }
            Frame::Alive | Frame::Away => return Ok(()),
        };
        let (id, error) = match parsed {
            Ok(frame) if !allowed => (frame.id, limit()),
            Ok(RequestFrame { id, request }) => match self.participation.request(id, request) {
                Ok(()) => return Ok(()),
                Err(error) => (id, error),
            },
            Err(BadFrame { id: Some(id), error }) => (id, error),
            Err(BadFrame { id: None, error }) => return Err(Some(error.into())),
        };
        send_reply(self.carrier, id, Outcome::Error(error)).await
    }

    async fn on_parcel(&mut self, parcel: Result<Parcel, End>) -> Result<(), Ending> {
        match parcel {
            Ok(Parcel::Reply { request, outcome }) => {
                send_reply(self.carrier, request, outcome).await
            }
            Ok(Parcel::Event(notice)) => match notice.wire {
                Wire::Text(json) => self.carrier.send_text(json).await,
                Wire::Binary(bytes) => self.carrier.send_binary(bytes).await,
            },
            Ok(Parcel::Moved(moved)) => match frame::event(self.participation.follow(*moved)) {
                Some(text) => {
                    self.carrier.welcome(Some(self.participation.place()));
                    self.carrier.send_text(text.into()).await
                }
                None => Err(Some(failed())),
            },
            Ok(Parcel::Close(reason)) => Err(Some(farewell(reason))),
            Err(End::Overrun) => Err(Some(Goodbye::too_slow())),
            Err(End::RoomGone) => Err(Some(failed())),
        }
    }
}
