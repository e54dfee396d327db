//! What happens in all rooms, as one numbered log: the server's journal, with an epoch of its own.
//!
//! It has the durable events that everybody in a room may see, without the application's data. Rooms
//! write in the order in which things happen in them. Bounded by bytes, which are one piece of memory and
//! taken at the start: events are short and stay for long, and between other things each would keep the
//! page that it is on from going back to the system.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::value::RawValue;
use signaling_core::event::{Envelope, Event};
use signaling_core::id::RoomId;
use signaling_core::info::RoomInfo;
use signaling_core::journal::Cursor;

use crate::feed::{BATCH, Item, View};
use crate::live::Teller;
use crate::wishes::{Wish, Wishes};

/// Bytes of events that are kept for those who come back.
const JOURNAL_BYTES: usize = 4 << 20;

/// The server's journal. Clones are the same one.
#[derive(Clone)]
pub struct Firehose {
    log: Arc<Mutex<Log>>,
    wishes: Wishes,
}

struct Log {
    epoch: u64,
    last: u64,
    kept: Kept,
    /// As they are after the last event.
    rooms: BTreeMap<RoomId, Live>,
    /// `None` when the server stops.
    live: Option<Teller>,
}

/// The last events, as JSON, oldest first.
struct Kept {
    /// Never more than it was made for.
    text: VecDeque<u8>,
    /// How long each event is.
    lengths: VecDeque<usize>,
}

/// One room in an overview.
#[derive(Serialize)]
struct Live {
    room: RoomInfo,
    /// Those whom the others know of.
    participants: u64,
}

/// An event of a room as it stands in the server's journal.
#[derive(Serialize)]
struct Frame<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    r#type: &'a str,
    at: u64,
    room: Place<'a>,
    event: &'a RawValue,
}

#[derive(Serialize)]
struct Place<'a> {
    id: RoomId,
    name: &'a str,
}

#[derive(Serialize)]
struct Overview<'a> {
    r#type: &'static str,
    lost: bool,
    rooms: Vec<&'a Live>,
    cursor: String,
}

impl Firehose {
    /// Nothing has happened yet. `epoch` must be a random number.
    pub fn new(epoch: u64) -> Firehose {
        let log = Log {
            epoch,
            last: 0,
            kept: Kept::new(),
            rooms: BTreeMap::new(),
            live: Some(Teller::default()),
        };
        Firehose { log: Arc::new(Mutex::new(log)), wishes: Wishes::default() }
    }

    /// Takes an event of the room `name` over, if it is one for this log. `json` is its frame.
    pub fn append(&self, name: &str, envelope: &Envelope, json: &[u8]) {
        let event = &envelope.frame.event;
        if matches!(event, Event::QualityMeasured { .. }) && self.is_wished() {
            return self.log().pass(name, envelope, json);
        }
        let is_data = matches!(event, Event::DataReceived { .. });
        if !event.is_durable() || is_data || !envelope.audience.is_public() {
            return;
        }
        let mut log = self.log();
        log.learn(envelope.room, event);
        log.write(name, envelope, json);
    }

    /// What is to be read after the cursor `after`; without one, or where that is gone, all rooms as they
    /// are.
    pub fn view(&self, after: Option<&str>) -> View {
        let log = self.log();
        let read = after.map(|cursor| cursor.parse().ok().and_then(|at| log.since(at)));
        let (missed, has_more) = match read {
            Some(Some(missed)) => missed,
            none => (log.overview(none.is_some()).into_iter().collect(), false),
        };
        // After the end there is nothing to hear: who tells is gone at once.
        let live = log.live.as_ref().map_or_else(|| Teller::default().live(), Teller::live);
        View { missed, has_more, live }
    }

    /// Somebody wants to read what is measured.
    pub fn wish(&self) -> Wish {
        self.wishes.wish()
    }

    /// Whether anybody wants to read what is measured.
    pub fn is_wished(&self) -> bool {
        self.wishes.any()
    }

    /// Tells those who read now of what belongs to no room, and to no place in the journal.
    pub fn say(&self, json: &[u8]) {
        self.log().give(Arc::new(Item::observed(None, json)));
    }

    /// Lets go of all readers.
    pub fn close(&self) {
        self.log().live = None;
    }

    /// Every critical section leaves the log whole, so a panic elsewhere spoils nothing.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Log {
    /// Keeps the rooms as they are.
    fn learn(&mut self, id: RoomId, event: &Event) {
        match event {
            Event::RoomStarted { room } => {
                self.rooms.insert(id, Live { room: room.clone(), participants: 0 });
            }
            Event::RoomEnded { .. } => {
                self.rooms.remove(&id);
            }
            _ => {}
        }
        let Some(live) = self.rooms.get_mut(&id) else { return };
        match event {
            Event::RoomUpdated { room } => live.room = room.clone(),
            Event::ParticipantJoined { .. } => live.participants += 1,
            Event::ParticipantsChanged { participants, .. } => live.participants = *participants,
            Event::ParticipantLeft { .. } => {
                live.participants = live.participants.saturating_sub(1);
            }
            _ => {}
        }
    }

    /// What is told to those who read now, and not kept.
    fn pass(&mut self, name: &str, envelope: &Envelope, json: &[u8]) {
        if let Some(text) = frame(None, name, envelope, json) {
            self.give(Arc::new(Item::observed(None, &text)));
        }
    }

    fn write(&mut self, name: &str, envelope: &Envelope, json: &[u8]) {
        let Some(text) = frame(Some(self.last + 1), name, envelope, json) else { return };
        self.last += 1;
        self.kept.push(&text);
        self.give(Arc::new(Item::observed(Some(self.cursor()), &text)));
    }

    fn give(&mut self, item: Arc<Item>) {
        if let Some(live) = &mut self.live {
            live.tell(item);
        }
    }

    fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, seq: self.last }
    }

    /// What comes after `cursor`, at most [`BATCH`], and whether there is more; `None` when some of it is gone.
    /// Each who reads gets copies: many who are far behind must not have the journal many times.
    fn since(&self, cursor: Cursor) -> Option<(Vec<Arc<Item>>, bool)> {
        let dropped = self.last - self.kept.lengths.len() as u64;
        if cursor.epoch != self.epoch || cursor.seq > self.last || cursor.seq < dropped {
            return None;
        }
        let read = usize::try_from(cursor.seq - dropped).ok()?;
        let item = |(text, seq): (Vec<u8>, u64)| {
            Arc::new(Item::observed(Some(Cursor { seq, ..cursor }), &text))
        };
        let missed = self.kept.after(read).take(BATCH).zip(cursor.seq + 1..).map(item).collect();
        Some((missed, self.last - cursor.seq > BATCH as u64))
    }

    fn overview(&self, lost: bool) -> Option<Arc<Item>> {
        let cursor = self.cursor();
        let overview = Overview {
            r#type: "overview",
            lost,
            rooms: self.rooms.values().collect(),
            cursor: cursor.to_string(),
        };
        let json = serde_json::to_vec(&overview).ok()?;
        Some(Arc::new(Item::observed(Some(cursor), &json)))
    }
}

impl Kept {
    fn new() -> Kept {
        // Written once, so that the system gives the memory now and not bit by bit.
        let mut text = VecDeque::from(vec![b' '; JOURNAL_BYTES]);
        text.clear();
        Kept { text, lengths: VecDeque::new() }
    }

    /// Keeps one more, and drops the oldest as far as it needs their place.
    fn push(&mut self, text: &[u8]) {
        while self.text.len() + text.len() > JOURNAL_BYTES {
            let Some(oldest) = self.lengths.pop_front() else { return };
            self.text.drain(..oldest);
        }
        self.text.extend(text);
        self.lengths.push_back(text.len());
    }

    /// All but the oldest `count`, oldest first.
    fn after(&self, count: usize) -> impl Iterator<Item = Vec<u8>> {
        let start: usize = self.lengths.iter().take(count).sum();
        self.lengths.iter().skip(count).scan(start, |at, length| {
            let range = *at..*at + length;
            *at = range.end;
            Some(self.text.range(range).copied().collect())
        })
    }
}

/// An event of the room `name`, whose frame there is `json`.
fn frame(seq: Option<u64>, name: &str, envelope: &Envelope, json: &[u8]) -> Option<Vec<u8>> {
    let event = serde_json::from_slice(json).ok()?;
    let room = Place { id: envelope.room, name };
    let frame = Frame { seq, r#type: Item::kind_of(json), at: envelope.at, room, event };
    serde_json::to_vec(&frame).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use signaling_core::event::{Audience, EndReason, EventFrame, LeaveReason};
    use signaling_core::id::ParticipantId;
    use std::time::Duration;
    use tokio::time::Instant;

    use super::*;
    use crate::feed::{Observer, Source};

    fn append(firehose: &Firehose, audience: Audience, event: Event) {
        let frame = EventFrame { seq: Some(1), event };
        let json = serde_json::to_vec(&frame).unwrap();
        firehose.append("r", &Envelope { at: 5, room: RoomId(1), audience, frame }, &json);
    }

    fn left() -> Event {
        Event::ParticipantLeft { participant: ParticipantId(1), reason: LeaveReason::Left }
    }

    fn json(item: &Item) -> Value {
        serde_json::from_slice(item.json()).unwrap()
    }

    #[test]
    fn who_begins_sees_the_rooms_and_who_comes_back_what_it_missed() {
        let firehose = Firehose::new(7);
        let room = RoomInfo {
            id: RoomId(1),
            name: "r".into(),
            started_at: 0,
            locked: false,
            lobby: false,
            password: false,
            draining: None,
        };
        append(&firehose, Audience::Room, Event::RoomStarted { room });
        let begun = firehose.view(None);
        let overview = json(&begun.missed[0]);
        assert_eq!(overview["rooms"][0]["room"]["name"], "r");
        assert_eq!(overview["lost"], false);
        append(&firehose, Audience::Room, left());
        append(&firehose, Audience::Participant(ParticipantId(1)), left());
        append(&firehose, Audience::Room, Event::RoomEnded { reason: EndReason::Empty });

        let missed = firehose.view(overview["cursor"].as_str()).missed;
        let told: Vec<Value> = missed.iter().map(|item| json(item)).collect();
        assert_eq!(told.len(), 2, "what is private is not told: {told:?}");
        assert_eq!(told[0]["event"]["type"], "participant.left");
        assert_eq!((&told[0]["seq"], &told[0]["at"]), (&2.into(), &5.into()));
        assert_eq!(told[1]["room"]["name"], "r");
        assert_eq!(json(&firehose.view(None).missed[0])["rooms"], Value::Array(Vec::new()));
        assert_eq!(json(&firehose.view(Some("nowhere")).missed[0])["lost"], true);
    }

    #[tokio::test]
    async fn it_is_bounded_and_a_place_that_is_gone_leads_to_an_overview() {
        let firehose = Firehose::new(7);
        for _ in 0..JOURNAL_BYTES / 100 {
            append(&firehose, Audience::Room, left());
        }
        let (kept, last, bytes) = {
            let log = firehose.log();
            (log.kept.lengths.len() as u64, log.last, log.kept.text.len())
        };
        assert!(kept < last && bytes <= JOURNAL_BYTES, "{kept} of {last}, {bytes} bytes");
        let at = |seq| Cursor { epoch: 7, seq }.to_string();
        assert_eq!(firehose.view(Some(&at(last - kept))).missed.len(), BATCH);
        let until = Instant::now() + Duration::from_secs(60);
        let source = Source::Server(firehose.clone());
        let mut observer =
            Observer::open(source, Some(at(last - kept)), None, until).await.unwrap();
        let mut missed = Vec::new();
        while (missed.len() as u64) < kept {
            let items = observer.read(Duration::from_secs(10)).await.unwrap();
            assert!(!items.is_empty() && items.len() <= BATCH);
            missed.extend(items);
        }
        append(&firehose, Audience::Room, left());
        let items = observer.read(Duration::from_secs(10)).await.unwrap();
        assert_eq!(items.last().unwrap().cursor(), Some(Cursor { epoch: 7, seq: last + 1 }));
        missed.extend(items);
        assert_eq!(missed.len() as u64, kept + 1, "all, and what is live follows on it");
        for (item, seq) in missed.iter().zip(last - kept + 1..) {
            assert_eq!(
                (&json(item)["seq"], item.cursor()),
                (&seq.into(), Some(Cursor { epoch: 7, seq }))
            );
        }
        assert_eq!(json(&firehose.view(Some(&at(last - kept - 1))).missed[0])["lost"], true);
        assert_eq!(json(&firehose.view(Some(&at(last + 2))).missed[0])["lost"], true);
    }
}
