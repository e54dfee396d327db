//! What observers read: the events of a room, or of all rooms, from a place in the journal on.
//!
//! An event is written once, however many read it. A reader is a place and a receiver: one that does not
//! keep up has lost its place in the stream, reads on from the journal, and gets an overview where
//! that has dropped what it missed. It costs no memory meanwhile.

use std::fmt::Display;
use std::io::Write as _;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use signaling_core::error::{ErrorCode, RequestError};
use signaling_core::journal::Cursor;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::firehose::Firehose;
use crate::hub::Hub;
use crate::live::{Live, Pause};
use crate::shortcut::Shortcut;
use crate::sweep::Format;
use crate::wishes::Wish;

/// The type of what the server says of itself.
pub const SERVER_MEASURED: &str = "server.measured";
/// What only those are given who name it.
const MEASUREMENTS: [&str; 2] = [SERVER_MEASURED, "quality.measured"];

/// Items that are given out at once, as far as they are there.
pub const BATCH: usize = 256;

/// One event (or reply) as doors that carry text alone write it: JSON, and around it an event of an
/// event stream (HTML Living Standard §9.2.6).
#[derive(Debug, Clone)]
pub struct Item {
    text: Bytes,
    kind: Range<usize>,
    json: Range<usize>,
    cursor: Option<Cursor>,
}

impl Item {
    /// An event for observers, with its place where it has one. `json` is an event as its frame is
    /// written.
    pub fn observed(cursor: Option<Cursor>, json: &[u8]) -> Item {
        let id = cursor.as_ref().map(|cursor| cursor as &dyn Display);
        Item { cursor, ..Item::new(id, Item::kind_of(json), json) }
    }

    /// Something of this kind: `json`, which has no line end in it.
    pub fn new(id: Option<&dyn Display>, kind: &str, json: &[u8]) -> Item {
        let mut text = Vec::with_capacity(64 + kind.len() + json.len());
        if let Some(id) = id {
            // Writing to a vector cannot fail.
            let _ = writeln!(text, "id: {id}");
        }
        let mut put = |before: &str, content: &[u8], after: &str| {
            text.extend_from_slice(before.as_bytes());
            let start = text.len();
            text.extend_from_slice(content);
            let range = start..text.len();
            text.extend_from_slice(after.as_bytes());
            range
        };
        let kind = put("event: ", kind.as_bytes(), "\n");
        let json = put("data: ", json, "\n\n");
        Item { text: text.into(), kind, json, cursor: None }
    }

    /// The type in an event's JSON. It is the first text there: nothing of a participant's making is
    /// before it.
    pub fn kind_of(json: &[u8]) -> &str {
        let text = std::str::from_utf8(json).unwrap_or_default();
        let kind = text.split_once("\"type\":\"").and_then(|(_, rest)| rest.split_once('"'));
        kind.map_or("message", |(kind, _)| kind)
    }

    /// The event's type.
    pub fn kind(&self) -> &[u8] {
        &self.text[self.kind.clone()]
    }

    /// Its place in the journal, where it has one.
    pub fn cursor(&self) -> Option<Cursor> {
        self.cursor
    }

    /// The JSON.
    pub fn json(&self) -> &[u8] {
        &self.text[self.json.clone()]
    }

    /// The JSON, shared and not copied.
    pub fn shared_json(&self) -> Bytes {
        self.text.slice(self.json.clone())
    }

    /// The event of an event stream, shared and not copied.
    pub fn event_stream(&self) -> Bytes {
        self.text.clone()
    }

    /// Bytes that it takes.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether it takes none, which no item does.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// What there is to read at a place, and what comes after it.
#[derive(Debug)]
pub struct View {
    /// The events after the place, oldest first; an overview where it has none.
    pub missed: Vec<Arc<Item>>,
    /// More was missed than is told at once: what is live does not follow on it.
    pub has_more: bool,
    /// What happens from now on.
    pub live: Live,
}

/// Where an observer reads.
#[derive(Clone)]
pub enum Source {
    /// One room.
    Room {
        /// All rooms.
        hub: Hub,
        /// Its name.
        name: Arc<str>,
    },
    /// All rooms.
    Server(Firehose),
}

impl Source {
    async fn view(&self, after: Option<String>) -> Result<View, RequestError> {
        match self {
            Source::Room { hub, name } => hub.observe(name, after).await,
            Source::Server(firehose) => Ok(firehose.view(after.as_deref())),
        }
    }

    /// Has it measured what only those are given who name it.
    fn wish(&self) -> Option<Wish> {
        match self {
            Source::Room { hub, name } => hub.wish(name),
            Source::Server(firehose) => Some(firehose.wish()),
        }
    }
}

/// Which items somebody wants: those of the types that are named, or all but measurements.
#[derive(Debug, Clone, Default)]
pub struct Choice(Option<Arc<[String]>>);

impl Choice {
    /// Whether nobody has chosen.
    pub fn is_usual(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this item is wanted.
    pub fn takes(&self, item: &Item) -> bool {
        match &self.0 {
            // An overview is what all later events refer to, whatever is asked for.
            Some(types) => {
                let is_named = types.iter().any(|kind| kind.as_bytes() == item.kind());
                is_named || item.kind() == b"overview"
            }
            None => !MEASUREMENTS.iter().any(|kind| kind.as_bytes() == item.kind()),
        }
    }

    fn names_measurements(&self) -> bool {
        let mut types = self.0.iter().flat_map(|types| types.iter());
        types.any(|kind| MEASUREMENTS.contains(&kind.as_str()))
    }
}

/// A reader that nobody in the room hears of.
pub struct Observer {
    source: Source,
    place: Option<Cursor>,
    view: View,
    /// The stream has gone on without this reader.
    is_behind: bool,
    choice: Choice,
    /// Where the sweep writes for it.
    seated: Option<(Shortcut, Format)>,
    _wish: Option<Wish>,
    until: Instant,
    /// Set to a time when nothing would have come for long enough, or earlier: an event that comes does
    /// not set it anew, which would cost more than the rest of handing it out.
    alarm: Pin<Box<Sleep>>,
}

impl Observer {
    /// Begins to read after the cursor `after`, or with an overview; events of `types` alone, if that is
    /// given. It ends with its token at `until`.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when there is no such room, [`ErrorCode::Busy`].
    pub async fn open(
        source: Source,
        after: Option<String>,
        types: Option<Vec<String>>,
        until: Instant,
    ) -> Result<Observer, RequestError> {
        let place = after.as_ref().and_then(|cursor| cursor.parse().ok());
        let view = source.view(after).await?;
        let choice = Choice(types.map(Arc::from));
        let wish = if choice.names_measurements() { source.wish() } else { None };
        Ok(Observer {
            source,
            place,
            view,
            is_behind: false,
            choice,
            seated: None,
            _wish: wish,
            until,
            alarm: Box::pin(sleep_until(until)),
        })
    }

    /// The place after everything that was given out or passed over; `None` when that was nothing.
    pub fn place(&self) -> Option<Cursor> {
        self.place
    }

    /// From now on the feed's sweep writes to a bare socket, in this format, whenever
    /// [`read`](Self::read) waits: that gives out only what the sweep could not write.
    pub fn take_seat(&mut self, shortcut: Shortcut, format: Format) {
        self.view.live.take_seat(shortcut.clone(), format, self.choice.clone());
        self.seated = Some((shortcut, format));
    }

    /// What comes next: at once if it is there, else within `wait`, else nothing; and nothing at once where
    /// the socket has not taken all that the sweep has written, and whatever is written next is waited for.
    /// Can be cancelled without losing anything.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] when the room is over and everything was read,
    /// [`ErrorCode::Unauthorized`] when the token has ended, [`ErrorCode::Busy`].
    pub async fn read(&mut self, wait: Duration) -> Result<Vec<Arc<Item>>, RequestError> {
        let deadline = Instant::now() + wait;
        loop {
            if Instant::now() >= self.until {
                return Err(RequestError::new(ErrorCode::Unauthorized, "the token has expired"));
            }
            self.place = self.view.live.swept().or(self.place);
            if self.is_behind {
                self.find_place().await?;
            }
            let items = match std::mem::take(&mut self.view.missed) {
                missed if !missed.is_empty() => {
                    self.is_behind = self.view.has_more;
                    missed
                }
                _ => self.live(deadline.min(self.until)).await?,
            };
            self.place = self.view.live.swept().or(self.place);
            if items.is_empty() && !self.is_behind && Instant::now() < self.until {
                return Ok(items);
            }
            let items = self.take(items);
            if !items.is_empty() {
                return Ok(items);
            }
        }
    }

    /// What the feed has by `deadline`; nothing after a fall behind, or where the socket is clogged.
    async fn live(&mut self, deadline: Instant) -> Result<Vec<Arc<Item>>, RequestError> {
        if deadline < self.alarm.deadline() {
            self.alarm.as_mut().reset(deadline);
        }
        let mut next = loop {
            tokio::select! {
                biased;
                next = self.view.live.next() => break next.map(Some),
                () = &mut self.alarm => {
                    if Instant::now() >= deadline {
                        return Ok(Vec::new());
                    }
                    self.alarm.as_mut().reset(deadline);
                }
            }
        };
        let mut items = Vec::new();
        loop {
            match next {
                Ok(Some(item)) => items.push(item),
                Ok(None) | Err(Pause::Clogged) => break,
                Err(Pause::Behind) => {
                    self.is_behind = true;
                    break;
                }
                Err(Pause::Over) if items.is_empty() => {
                    return Err(RequestError::new(ErrorCode::NotFound, "the room is over"));
                }
                // Told by the next turn.
                Err(Pause::Over) => break,
            }
            if items.len() == BATCH {
                break;
            }
            next = self.view.live.try_next();
        }
        Ok(items)
    }

    /// Reads on from the journal.
    async fn find_place(&mut self) -> Result<(), RequestError> {
        self.view = self.source.view(self.place.map(|cursor| cursor.to_string())).await?;
        self.is_behind = false;
        if let Some((shortcut, format)) = self.seated.clone() {
            self.take_seat(shortcut, format);
        }
        Ok(())
    }

    fn take(&mut self, mut items: Vec<Arc<Item>>) -> Vec<Arc<Item>> {
        self.place = items.iter().filter_map(|item| item.cursor).next_back().or(self.place);
        items.retain(|item| self.choice.takes(item));
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::STREAM;

    #[test]
    fn an_item_is_an_event_of_an_event_stream_with_the_json_in_it() {
        let json = br#"{"seq":3,"type":"chat.posted","text":"\"type\":\"x\"\n"}"#;
        let item = Item::observed(Some(Cursor { epoch: 1, seq: 3 }), json);
        assert_eq!(item.kind(), b"chat.posted");
        assert_eq!(item.json(), json);
        let text = item.event_stream();
        let expected = "id: 0000000000001.3\nevent: chat.posted\ndata: {\"seq\":3,";
        assert!(text.starts_with(expected.as_bytes()), "{text:?}");
        assert_eq!(text.iter().filter(|&&byte| byte == b'\n').count(), 4);
        let passing = Item::observed(None, br#"{"type":"data.received"}"#);
        assert!(passing.event_stream().starts_with(b"event: data.received\n"));
    }

    fn happens(firehose: &Firehose, times: usize) {
        use signaling_core::event::{Audience, EndReason, Envelope, Event, EventFrame};
        let frame = EventFrame { seq: None, event: Event::RoomEnded { reason: EndReason::Empty } };
        let json = serde_json::to_vec(&frame).unwrap();
        let room = signaling_core::id::RoomId(1);
        let envelope = Envelope { at: 0, room, audience: Audience::Room, frame };
        for _ in 0..times {
            firehose.append("r", &envelope, &json);
        }
    }

    fn long() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    #[tokio::test]
    async fn a_reader_that_falls_behind_reads_on_from_the_journal() {
        let firehose = Firehose::new(7);
        let source = Source::Server(firehose.clone());
        let mut reader = Observer::open(source, None, None, long()).await.unwrap();
        assert_eq!(reader.read(Duration::ZERO).await.unwrap()[0].kind(), b"overview");
        assert!(reader.read(Duration::ZERO).await.unwrap().is_empty());
        let mut seq = 0;
        for times in [STREAM, 3 * STREAM, 1, 2 * STREAM] {
            happens(&firehose, times);
            let end = seq + times as u64;
            while seq < end {
                for item in reader.read(Duration::ZERO).await.unwrap() {
                    seq += 1;
                    assert_eq!(item.cursor, Some(Cursor { epoch: 7, seq }));
                }
            }
            assert_eq!(reader.place(), Some(Cursor { epoch: 7, seq }));
        }
        firehose.close();
        assert_eq!(reader.read(Duration::ZERO).await.unwrap_err().code, ErrorCode::NotFound);
    }

    #[tokio::test]
    async fn a_reader_ends_with_its_token() {
        let source = Source::Server(Firehose::new(7));
        let mut reader = Observer::open(source, None, None, Instant::now()).await.unwrap();
        let error = reader.read(Duration::from_secs(60)).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Unauthorized);
    }
}
