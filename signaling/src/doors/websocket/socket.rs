//! The life of one socket: join or resume, then requests in and parcels out, then a closing word.

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::event::LeaveReason;
use signaling_core::reply::{Done, Outcome, Reply};
use signaling_core::request::{Request, RequestFrame};
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::observer;
use crate::doors::Context;
use crate::frame::{self, BadFrame};
use crate::limits::TokenBucket;
use crate::outbox::{End, Parcel, Wire};
use crate::participation::{Participation, Visit};
use crate::watch::Watch;
use crate::websocket::{self, Ending, Goodbye, Socket, send, unusable};

/// A socket without a token is closed after that long.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(5);
/// How often we ask whether the other side is there.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(15);
/// Nothing heard for so long, not even a pong: it is not there.
pub(super) const SILENCE: Duration = Duration::from_secs(40);
/// Frames beyond the limit that are answered as such, one after the other, before the socket ends.
const PATIENCE: u32 = 100;

pub(super) async fn run(mut socket: Socket, context: Context, visit: Visit) {
    let begun = timeout(STRANGER_TIMEOUT, begin(&mut socket, &context, visit)).await;
    let ending = match begun {
        Ok(Ok(Role::Observer(watch))) => {
            socket.get_mut().lift();
            // Of those there are many, and what has led here is large.
            let (task, requests) = (context.tasks.subscribe(), context.requests);
            tokio::spawn(async move {
                observer::run(socket, *watch, requests).await;
                drop(task);
            });
            return;
        }
        Ok(Ok(Role::Participant(participation))) => {
            socket.get_mut().lift();
            let mut session = Session {
                bucket: TokenBucket::new(context.requests, Instant::now()),
                refused: 0,
                heard: Instant::now(),
                socket: &mut socket,
                participation: *participation,
            };
            session.run().await
            // The attachment goes here: the room hears of the end before the closing handshake.
        }
        Ok(Err(ending)) => ending,
        Err(_) => Some(Goodbye::new(
            ErrorCode::Unauthorized.row().close,
            "no join with a token came in time",
        )),
    };
    websocket::end(socket, ending).await;
}

/// Who is at the other side.
enum Role {
    Participant(Box<Participation>),
    Observer(Box<Watch>),
}

/// The first frame must be a join, a resume or an observe. Its reply is sent either way.
async fn begin(socket: &mut Socket, context: &Context, visit: Visit) -> Result<Role, Ending> {
    let text = loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => break text,
            // The library answers pings.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => return Err(unusable(other)),
        }
    };
    let RequestFrame { id, request } = match frame::parse(&text) {
        Ok(frame) => frame,
        Err(BadFrame { id, error }) => return Err(refuse(socket, id, error).await),
    };
    let begun = match request {
        Request::Observe(ask) => {
            let watch = Watch::open(context, visit.address, &visit.page, ask).await;
            watch.map(|watch| (Role::Observer(Box::new(watch)), Reply::Done(Done {})))
        }
        request => Participation::begin(context, "websocket", visit, request)
            .await
            .map(|(participation, reply)| (Role::Participant(Box::new(participation)), reply)),
    };
    match begun {
        Ok((role, reply)) => {
            send_reply(socket, id, Outcome::Ok(reply)).await?;
            Ok(role)
        }
        Err(error) => Err(refuse(socket, Some(id), error).await),
    }
}

/// Refuses the first frame: a reply where it has a number, and the end either way.
async fn refuse(socket: &mut Socket, id: Option<u64>, error: RequestError) -> Ending {
    if let Some(id) = id
        && let Err(ending) = send_reply(socket, id, Outcome::Error(error.clone())).await
    {
        return ending;
    }
    Some(error.into())
}

/// A socket that has joined.
struct Session<'a> {
    socket: &'a mut Socket,
    participation: Participation,
    bucket: TokenBucket,
    /// Frames in a row that were over the limit.
    refused: u32,
    heard: Instant,
}

impl Session<'_> {
    async fn run(&mut self) -> Ending {
        let mut pings = interval_at(tokio::time::Instant::now() + PING_INTERVAL, PING_INTERVAL);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let step = tokio::select! {
                message = self.socket.next() => self.on_message(message).await,
                parcel = self.participation.next() => self.on_parcel(parcel).await,
                _ = pings.tick() => self.on_tick().await,
            };
            if let Err(ending) = step {
                return ending;
            }
        }
    }

    async fn on_message(&mut self, message: Option<Result<Message, Error>>) -> Result<(), Ending> {
        let message = match message {
            Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => message,
            Some(Ok(message @ (Message::Ping(_) | Message::Pong(_)))) => message,
            // What a browser says when its page is closed (RFC 6455 §7.4.1), and whatever else it had
            // to say may be lost then. Who comes back joins anew.
            Some(Ok(Message::Close(Some(frame)))) if frame.code == CloseCode::Away => {
                self.participation.leave().await;
                return Err(None);
            }
            other => return Err(unusable(other)),
        };
        self.heard = Instant::now();
        let allowed = self.bucket.try_take(self.heard);
        self.refused = if allowed { 0 } else { self.refused + 1 };
        let limit = || {
            RequestError::new(ErrorCode::RateLimited, "too many requests; ask again in a moment")
        };
        if self.refused > PATIENCE {
            return Err(Some(limit().into()));
        }
        let parsed = match &message {
            Message::Text(text) => frame::parse(text),
            Message::Binary(bytes) => {
                frame::parse_data(bytes).map_err(|error| BadFrame { id: None, error })
            }
            _ => return Ok(()),
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
        send_reply(self.socket, id, Outcome::Error(error)).await
    }

    async fn on_parcel(&mut self, parcel: Result<Parcel, End>) -> Result<(), Ending> {
        match parcel {
            Ok(Parcel::Reply { request, outcome }) => {
                send_reply(self.socket, request, outcome).await
            }
            Ok(Parcel::Event(notice)) => match notice.wire {
                Wire::Text(json) => send_json(self.socket, json).await,
                Wire::Binary(bytes) => send(self.socket, Message::Binary(bytes)).await,
            },
            Ok(Parcel::Moved(moved)) => match frame::event(self.participation.follow(*moved)) {
                Some(text) => send(self.socket, Message::text(text)).await,
                None => Err(Some(farewell(LeaveReason::Internal))),
            },
            Ok(Parcel::Close(reason)) => Err(Some(farewell(reason))),
            Err(End::Overrun) => Err(Some(Goodbye::too_slow())),
            Err(End::RoomGone) => Err(Some(farewell(LeaveReason::Internal))),
        }
    }

    async fn on_tick(&mut self) -> Result<(), Ending> {
        if self.heard.elapsed() > SILENCE {
            return Err(None);
        }
        send(self.socket, Message::Ping(Bytes::new())).await
    }
}

pub(super) async fn send_reply(
    socket: &mut Socket,
    re: u64,
    outcome: Outcome,
) -> Result<(), Ending> {
    match frame::reply(re, outcome) {
        Some(text) => send(socket, Message::text(text)).await,
        None => Err(Some(farewell(LeaveReason::Internal))),
    }
}

pub(super) async fn send_json(socket: &mut Socket, json: Bytes) -> Result<(), Ending> {
    match Utf8Bytes::try_from(json) {
        Ok(text) => send(socket, Message::Text(text)).await,
        Err(_) => Err(Some(farewell(LeaveReason::Internal))),
    }
}

/// What a participant that the room lets go of is told. The event `disconnected` came before it.
fn farewell(reason: LeaveReason) -> Goodbye {
    let (code, text) = match reason {
        LeaveReason::Left => (CloseCode::Normal.into(), "left"),
        LeaveReason::RoomEnded => (CloseCode::Normal.into(), "the room has ended"),
        LeaveReason::ConnectionLost => (CloseCode::Normal.into(), "another connection took over"),
        LeaveReason::Moved => (CloseCode::Normal.into(), "moved to another room"),
        LeaveReason::Removed => (ErrorCode::Forbidden.row().close, "removed by a moderator"),
        LeaveReason::TooSlow => (ErrorCode::Busy.row().close, "this reader is too slow"),
        // The status that HTTP has for it, as the rows of `ErrorCode` do.
        LeaveReason::DuplicateIdentity => (4409, "the same identity joined again"),
        LeaveReason::ServerStopping => (ErrorCode::Stopping.row().close, "the server is stopping"),
        LeaveReason::Internal => (ErrorCode::Internal.row().close, "the server failed; join again"),
    };
    Goodbye::new(code, text)
}
