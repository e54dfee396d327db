//! A participant whose client has no WebSocket: what a socket is elsewhere, kept here between its HTTP
//! requests.
//!
//! Frames are numbered. Those that were given to a reader stay until it asks for what comes after
//! them, and the last ones longer: what was lost with a response is given again. A line that nobody
//! reads is gone after a while, and its participant's lease begins, as with a socket that is lost.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::event::LeaveReason;
use signaling_core::id::Secret;
use signaling_core::reply::Outcome;
use signaling_core::request::RequestFrame;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::doors::Context;
use crate::feed::Item;
use crate::frame::{self, BadFrame};
use crate::limits::{FeedPlace, TokenBucket};
use crate::outbox::{End, Parcel, Wire};
use crate::participation::Participation;

/// A line without a reader ends after that long.
const IDLE: Duration = Duration::from_secs(20);
/// The same when its participant is gone already, and the last words are all there is.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Frames that are given out at once, as far as they are there.
const BATCH: usize = 64;
/// Bytes after which no further frame is added to those.
const BATCH_BYTES: usize = 256 * 1024;
/// Frames that are kept after they were read, and bytes of them: a stream that is cut had them on the way.
const KEPT: usize = 64;
const KEPT_BYTES: usize = 64 * 1024;
/// Frames that may wait for a reader. Only refusals come without one.
const WAITING: usize = 1024;
/// Calls that may wait for a line.
const CALLS: usize = 16;
/// Requests beyond the limit that are answered as such, one after the other, before the line ends.
const PATIENCE: u32 = 100;

type Read = Result<Vec<Arc<Item>>, RequestError>;

/// What HTTP requests want of a line.
enum Call {
    Ask(Vec<Result<RequestFrame, BadFrame>>),
    Read { after: u64, wait: Duration, reply: oneshot::Sender<Read> },
}

/// All lines, by what opens them.
#[derive(Clone, Default)]
pub(super) struct Lines {
    by_secret: Arc<Mutex<HashMap<Secret, Calls>>>,
}

/// The way to one line.
#[derive(Clone)]
pub(super) struct Calls(mpsc::Sender<Call>);

impl Calls {
    /// Gives requests to the room. `None` when the line is gone.
    pub(super) async fn ask(&self, frames: Vec<Result<RequestFrame, BadFrame>>) -> Option<()> {
        self.0.send(Call::Ask(frames)).await.ok()
    }
}

impl Lines {
    /// Begins a line for a participant that has just come in; returns what opens it.
    pub(super) fn open(
        &self,
        context: &Context,
        participation: Participation,
        place: FeedPlace,
    ) -> Secret {
        let secret = Secret(rand::random());
        let (sender, calls) = mpsc::channel(CALLS);
        self.lines().insert(secret, Calls(sender));
        let entry = Entry { lines: self.clone(), secret, _place: place };
        let line = Line {
            participation,
            bucket: TokenBucket::new(context.requests, std::time::Instant::now()),
            refused: 0,
            read: 0,
            frames: VecDeque::new(),
            first: 0,
            reader: None,
            since: Instant::now(),
            over: None,
            told: false,
        };
        let task = context.tasks.subscribe();
        tokio::spawn(async move {
            line.run(calls).await;
            drop((entry, task));
        });
        secret
    }

    /// The line that `secret` opens.
    pub(super) fn find(&self, secret: Secret) -> Option<Calls> {
        self.lines().get(&secret).cloned()
    }

    /// Every critical section leaves the map whole, so a panic elsewhere spoils nothing.
    fn lines(&self) -> MutexGuard<'_, HashMap<Secret, Calls>> {
        self.by_secret.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line's place among the others; given up when dropped, however it ended.
struct Entry {
    lines: Lines,
    secret: Secret,
    _place: FeedPlace,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.lines.lines().remove(&self.secret);
    }
}

/// What is said of a line that is not there.
pub(super) fn is_gone() -> RequestError {
    RequestError::new(ErrorCode::NotFound, "there is no such connection any more: resume")
}

/// A place on a line.
pub(super) struct LineReader {
    calls: Calls,
    after: u64,
}

impl LineReader {
    /// Reads what comes after so many frames; from the beginning without a number.
    ///
    /// # Errors
    /// [`ErrorCode::BadRequest`] when it is no number.
    pub(super) fn new(calls: Calls, after: Option<String>) -> Result<LineReader, RequestError> {
        let after = after.map(|number| number.parse()).transpose().map_err(|_| {
            RequestError::new(ErrorCode::BadRequest, "`after` is how many frames were read")
        })?;
        Ok(LineReader { calls, after: after.unwrap_or_default() })
    }

    /// How many frames were read.
    pub(super) fn place(&self) -> u64 {
        self.after
    }

    /// What comes next: at once if it is there, else within `wait`, else nothing.
    pub(super) async fn read(&mut self, wait: Duration) -> Read {
        let (reply, frames) = oneshot::channel();
        let call = Call::Read { after: self.after, wait, reply };
        self.calls.0.send(call).await.map_err(|_| is_gone())?;
        let frames = frames.await.map_err(|_| is_gone())??;
        self.after += frames.len() as u64;
        Ok(frames)
    }
}

/// A request that waits for frames. Nothing is unread then, and the line is not over.
struct Reader {
    until: Instant,
    reply: oneshot::Sender<Read>,
}

/// One line, as its task has it.
struct Line {
    participation: Participation,
    bucket: TokenBucket,
    /// Requests in a row that were over the limit.
    refused: u32,
    /// How many frames the client has, as far as it has said.
    read: u64,
    /// Some of those, and all after them.
    frames: VecDeque<Arc<Item>>,
    /// How many came before them.
    first: u64,
    reader: Option<Reader>,
    /// When the last reader went.
    since: Instant,
    /// Nothing follows what is unread.
    over: Option<RequestError>,
    /// And a reader knows.
    told: bool,
}

impl Line {
    async fn run(mut self, mut calls: mpsc::Receiver<Call>) {
        while !self.told {
            let patience = if self.over.is_some() { LAST_WORDS } else { IDLE };
            let deadline = self.reader.as_ref().map_or(self.since + patience, |one| one.until);
            tokio::select! {
                // What is there goes before the end of a wait, which may be none at all.
                biased;
                Some(call) = calls.recv() => self.on_call(call),
                parcel = self.participation.next(), if self.reader.is_some() => {
                    self.on_parcels(parcel);
                }
                () = is_abandoned(&mut self.reader) => {
                    self.reader = None;
                    self.since = Instant::now();
                }
                () = tokio::time::sleep_until(deadline) => match self.reader.take() {
                    Some(reader) => self.give(reader, Ok(Vec::new())),
                    None => return,
                },
            }
        }
    }

    fn on_call(&mut self, call: Call) {
        match call {
            Call::Ask(frames) => {
                for frame in frames {
                    self.ask(frame);
                }
            }
            Call::Read { after, wait, reply } => {
                let reader = Reader { until: Instant::now() + wait, reply };
                if !(self.first..=self.last()).contains(&after) {
                    return self.give(reader, Err(is_gone()));
                }
                if let Some(older) = self.reader.take() {
                    let message = "another request reads this connection now";
                    self.give(older, Err(RequestError::new(ErrorCode::BadRequest, message)));
                }
                self.read = after;
                self.trim();
                self.reader = Some(reader);
            }
        }
        self.answer();
    }

    fn ask(&mut self, frame: Result<RequestFrame, BadFrame>) {
        let allowed = self.bucket.try_take(std::time::Instant::now());
        self.refused = if allowed { 0 } else { self.refused + 1 };
        let limit =
            RequestError::new(ErrorCode::RateLimited, "too many requests; ask again in a moment");
        if self.refused > PATIENCE {
            self.over.get_or_insert(limit);
            return;
        }
        let (id, error) = match frame {
            Ok(frame) if !allowed => (frame.id, limit),
            Ok(frame) => match self.participation.request(frame.id, frame.request) {
                Ok(()) => return,
                Err(error) => (frame.id, error),
            },
            Err(BadFrame { id: Some(id), error }) => (id, error),
            // Refused before it came here.
            Err(BadFrame { id: None, .. }) => return,
        };
        self.reply(id, Outcome::Error(error));
    }

    /// Takes one parcel, and those that are there already.
    fn on_parcels(&mut self, first: Result<Parcel, End>) {
        let mut next = Some(first);
        let mut bytes = 0;
        while let Some(parcel) = next {
            self.on_parcel(parcel);
            bytes += self.frames.back().map_or(0, |item| item.len());
            let has_room = self.unread() < BATCH as u64 && bytes < BATCH_BYTES;
            let goes_on = has_room && self.over.is_none();
            next = if goes_on { self.participation.next().now_or_never() } else { None };
        }
        self.answer();
    }

    fn on_parcel(&mut self, parcel: Result<Parcel, End>) {
        match parcel {
            Ok(Parcel::Reply { request, outcome }) => self.reply(request, outcome),
            Ok(Parcel::Event(notice)) => match &notice.wire {
                Wire::Text(json) => self.push(Item::kind_of(json), json),
                Wire::Binary(bytes) => self.push("envelope", frame::envelope(bytes).as_bytes()),
            },
            Ok(Parcel::Moved(moved)) => match frame::event(self.participation.follow(*moved)) {
                Some(text) => self.push("moved", text.as_bytes()),
                None => self.over = Some(farewell(LeaveReason::Internal)),
            },
            Ok(Parcel::Close(reason)) => self.over = Some(farewell(reason)),
            Err(End::Overrun) => self.over = Some(farewell(LeaveReason::TooSlow)),
            Err(End::RoomGone) => self.over = Some(farewell(LeaveReason::Internal)),
        }
    }

    fn reply(&mut self, request: u64, outcome: Outcome) {
        match frame::reply(request, outcome) {
            Some(text) => self.push("reply", text.as_bytes()),
            None => self.over = Some(farewell(LeaveReason::Internal)),
        }
    }

    fn push(&mut self, kind: &str, json: &[u8]) {
        if self.unread() >= WAITING as u64 {
            self.over = Some(farewell(LeaveReason::TooSlow));
            return;
        }
        let number = self.last() + 1;
        self.frames.push_back(Arc::new(Item::new(Some(&number), kind, json)));
    }

    /// The number of the newest frame.
    fn last(&self) -> u64 {
        self.first + self.frames.len() as u64
    }

    fn unread(&self) -> u64 {
        self.last() - self.read
    }

    /// Forgets what the client has had for long.
    fn trim(&mut self) {
        let read = usize::try_from(self.read - self.first).unwrap_or_default();
        let mut bytes = 0;
        let is_kept = |item: &&Arc<Item>| {
            bytes += item.len();
            bytes <= KEPT_BYTES
        };
        let kept = self.frames.range(..read).rev().take(KEPT).take_while(is_kept).count();
        self.frames.drain(..read - kept);
        self.first += (read - kept) as u64;
    }

    /// Gives the reader what is there.
    fn answer(&mut self) {
        if self.unread() == 0 && self.over.is_none() {
            return;
        }
        let Some(reader) = self.reader.take() else { return };
        if self.unread() > 0 {
            // In range: it is at most as long as the frames.
            let read = usize::try_from(self.read - self.first).unwrap_or_default();
            let frames = self.frames.iter().skip(read).cloned().collect();
            self.give(reader, Ok(frames));
        } else if let Some(error) = self.over.clone() {
            self.told = true;
            self.give(reader, Err(error));
        }
    }

    /// A reader that has gone meanwhile comes back for it, or nobody does.
    fn give(&mut self, reader: Reader, frames: Read) {
        self.since = Instant::now();
        let _ = reader.reply.send(frames);
    }
}

async fn is_abandoned(reader: &mut Option<Reader>) {
    match reader {
        Some(reader) => reader.reply.closed().await,
        None => std::future::pending().await,
    }
}

/// What a participant that the room lets go of is told after `disconnected`.
fn farewell(reason: LeaveReason) -> RequestError {
    let (code, message) = match reason {
        LeaveReason::Left => (ErrorCode::NotFound, "left"),
        LeaveReason::ConnectionLost => (ErrorCode::NotFound, "another connection took over"),
        LeaveReason::DuplicateIdentity => (ErrorCode::NotFound, "the same identity joined again"),
        LeaveReason::Moved => (ErrorCode::NotFound, "moved to another room"),
        LeaveReason::RoomEnded => (ErrorCode::NotFound, "the room has ended"),
        LeaveReason::Removed => (ErrorCode::Forbidden, "removed by a moderator"),
        LeaveReason::TooSlow => (ErrorCode::Busy, "this reader is too slow; join again"),
        LeaveReason::ServerStopping => (ErrorCode::Stopping, "the server is stopping"),
        LeaveReason::Internal => (ErrorCode::Internal, "the server failed; join again"),
    };
    RequestError::new(code, message)
}
