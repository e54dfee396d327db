//! Events on their way out, on the disk: written before they are acknowledged, taken out when an endpoint
//! has them.
//!
//! One thread writes. It takes what has come meanwhile into one transaction, so that a disk's pace holds
//! up each room once and not once per event.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition};
use signaling_core::id::RoomId;
use tokio::sync::{mpsc, oneshot};

use super::Tally;

/// Endpoint and number.
type Key = (&'static str, u64);
/// Room, time (milliseconds since 1970), body.
type Value = (u64, u64, &'static [u8]);
/// Room, time, why it was given up, body.
type DeadValue = (u64, u64, &'static str, &'static [u8]);

const WAITING: TableDefinition<'_, Key, Value> = TableDefinition::new("waiting");
const DEAD: TableDefinition<'_, Key, DeadValue> = TableDefinition::new("dead");
/// Rooms that have begun and not ended, each with what is needed to tell of its end.
const OPEN: TableDefinition<'_, u64, &'static [u8]> = TableDefinition::new("open");

/// Jobs that may wait for the disk. Beyond it, whoever has more waits.
const JOBS: usize = 1024;
/// Jobs of one transaction.
const BATCH: usize = 512;

/// What the store keeps to, for each endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Events that wait.
    pub(super) waiting: u64,
    /// Dead letters.
    pub(super) dead: u64,
}

/// An event for one endpoint, before it is kept.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The endpoint.
    pub(super) endpoint: String,
    /// Where it happened.
    pub(super) room: RoomId,
    /// When: milliseconds since 1970 (UTC).
    pub(super) at: u64,
    /// What is sent.
    pub(super) body: Arc<[u8]>,
}

/// What becomes of the note on a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    /// The room goes on, and this is what is needed to tell of its end without it.
    Open(RoomId, Vec<u8>),
    /// Its end is among the entries.
    Ended(RoomId),
}

/// An event that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    /// Its number here: in the order in which events were kept.
    pub(super) number: u64,
    /// Where it happened.
    pub(super) room: RoomId,
    /// When: milliseconds since 1970 (UTC).
    pub(super) at: u64,
}

/// An event that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// Its number.
    pub number: u64,
    /// When it happened: milliseconds since 1970 (UTC).
    pub at: u64,
    /// Why it was given up.
    pub reason: String,
    /// What was to be sent.
    pub body: Vec<u8>,
}

enum Job {
    Keep(Vec<Entry>, Option<Note>, oneshot::Sender<()>),
    /// The endpoint has it.
    Done(String, u64),
    GiveUp(String, u64, String),
    /// A dead letter is to be tried again, or all of them.
    Revive(String, Option<u64>, oneshot::Sender<u64>),
    /// A dead letter is to be forgotten.
    Forget(String, u64, oneshot::Sender<u64>),
}

/// The store. Clones are the same one.
#[derive(Clone)]
pub struct Store {
    database: Arc<Database>,
    jobs: mpsc::Sender<Job>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    tally: Mutex<Tally>,
    readers: Mutex<Vec<(String, mpsc::UnboundedSender<Kept>)>>,
    unwritten: AtomicU64,
}

impl Store {
    /// Opens the store, or makes it.
    ///
    /// # Errors
    /// When the file cannot be used: by another process that has it, or for being something else.
    pub(super) fn open(path: &Path, limits: Limits) -> anyhow::Result<Store> {
        let database = Arc::new(Database::create(path)?);
        let begin = database.begin_write()?;
        let mut tally = Tally::new();
        let mut last = 0;
        {
            let (waiting, dead) = (begin.open_table(WAITING)?, begin.open_table(DEAD)?);
            begin.open_table(OPEN)?;
            for entry in waiting.iter()? {
                let (key, _) = entry?;
                let (endpoint, number) = key.value();
                tally.entry(endpoint.to_owned()).or_default().0 += 1;
                last = last.max(number);
            }
            for entry in dead.iter()? {
                let (key, _) = entry?;
                let (endpoint, number) = key.value();
                tally.entry(endpoint.to_owned()).or_default().1 += 1;
                last = last.max(number);
            }
        }
        begin.commit()?;
        let (sender, jobs) = mpsc::channel(JOBS);
        let shared = Arc::new(Shared { tally: Mutex::new(tally), ..Shared::default() });
        let writer =
            Writer { database: Arc::clone(&database), shared: Arc::clone(&shared), limits, last };
        std::thread::Builder::new().name("webhooks".into()).spawn(move || writer.run(jobs))?;
        Ok(Store { database, jobs: sender, shared })
    }

    /// Keeps events, and with them the note on their room; returns when both are on the disk, or could not
    /// be written.
    pub(super) async fn record(&self, entries: Vec<Entry>, note: Option<Note>) {
        let (done, written) = oneshot::channel();
        if self.jobs.send(Job::Keep(entries, note, done)).await.is_ok() {
            // The thread drops it only when it is over.
            let _ = written.await;
        }
    }

    /// The notes on all rooms that have not ended.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn open_rooms(&self) -> anyhow::Result<Vec<(RoomId, Vec<u8>)>> {
        let table = self.database.begin_read()?.open_table(OPEN)?;
        let mut rooms = Vec::new();
        for entry in table.iter()? {
            let (room, note) = entry?;
            rooms.push((RoomId(room.value()), note.value().to_vec()));
        }
        Ok(rooms)
    }

    /// The note on one room, if it has not ended.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn open_room(&self, room: RoomId) -> anyhow::Result<Option<Vec<u8>>> {
        let table = self.database.begin_read()?.open_table(OPEN)?;
        Ok(table.get(room.0)?.map(|note| note.value().to_vec()))
    }

    /// Everything that waits for `endpoint`, oldest first, and what is added from now on.
    pub(super) fn follow(&self, endpoint: &str) -> mpsc::UnboundedReceiver<Kept> {
        let (sender, receiver) = mpsc::unbounded_channel();
        // Under the lock that the writer tells readers under: nothing is missed, nothing is told twice.
        let mut readers = locked(&self.shared.readers);
        match self.waiting(endpoint) {
            Ok(waiting) => {
                for kept in waiting {
                    // The receiver is right here.
                    let _ = sender.send(kept);
                }
            }
            Err(error) => tracing::error!(%endpoint, %error, "events that wait cannot be read"),
        }
        readers.push((endpoint.to_owned(), sender));
        receiver
    }

    fn waiting(&self, endpoint: &str) -> anyhow::Result<Vec<Kept>> {
        let read = self.database.begin_read()?;
        let table = read.open_table(WAITING)?;
        let mut waiting = Vec::new();
        for entry in table.range((endpoint, 0)..=(endpoint, u64::MAX))? {
            let (key, value) = entry?;
            let (room, at, _) = value.value();
            waiting.push(Kept { number: key.value().1, room: RoomId(room), at });
        }
        Ok(waiting)
    }

    /// What is to be sent, if it still waits.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn body(&self, endpoint: &str, number: u64) -> anyhow::Result<Option<Vec<u8>>> {
        let table = self.database.begin_read()?.open_table(WAITING)?;
        Ok(table.get((endpoint, number))?.map(|value| value.value().2.to_vec()))
    }

    /// The endpoint has taken it.
    pub(super) async fn done(&self, endpoint: &str, number: u64) {
        let _ = self.jobs.send(Job::Done(endpoint.to_owned(), number)).await;
    }

    /// It was tried for too long.
    pub(super) async fn give_up(&self, endpoint: &str, number: u64, reason: String) {
        let _ = self.jobs.send(Job::GiveUp(endpoint.to_owned(), number, reason)).await;
    }

    /// Dead letters of `endpoint` after `after`, oldest first, `limit` at most.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn dead(&self, endpoint: &str, after: u64, limit: usize) -> anyhow::Result<Vec<Letter>> {
        let table = self.database.begin_read()?.open_table(DEAD)?;
        let range = table.range((endpoint, after.saturating_add(1))..=(endpoint, u64::MAX))?;
        let mut letters = Vec::new();
        for entry in range.take(limit) {
            let (key, value) = entry?;
            let (_, at, reason, body) = value.value();
            let (reason, body) = (reason.to_owned(), body.to_vec());
            letters.push(Letter { number: key.value().1, at, reason, body });
        }
        Ok(letters)
    }

    /// Lets a dead letter wait again, behind all others; or all of them. Returns how many there were.
    pub async fn revive(&self, endpoint: &str, number: Option<u64>) -> u64 {
        let (done, revived) = oneshot::channel();
        let _ = self.jobs.send(Job::Revive(endpoint.to_owned(), number, done)).await;
        revived.await.unwrap_or_default()
    }

    /// Forgets a dead letter. Returns how many there were: one or none.
    pub async fn forget(&self, endpoint: &str, number: u64) -> u64 {
        let (done, forgotten) = oneshot::channel();
        let _ = self.jobs.send(Job::Forget(endpoint.to_owned(), number, done)).await;
        forgotten.await.unwrap_or_default()
    }

    /// How many wait for an endpoint, and how many were given up.
    pub(super) fn count(&self, endpoint: &str) -> (u64, u64) {
        locked(&self.shared.tally).get(endpoint).copied().unwrap_or_default()
    }

    /// Events that could not be written.
    pub(super) fn unwritten(&self) -> u64 {
        self.shared.unwritten.load(Ordering::Relaxed)
    }
}

/// The thread that writes.
struct Writer {
    database: Arc<Database>,
    shared: Arc<Shared>,
    limits: Limits,
    /// The last number given.
    last: u64,
}

/// What a transaction has done, told when it is on the disk.
#[derive(Default)]
struct Changes {
    tally: Tally,
    kept: Vec<(String, Kept)>,
    counts: Vec<u64>,
}

impl Writer {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::new();
        while jobs.blocking_recv_many(&mut batch, BATCH) > 0 {
            let last = self.last;
            match self.write(&batch) {
                Ok(changes) => self.tell(std::mem::take(&mut batch), changes),
                Err(error) => {
                    self.last = last;
                    self.lose(std::mem::take(&mut batch), &error);
                }
            }
        }
    }

    fn write(&mut self, batch: &[Job]) -> anyhow::Result<Changes> {
        let mut changes =
            Changes { tally: locked(&self.shared.tally).clone(), ..Changes::default() };
        let transaction = self.database.begin_write()?;
        {
            let mut waiting = transaction.open_table(WAITING)?;
            let mut dead = transaction.open_table(DEAD)?;
            let mut open = transaction.open_table(OPEN)?;
            let mut tables = Tables { waiting: &mut waiting, dead: &mut dead };
            for job in batch {
                let count = match job {
                    Job::Keep(entries, note, _) => {
                        for entry in entries {
                            self.keep(&mut tables, &mut changes, entry)?;
                        }
                        match note {
                            Some(Note::Open(room, note)) => {
                                open.insert(room.0, &note[..])?;
                            }
                            Some(Note::Ended(room)) => {
                                open.remove(room.0)?;
                            }
                            None => {}
                        }
                        entries.len() as u64
                    }
                    Job::Done(endpoint, number) => {
                        let key = (endpoint.as_str(), *number);
                        if tables.waiting.remove(key)?.is_some() {
                            changes.tally.entry(endpoint.clone()).or_default().0 -= 1;
                        }
                        1
                    }
                    Job::GiveUp(endpoint, number, reason) => {
                        self.give_up(&mut tables, &mut changes, endpoint, *number, reason)?;
                        1
                    }
                    Job::Revive(endpoint, number, _) => {
                        self.revive(&mut tables, &mut changes, endpoint, *number)?
                    }
                    Job::Forget(endpoint, number, _) => {
                        let there = tables.dead.remove((endpoint.as_str(), *number))?.is_some();
                        let tally = changes.tally.entry(endpoint.clone()).or_default();
                        tally.1 -= u64::from(there);
                        u64::from(there)
                    }
                };
                changes.counts.push(count);
            }
        }
        transaction.commit()?;
        Ok(changes)
    }

    fn keep(
        &mut self,
        tables: &mut Tables<'_, '_>,
        changes: &mut Changes,
        entry: &Entry,
    ) -> anyhow::Result<()> {
        self.last += 1;
        let (key, body) = ((entry.endpoint.as_str(), self.last), &entry.body[..]);
        let tally = changes.tally.entry(entry.endpoint.clone()).or_default();
        if tally.0 >= self.limits.waiting {
            let reason = "as many as webhooks.max_waiting were waiting already";
            tables.dead.insert(key, (entry.room.0, entry.at, reason, body))?;
            tally.1 += 1;
            return self.forget_oldest(tables, changes, &entry.endpoint);
        }
        tables.waiting.insert(key, (entry.room.0, entry.at, body))?;
        tally.0 += 1;
        let kept = Kept { number: self.last, room: entry.room, at: entry.at };
        changes.kept.push((entry.endpoint.clone(), kept));
        Ok(())
    }

    fn give_up(
        &self,
        tables: &mut Tables<'_, '_>,
        changes: &mut Changes,
        endpoint: &str,
        number: u64,
        reason: &str,
    ) -> anyhow::Result<()> {
        let Some(value) = tables.waiting.remove((endpoint, number))? else { return Ok(()) };
        let (room, at, body) = value.value();
        tables.dead.insert((endpoint, number), (room, at, reason, body))?;
        drop(value);
        let tally = changes.tally.entry(endpoint.to_owned()).or_default();
        *tally = (tally.0 - 1, tally.1 + 1);
        self.forget_oldest(tables, changes, endpoint)
    }

    /// What is said last of a dead letter is said to the log.
    fn forget_oldest(
        &self,
        tables: &mut Tables<'_, '_>,
        changes: &mut Changes,
        endpoint: &str,
    ) -> anyhow::Result<()> {
        let tally = changes.tally.entry(endpoint.to_owned()).or_default();
        while tally.1 > self.limits.dead {
            let oldest = tables.dead.range((endpoint, 0)..=(endpoint, u64::MAX))?.next();
            let Some(oldest) = oldest.transpose()?.map(|(key, _)| key.value().1) else { break };
            tables.dead.remove((endpoint, oldest))?;
            tally.1 -= 1;
            tracing::error!(%endpoint, number = oldest, "an event is lost: too many dead letters");
        }
        Ok(())
    }

    /// It happened now, as far as the time is concerned that it may be tried.
    fn revive(
        &mut self,
        tables: &mut Tables<'_, '_>,
        changes: &mut Changes,
        endpoint: &str,
        number: Option<u64>,
    ) -> anyhow::Result<u64> {
        let range = match number {
            Some(number) => (endpoint, number)..=(endpoint, number),
            None => (endpoint, 0)..=(endpoint, u64::MAX),
        };
        let mut numbers = Vec::new();
        for entry in tables.dead.range(range)? {
            numbers.push(entry?.0.value().1);
        }
        for &old in &numbers {
            let Some(value) = tables.dead.remove((endpoint, old))? else { continue };
            let (room, _, _, body) = value.value();
            let at = unix_ms();
            self.last += 1;
            tables.waiting.insert((endpoint, self.last), (room, at, body))?;
            let kept = Kept { number: self.last, room: RoomId(room), at };
            changes.kept.push((endpoint.to_owned(), kept));
            let tally = changes.tally.entry(endpoint.to_owned()).or_default();
            *tally = (tally.0 + 1, tally.1 - 1);
        }
        Ok(numbers.len() as u64)
    }

    fn tell(&self, batch: Vec<Job>, changes: Changes) {
        *locked(&self.shared.tally) = changes.tally;
        let readers = locked(&self.shared.readers);
        for (endpoint, kept) in changes.kept {
            if let Some((_, reader)) = readers.iter().find(|(id, _)| *id == endpoint) {
                // An endpoint that is over reads it at the next start.
                let _ = reader.send(kept);
            }
        }
        drop(readers);
        for (job, count) in batch.into_iter().zip(changes.counts) {
            // Whoever asked may have gone.
            match job {
                Job::Keep(_, _, done) => {
                    let _ = done.send(());
                }
                Job::Revive(_, _, done) | Job::Forget(_, _, done) => {
                    let _ = done.send(count);
                }
                Job::Done(..) | Job::GiveUp(..) => {}
            }
        }
    }

    /// The disk is full, or gone. Rooms go on; what the disk has is told again after the next start.
    fn lose(&self, batch: Vec<Job>, error: &anyhow::Error) {
        let lost: u64 = batch
            .iter()
            .map(|job| match job {
                Job::Keep(entries, ..) => entries.len() as u64,
                _ => 0,
            })
            .sum();
        self.shared.unwritten.fetch_add(lost, Ordering::Relaxed);
        tracing::error!(%error, lost, "events for webhooks cannot be written");
    }
}

struct Tables<'a, 't> {
    waiting: &'a mut Table<'t, Key, Value>,
    dead: &'a mut Table<'t, Key, DeadValue>,
}

fn unix_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

/// Every critical section leaves things whole, so a panic elsewhere spoils nothing.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(endpoint: &str, body: &str) -> Entry {
        let (endpoint, body) = (endpoint.to_owned(), body.as_bytes().into());
        Entry { endpoint, room: RoomId(1), at: 5, body }
    }

    fn open(folder: &tempfile::TempDir) -> Store {
        let path = folder.path().join("x.redb");
        // The thread of an earlier store may still be at its last job.
        for _ in 0..200 {
            match Store::open(&path, Limits { waiting: 3, dead: 2 }) {
                Ok(store) => return store,
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(20)),
            }
        }
        panic!("the store is not given up");
    }

    #[tokio::test]
    async fn what_was_kept_is_there_after_a_restart_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        store.record(vec![entry("a", "1"), entry("b", "1"), entry("a", "2")], None).await;
        let mut reader = store.follow("a");
        let first = reader.recv().await.unwrap();
        let second = reader.recv().await.unwrap();
        assert!(first.number < second.number);
        assert_eq!(store.body("a", second.number).unwrap().unwrap(), b"2");
        store.done("a", first.number).await;
        store.record(vec![entry("a", "3")], None).await;
        let third = reader.recv().await.unwrap();
        assert_eq!((store.count("a"), store.count("b")), ((2, 0), (1, 0)));
        drop((store, reader));

        let store = open(&folder);
        assert_eq!(store.count("a"), (2, 0));
        let mut reader = store.follow("a");
        assert_eq!(reader.recv().await.unwrap(), second);
        assert_eq!(reader.recv().await.unwrap(), third);
        store.record(vec![entry("a", "4")], None).await;
        assert!(reader.recv().await.unwrap().number > third.number);
    }

    #[tokio::test]
    async fn of_a_room_that_does_not_end_a_note_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let note = |room, text: &str| Some(Note::Open(RoomId(room), text.as_bytes().to_vec()));
        store.record(vec![entry("a", "1")], note(1, "one")).await;
        store.record(Vec::new(), note(2, "two")).await;
        store.record(vec![entry("a", "2")], note(1, "one, later")).await;
        store.record(vec![entry("a", "3")], Some(Note::Ended(RoomId(2)))).await;
        drop(store);
        let store = open(&folder);
        assert_eq!(store.open_rooms().unwrap(), [(RoomId(1), b"one, later".to_vec())]);
        assert_eq!(store.open_room(RoomId(2)).unwrap(), None);
        assert_eq!(store.count("a"), (3, 0));
    }

    #[tokio::test]
    async fn dead_letters_are_kept_revived_and_forgotten_and_all_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let entries = ["1", "2", "3", "4"].map(|body| entry("a", body)).to_vec();
        store.record(entries, None).await;
        assert_eq!(store.count("a"), (3, 1), "what is too many is dead at once");
        let mut reader = store.follow("a");
        let first = reader.recv().await.unwrap().number;
        store.give_up("a", first, "503".into()).await;
        store.give_up("a", first + 1, "timeout".into()).await;
        assert_eq!(store.forget("a", 77).await, 0);
        assert_eq!(store.count("a"), (1, 2), "the oldest dead letter is gone");
        let dead = store.dead("a", 0, 10).unwrap();
        assert_eq!(dead[0].body, b"2");
        assert_eq!(dead[0].reason, "timeout");
        assert_eq!(store.dead("a", dead[0].number, 10).unwrap().len(), 1);
        assert_eq!(store.dead("b", 0, 10).unwrap(), []);

        assert_eq!(store.revive("a", Some(dead[0].number)).await, 1);
        assert_eq!(store.count("a"), (2, 1));
        let (_, _, revived) = (reader.recv().await, reader.recv().await, reader.recv().await);
        let revived = revived.unwrap();
        assert_eq!(store.body("a", revived.number).unwrap().unwrap(), b"2");
        assert!(revived.at > 5, "its time begins anew");
        assert_eq!(store.revive("a", None).await, 1);
        assert_eq!(store.count("a"), (3, 0));
    }
}
