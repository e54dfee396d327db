//! Links of a started media plane: a worker's thread on one side, doors that wait on the other.

#![allow(clippy::unwrap_used)]

mod plane;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use plane::{Plane, ROOM, config};
use sfu::envelope::Envelope;
use sfu::{
    BulkNext, BulkReceiver, BulkRefused, Channel, Command, Config, Event, Link, LinkEnd, SessionKey,
};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for ten seconds at most.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let end = Instant::now() + Duration::from_secs(10);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return result;
        }
        let left = end.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "nothing comes");
        std::thread::park_timeout(left);
    }
}

fn linked(plane: &Plane, member: u64) -> Link {
    plane.post(Command::Admit { member: SessionKey(member), may_send: true });
    plane.handle.link(ROOM, SessionKey(member)).unwrap()
}

fn message(id: u64, channel: Channel, length: usize) -> Bytes {
    let (lossy, payload) = (channel == Channel::Lossy, vec![1; length]);
    let envelope = Envelope { id: Some(id), lossy, payload: &payload, ..Envelope::default() };
    envelope.encode().unwrap().into()
}

fn id(message: &Bytes) -> u64 {
    Envelope::parse(message).unwrap().id.unwrap()
}

#[test]
fn messages_go_from_link_to_links_in_order_and_every_copy_is_counted() {
    const MESSAGES: u64 = 1_000;
    let plane = Plane::start(&Config { data_buffer: 8 << 20, ..config() });
    let sender = linked(&plane, 1);
    let receivers = [linked(&plane, 2), linked(&plane, 3)];
    for channel in [Channel::Reliable, Channel::Lossy] {
        for number in 0..MESSAGES {
            sender.send(channel, message(number, channel, 100)).unwrap();
        }
    }
    for receiver in &receivers {
        let mut got = Vec::new();
        while got.len() < MESSAGES as usize {
            wait(receiver.ready(Channel::Reliable)).unwrap();
            got.extend(std::iter::from_fn(|| receiver.take_reliable()).map(|bytes| id(&bytes)));
        }
        assert_eq!(got, (0..MESSAGES).collect::<Vec<_>>());
        // By now the lossy ones may be too old; what comes comes in order.
        let got: Vec<u64> =
            std::iter::from_fn(|| receiver.take_lossy(1_200)).map(|b| id(&b)).collect();
        assert!(got.is_sorted());
    }
    drop(receivers);
    for (channel, delivered) in [("reliable", Some(2 * MESSAGES)), ("lossy", None)] {
        let count = |name| plane.count(name, Some(channel));
        let ends = || count("data_delivered") + count("data_dropped");
        let start = Instant::now();
        // The counters are made visible from time to time.
        while (count("data_copies"), ends()) != (2 * MESSAGES, 2 * MESSAGES) {
            assert!(start.elapsed() < Duration::from_secs(10), "{channel}: {}", ends());
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(delivered.is_none_or(|all| all == count("data_delivered")), "{channel}");
    }
}

#[test]
fn a_door_that_takes_nothing_reliable_is_told_to_the_room() {
    let mut plane = Plane::start(&Config { data_buffer: 1 << 16, ..config() });
    let (sender, receiver) = (linked(&plane, 1), linked(&plane, 2));
    for number in 0..3 {
        sender.send(Channel::Reliable, message(number, Channel::Reliable, 30_000)).unwrap();
    }
    let overrun = Event::Overrun { session: SessionKey(2) };
    plane.wait(|event| (*event == overrun).then_some(()));
    assert_eq!(receiver.take_reliable(), None);
}

#[test]
fn a_link_ends_with_its_successor_its_member_and_its_plane() {
    let plane = Plane::start(&config());
    let first = linked(&plane, 1);
    let second = linked(&plane, 1);
    assert_eq!(wait(first.ready(Channel::Lossy)), Err(LinkEnd::Replaced));
    // That the first is given up does nothing to the second.
    drop(first);
    let sender = linked(&plane, 2);
    sender.send(Channel::Reliable, message(1, Channel::Reliable, 1)).unwrap();
    assert_eq!(wait(second.ready(Channel::Reliable)), Ok(()));
    plane.post(Command::Dismiss { member: SessionKey(1) });
    assert_eq!(wait(second.ready(Channel::Lossy)), Err(LinkEnd::Dismissed));
    assert_eq!(second.take_reliable(), None);
    drop(plane);
    assert_eq!(wait(sender.ready(Channel::Lossy)), Err(LinkEnd::Lost));
}

fn head() -> Bytes {
    Envelope { topic: "file", ..Envelope::default() }.encode().unwrap().into()
}

/// The bytes of a stream to its end.
fn read(mut receiver: BulkReceiver) -> (usize, BulkNext) {
    let mut length = 0;
    loop {
        match wait(receiver.next()) {
            BulkNext::Chunk(chunk) => length += chunk.len(),
            end => return (length, end),
        }
    }
}

#[test]
fn a_stream_reaches_those_who_take_it_and_lets_go_of_one_who_does_not() {
    const CHUNKS: usize = 512;
    let plane = Plane::start(&config());
    let sender = linked(&plane, 1);
    let receivers = [linked(&plane, 2), linked(&plane, 3), linked(&plane, 4)];
    let mut stream = wait(sender.open_bulk(head())).unwrap();
    let [first, second, stalled] = receivers.each_ref().map(|link| wait(link.next_bulk()).unwrap());
    assert_eq!(Envelope::parse(first.head()).unwrap().sender, Some(1));
    let (first, second) = std::thread::scope(|scope| {
        let readers = [first, second].map(|receiver| scope.spawn(|| read(receiver)));
        // 16 MiB where one is the most that waits.
        for _ in 0..CHUNKS {
            wait(stream.push(vec![7; 32 << 10].into())).unwrap();
        }
        stream.finish();
        let [first, second] = readers.map(|reader| reader.join().unwrap());
        (first, second)
    });
    assert_eq!(first, (CHUNKS * (32 << 10), BulkNext::Finished));
    assert_eq!(second, first);
    wait(stalled.too_slow());
    let (length, end) = read(stalled);
    assert_eq!((length, end), (0, BulkNext::Slow));
    assert_eq!(plane.count("packets_dropped", Some("bulk_slow")), 1);
}

#[test]
fn who_takes_nothing_for_too_long_loses_the_stream_though_nobody_waits_for_it() {
    let plane = Plane::start(&Config { bulk_timeout: 1, ..config() });
    let (sender, receiver) = (linked(&plane, 1), linked(&plane, 2));
    let mut stream = wait(sender.open_bulk(head())).unwrap();
    let idle = wait(receiver.next_bulk()).unwrap();
    wait(stream.push(Bytes::from_static(b"little"))).unwrap();
    wait(idle.too_slow());
    assert_eq!(read(idle), (0, BulkNext::Slow));
    assert!(wait(stream.push(Bytes::from_static(b"more"))).is_err());
}

#[test]
fn a_stream_ends_for_all_with_its_sender_and_with_the_last_receiver() {
    let plane = Plane::start(&config());
    let (sender, receiver) = (linked(&plane, 1), linked(&plane, 2));
    let mut stream = wait(sender.open_bulk(head())).unwrap();
    let taken = wait(receiver.next_bulk()).unwrap();
    wait(stream.push(Bytes::from_static(b"half"))).unwrap();
    drop(stream);
    assert_eq!(read(taken).1, BulkNext::Cancelled);

    let mut stream = wait(sender.open_bulk(head())).unwrap();
    drop(wait(receiver.next_bulk()).unwrap());
    assert!(wait(stream.push(Bytes::from_static(b"one"))).is_err());
    // What is not a head, and more than there may be.
    let lossy = message(1, Channel::Lossy, 1);
    assert_eq!(wait(sender.open_bulk(lossy)).err(), Some(BulkRefused::Malformed));
    let mut open = vec![stream];
    while open.len() < 16 {
        open.push(wait(sender.open_bulk(head())).unwrap());
    }
    assert_eq!(wait(sender.open_bulk(head())).err(), Some(BulkRefused::Busy));
    open.clear();
    drop(wait(sender.open_bulk(head())).unwrap());
    // One who is not there any more gets none, and the door that waited hears of it.
    plane.post(Command::Dismiss { member: SessionKey(2) });
    let mut end = wait(receiver.next_bulk());
    while end.is_ok() {
        end = wait(receiver.next_bulk());
    }
    assert_eq!(end.err(), Some(LinkEnd::Dismissed));
}
