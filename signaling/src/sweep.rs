//! One task that writes what is told in a feed to the sockets of all its readers in turn.
//!
//! To wake a task for each of thousands of readers costs a third of a delivery. A reader with a bare socket
//! and nothing to do sits: the sweep writes for it, without waiting. Where a socket takes no more the
//! reader is called, and goes on by itself until it can sit again.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use signaling_core::journal::Cursor;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::feed::{Choice, Item};
use crate::live::Told;
use crate::shortcut::{Sent, Shortcut};
use crate::websocket;

/// Sockets that are written to before others have their turn: a fraction of a millisecond.
const STRETCH: usize = 32;
/// Bytes after which no further item is added to those that are written at once.
const WAVE_BYTES: usize = 32 * 1024;

/// How items are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// As events of an event stream.
    EventStream,
    /// As messages on a WebSocket.
    WebSocket,
}

impl Format {
    fn put(self, item: &Item, bytes: &mut Vec<u8>) {
        match self {
            Format::EventStream => bytes.extend_from_slice(&item.event_stream()),
            Format::WebSocket => websocket::put_text(item.json(), bytes),
        }
    }
}

/// Those who sit in one feed.
#[derive(Debug, Default)]
pub struct Sweep {
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    all: Vec<Weak<Seat>>,
    /// There is a task.
    is_swept: bool,
}

impl Sweep {
    /// One more seat, until it is dropped. `receiver` gives what is told from then on.
    pub fn add(self: Arc<Self>, seat: &Arc<Seat>, receiver: impl FnOnce() -> Receiver<Told>) {
        let mut seats = self.seats();
        if seats.all.len() == seats.all.capacity() {
            // In a feed where nothing happens nobody else clears up.
            seats.all.retain(|seat| seat.strong_count() > 0);
        }
        seats.all.push(Arc::downgrade(seat));
        if !seats.is_swept {
            seats.is_swept = true;
            tokio::spawn(Arc::clone(&self).run(receiver()));
        }
    }

    async fn run(self: Arc<Self>, mut receiver: Receiver<Told>) {
        loop {
            let first = match receiver.recv().await {
                Ok(first) => first,
                // Each seat sees by the numbers that it has missed something.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => break,
            };
            let wave = Wave::gather(first, &mut receiver);
            let mut told = std::mem::take(&mut self.seats().all);
            let mut at = 0;
            while at < told.len() {
                match told[at].upgrade() {
                    Some(seat) => {
                        seat.tell(&wave);
                        at += 1;
                    }
                    None => drop(told.swap_remove(at)),
                }
                if at % STRETCH == 0 {
                    tokio::task::yield_now().await;
                }
            }
            let mut seats = self.seats();
            told.append(&mut seats.all);
            seats.all = told;
            if seats.all.is_empty() {
                seats.is_swept = false;
                return;
            }
        }
        for seat in self.seats().all.drain(..).filter_map(|seat| seat.upgrade()) {
            seat.state().call();
        }
    }

    /// Every critical section leaves the seats whole, so a panic elsewhere spoils nothing.
    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is written at once: items that follow each other.
struct Wave {
    items: Vec<Told>,
    /// The number after the last one.
    end: u64,
    place: Option<Cursor>,
    event_stream: Bytes,
    websocket: Bytes,
}

impl Wave {
    /// `first`, and what is there already.
    fn gather(first: Told, receiver: &mut Receiver<Told>) -> Wave {
        let mut bytes = first.1.len();
        let mut items = vec![first];
        while bytes < WAVE_BYTES
            && let Ok(told) = receiver.try_recv()
        {
            bytes += told.1.len();
            items.push(told);
        }
        let mut wave = Wave {
            end: items.last().map_or(0, |(number, _)| number + 1),
            place: items.iter().filter_map(|(_, item)| item.cursor()).next_back(),
            items,
            event_stream: Bytes::new(),
            websocket: Bytes::new(),
        };
        wave.event_stream = wave.join(0, Format::EventStream, &Choice::default());
        wave.websocket = wave.join(0, Format::WebSocket, &Choice::default());
        wave
    }

    fn first(&self) -> u64 {
        self.items.first().map_or(0, |(number, _)| *number)
    }

    /// What is to be written for somebody who is to be told `next`.
    fn bytes(&self, next: u64, format: Format, choice: &Choice) -> Bytes {
        if next > self.first() || !choice.is_usual() {
            return self.join(next, format, choice);
        }
        match format {
            Format::EventStream => self.event_stream.clone(),
            Format::WebSocket => self.websocket.clone(),
        }
    }

    fn join(&self, next: u64, format: Format, choice: &Choice) -> Bytes {
        let mut bytes = Vec::new();
        for (number, item) in &self.items {
            if *number >= next && choice.takes(item) {
                format.put(item, &mut bytes);
            }
        }
        bytes.into()
    }
}

/// A reader's place in a sweep.
#[derive(Debug)]
pub struct Seat {
    shortcut: Shortcut,
    format: Format,
    choice: Choice,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sits: bool,
    /// The number of what is to be written next.
    next: u64,
    /// The place in the journal after what was written, until the reader has taken note of it.
    place: Option<Cursor>,
    reader: Option<Waker>,
}

impl State {
    /// Has the reader go on by itself.
    fn call(&mut self) {
        self.sits = false;
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl Seat {
    /// An empty one. What is of this choice will be written in this format.
    pub fn new(shortcut: Shortcut, format: Format, choice: Choice) -> Seat {
        Seat { shortcut, format, choice, state: Mutex::default() }
    }

    /// Whether the socket has taken all that was written to it.
    pub fn is_clear(&self) -> bool {
        self.shortcut.is_clear()
    }

    /// Sits until called, or until the future is dropped, with `next` as the number of what is to be written
    /// next. Nothing is being written any more when it is over.
    pub fn sit(&self, next: u64) -> Sitting<'_> {
        let mut state = self.state();
        state.sits = true;
        state.next = next;
        Sitting { seat: self }
    }

    /// The number after what was written.
    pub fn next(&self) -> u64 {
        self.state().next
    }

    /// The place in the journal after what was written since this was asked last.
    pub fn swept(&self) -> Option<Cursor> {
        self.state().place.take()
    }

    /// Writes what its reader is to be told of a wave, or calls it.
    fn tell(&self, wave: &Wave) {
        let mut state = self.state();
        if !state.sits || state.next >= wave.end {
            return;
        }
        if state.next < wave.first() {
            return state.call();
        }
        match self.shortcut.send(wave.bytes(state.next, self.format, &self.choice)) {
            Sent::All => {}
            Sent::Some => state.call(),
            Sent::Nothing => return state.call(),
        }
        state.next = wave.end;
        state.place = wave.place.or(state.place);
    }

    /// Every critical section leaves the state whole, so a panic elsewhere spoils nothing.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As long as a reader sits.
#[derive(Debug)]
pub struct Sitting<'a> {
    seat: &'a Seat,
}

impl Future for Sitting<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.seat.state();
        if !state.sits {
            return Poll::Ready(());
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sitting<'_> {
    fn drop(&mut self) {
        let mut state = self.seat.state();
        state.sits = false;
        state.reader = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use signaling_core::event::{Audience, EndReason, Envelope, Event, EventFrame};
    use signaling_core::id::RoomId;
    use socket2::SockRef;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::time::{Instant, timeout};

    use super::*;
    use crate::feed::{Observer, Source};
    use crate::firehose::Firehose;
    use crate::shortcut::Occupied;
    use crate::shortcut::tests::connection;

    const LIMIT: Duration = Duration::from_secs(60);

    fn happens(firehose: &Firehose) {
        let frame = EventFrame { seq: None, event: Event::RoomEnded { reason: EndReason::Empty } };
        let json = serde_json::to_vec(&frame).unwrap();
        let envelope = Envelope { at: 0, room: RoomId(1), audience: Audience::Room, frame };
        firehose.append("r", &envelope, &json);
    }

    async fn observer(firehose: &Firehose, types: Option<&str>) -> Observer {
        let source = Source::Server(firehose.clone());
        let types = types.map(|kind| vec![kind.to_owned()]);
        let until = Instant::now() + Duration::from_secs(3600);
        let mut observer = Observer::open(source, None, types, until).await.unwrap();
        assert_eq!(observer.read(Duration::ZERO).await.unwrap()[0].kind(), b"overview");
        observer
    }

    /// What a door does: how many items it had to write itself.
    async fn serve(mut observer: Observer, mut ours: Occupied) -> usize {
        let mut own = 0;
        while let Ok(items) = observer.read(LIMIT).await {
            own += items.len();
            for item in &items {
                ours.write_all(&item.event_stream()).await.unwrap();
            }
            if items.is_empty() {
                ours.write_all(b":\n\n").await.unwrap();
            }
        }
        ours.shutdown().await.unwrap();
        own
    }

    async fn read(mut theirs: TcpStream, size: usize, pause: Duration) -> Vec<u8> {
        let (mut all, mut part) = (Vec::new(), vec![0; size]);
        loop {
            match theirs.read(&mut part).await.unwrap() {
                0 => return all,
                read => all.extend_from_slice(&part[..read]),
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// The numbers of the events in a stream.
    fn numbers(stream: &[u8]) -> Vec<u64> {
        let text = std::str::from_utf8(stream).unwrap();
        let ids = text.lines().filter_map(|line| line.strip_prefix("id: "));
        ids.map(|id| id.rsplit_once('.').unwrap().1.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn who_sits_is_written_for_as_it_has_chosen() {
        let firehose = Firehose::new(7);
        let mut all = observer(&firehose, None).await;
        let mut some = observer(&firehose, Some("chat.posted")).await;
        let mut socket = observer(&firehose, None).await;
        let ((all_ours, all_theirs), (some_ours, some_theirs), (ours, mut theirs)) =
            (connection().await, connection().await, connection().await);
        all.take_seat(all_ours.shortcut(), Format::EventStream);
        some.take_seat(some_ours.shortcut(), Format::EventStream);
        socket.take_seat(ours.shortcut(), Format::WebSocket);
        let all = tokio::spawn(serve(all, all_ours));
        let some = tokio::spawn(serve(some, some_ours));
        for _ in 0..3 {
            {
                // Whoever waits anew in between is told the same by nobody twice.
                let waiting = socket.read(Duration::from_millis(200));
                let (items, ()) = tokio::join!(waiting, async {
                    tokio::task::yield_now().await;
                    happens(&firehose);
                });
                assert!(items.unwrap().is_empty(), "the sweep has written it");
            }
            let mut header = [0; 2];
            timeout(LIMIT, theirs.read_exact(&mut header)).await.unwrap().unwrap();
            assert_eq!(header[0], 0x81, "a whole text");
            let mut length = usize::from(header[1]);
            if length == 126 {
                length = timeout(LIMIT, theirs.read_u16()).await.unwrap().unwrap().into();
            }
            let mut text = vec![0; length];
            timeout(LIMIT, theirs.read_exact(&mut text)).await.unwrap().unwrap();
            assert_eq!(Item::kind_of(&text), "room.ended");
        }
        assert_eq!(socket.place(), Some(Cursor { epoch: 7, seq: 3 }));
        firehose.close();
        assert_eq!(timeout(LIMIT, all).await.unwrap().unwrap(), 0, "the sweep has written all");
        assert_eq!(timeout(LIMIT, some).await.unwrap().unwrap(), 0);
        assert_eq!(numbers(&read(all_theirs, 4096, Duration::ZERO).await), [1, 2, 3]);
        assert!(read(some_theirs, 4096, Duration::ZERO).await.is_empty(), "nothing was asked for");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_reads_slowly_is_told_everything_once_and_holds_nobody_up() {
        const EVENTS: u64 = 4_000;
        let firehose = Firehose::new(7);
        let mut readers = Vec::new();
        for (size, pause) in [(65_536, 0), (300, 1), (4_096, 5)] {
            let (ours, theirs) = connection().await;
            SockRef::from(&theirs).set_recv_buffer_size(4_096).unwrap();
            let mut observer = observer(&firehose, None).await;
            observer.take_seat(ours.shortcut(), Format::EventStream);
            let served = tokio::spawn(serve(observer, ours));
            let reading = tokio::spawn(read(theirs, size, Duration::from_millis(pause)));
            readers.push((served, reading));
        }
        for number in 0..EVENTS {
            happens(&firehose);
            if number % 20 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        // Who is in the midst of catching up does so from the journal, which a close leaves as it is.
        let expected: Vec<u64> = (1..=EVENTS).collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        firehose.close();
        for (served, reading) in readers {
            let own = timeout(LIMIT, served).await.unwrap().unwrap();
            assert!(own < EVENTS as usize, "the sweep has written something");
            assert_eq!(numbers(&timeout(LIMIT, reading).await.unwrap().unwrap()), expected);
        }
    }

    #[tokio::test]
    async fn who_is_gone_leaves_no_seat() {
        let sweep: Arc<Sweep> = Arc::default();
        let (sender, _) = tokio::sync::broadcast::channel(16);
        let (ours, _theirs) = connection().await;
        for _ in 0..1_000 {
            let seat = Seat::new(ours.shortcut(), Format::EventStream, Choice::default());
            Arc::clone(&sweep).add(&Arc::new(seat), || sender.subscribe());
        }
        assert!(sweep.seats().all.len() < 10, "nothing has happened meanwhile");
        let item = Arc::new(Item::new(None, "x", b"{}"));
        sender.send((0, item)).unwrap();
        timeout(LIMIT, async {
            while sender.receiver_count() > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("a sweep without seats ends");
    }
}
