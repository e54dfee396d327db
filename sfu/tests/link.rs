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
use sfu::{Channel, Command, Config, Event, Link, LinkEnd, SessionKey};

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
