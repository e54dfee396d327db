//! A room's numbered log of events, and a reader's place in it.
//!
//! Bounded by bytes and by age, so that a room costs the same memory after a year as after an hour.
//! A reader whose place has been dropped gets a [`Gap`] and reads a snapshot instead.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::event::{Audience, Envelope, Event, EventFrame};
use crate::id::{self, InvalidId, RoomId};
use crate::room::Now;

/// A place in one journal: everything up to and including `seq` has been read. As text `epoch.seq`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which journal: new for every one, so that a cursor of an earlier run is never taken for a
    /// place in this one.
    pub epoch: u64,
    /// The last number read; 0 is the beginning.
    pub seq: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        id::encode(self.epoch, f)?;
        write!(f, ".{}", self.seq)
    }
}

impl FromStr for Cursor {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (epoch, seq) = text.split_once('.').ok_or(InvalidId)?;
        // `u64::from_str` takes a sign; a cursor has one form only.
        if !seq.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidId);
        }
        Ok(Cursor {
            epoch: id::decode(epoch).ok_or(InvalidId)?,
            seq: seq.parse().map_err(|_| InvalidId)?,
        })
    }
}

/// The events after a cursor are no longer (or were never) in this journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("events after this cursor are gone; read a snapshot and go on from its cursor")]
pub struct Gap;

struct Entry {
    envelope: Arc<Envelope>,
    bytes: usize,
    written: Duration,
}

/// The log of one run of a room.
pub struct Journal {
    room: RoomId,
    epoch: u64,
    last: u64,
    entries: VecDeque<Entry>,
    bytes: usize,
    max_bytes: usize,
    max_age: Duration,
}

impl Journal {
    /// An empty log that keeps `max_bytes` of JSON, none of it older than `max_age`.
    pub fn new(room: RoomId, epoch: u64, max_bytes: usize, max_age: Duration) -> Self {
        Journal { room, epoch, last: 0, entries: VecDeque::new(), bytes: 0, max_bytes, max_age }
    }

    /// Seals an event. A durable one gets the next number and is kept; a passing one is neither.
    pub fn append(&mut self, now: Now, audience: Audience, event: Event) -> Arc<Envelope> {
        let seq = event.is_durable().then(|| {
            self.last += 1;
            self.last
        });
        let envelope = Arc::new(Envelope {
            at: now.unix_ms,
            room: self.room,
            audience,
            frame: EventFrame { seq, event },
        });
        if seq.is_some() {
            let bytes = json_length(&envelope.frame);
            self.bytes += bytes;
            self.entries.push_back(Entry {
                envelope: Arc::clone(&envelope),
                bytes,
                written: now.monotonic,
            });
        }
        self.prune(now);
        envelope
    }

    /// The place after the newest event.
    pub fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, seq: self.last }
    }

    /// Everything after `cursor`, oldest first, for all audiences: the caller filters by
    /// [`Audience::includes`].
    ///
    /// # Errors
    /// [`Gap`] when the cursor belongs to another journal, lies in the future, or some of what
    /// follows it has been dropped.
    pub fn since(&self, cursor: Cursor) -> Result<impl Iterator<Item = &Arc<Envelope>>, Gap> {
        let dropped = self.last - self.entries.len() as u64;
        if cursor.epoch != self.epoch || cursor.seq > self.last || cursor.seq < dropped {
            return Err(Gap);
        }
        let read = usize::try_from(cursor.seq - dropped).map_err(|_| Gap)?;
        Ok(self.entries.iter().skip(read).map(|entry| &entry.envelope))
    }

    /// Whether `event` can be appended without dropping what is younger than `window`: what somebody
    /// may still come back for.
    pub fn has_space(&self, now: Now, event: &Event, window: Duration) -> bool {
        // The number is not known yet; it has as many digits as the next one.
        let frame = Numbered { seq: self.last + 1, event };
        let mut bytes = self.bytes + json_length(&frame);
        let old = |entry: &&Entry| now.monotonic.saturating_sub(entry.written) >= window;
        for entry in self.entries.iter().take_while(old) {
            if bytes <= self.max_bytes {
                break;
            }
            bytes -= entry.bytes;
        }
        bytes <= self.max_bytes
    }

    fn prune(&mut self, now: Now) {
        while let Some(oldest) = self.entries.front() {
            let stale = now.monotonic.saturating_sub(oldest.written) > self.max_age;
            if !stale && self.bytes <= self.max_bytes {
                break;
            }
            self.bytes -= oldest.bytes;
            self.entries.pop_front();
        }
    }
}

/// An event as it will stand in the log: what [`EventFrame`] writes, without owning it.
#[derive(Serialize)]
struct Numbered<'a> {
    seq: u64,
    #[serde(flatten)]
    event: &'a Event,
}

/// The length of the JSON text, without making it.
pub(crate) fn json_length(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Neither the counter nor our types can fail; what somehow did would count as empty.
    match serde_json::to_writer(&mut count, value) {
        Ok(()) => count.0,
        Err(_) => 0,
    }
}
