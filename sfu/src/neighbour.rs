//! Another protocol on the media port. What has in its first byte the bit that neither STUN nor DTLS, RTP or
//! RTCP has there (RFC 9443 §3) goes to it, whichever worker's socket it comes to; what it sends leaves by
//! the sockets of the first one.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crossbeam_queue::ArrayQueue;
use oriel_udp::Arrival;
pub use oriel_udp::Train;

use crate::socket::Sockets;

/// Datagrams that may wait for it: some milliseconds of all that a link of a gigabit brings.
const CAPACITY: usize = 1_024;

/// Bytes of the longest: what a packet has on the way.
const LONGEST: usize = 1_500;

/// The bit of the first byte.
const MARK: u8 = 0x40;

/// A datagram for the neighbour.
#[derive(Debug)]
pub struct Received {
    /// Where it comes from.
    pub source: SocketAddr,
    /// The local address that it came to.
    pub local: IpAddr,
    /// Its two bits of congestion notification (RFC 3168 §5).
    pub ecn: u8,
    /// Its bytes.
    pub contents: Box<[u8]>,
}

/// The media port as the neighbour has it.
#[derive(Debug)]
pub struct Neighbour {
    door: Arc<Door>,
    sockets: Sockets,
    address: SocketAddr,
}

impl Neighbour {
    /// Beside the worker of these sockets, and all others on the same port.
    pub(crate) fn beside(sockets: &Sockets) -> io::Result<Neighbour> {
        let address = sockets.address().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let door = Door { queue: ArrayQueue::new(CAPACITY), waker: Mutex::default() };
        Ok(Neighbour { door: Arc::new(door), sockets: sockets.again()?, address })
    }

    /// What the workers put datagrams in at.
    pub(crate) fn door(&self) -> Arc<Door> {
        Arc::clone(&self.door)
    }

    /// The next datagram. One task at a time is woken for it.
    pub fn poll_next(&self, context: &mut Context<'_>) -> Poll<Received> {
        if let Some(received) = self.door.queue.pop() {
            return Poll::Ready(received);
        }
        *self.door.waker() = Some(context.waker().clone());
        // One may have come in between.
        self.door.queue.pop().map_or(Poll::Pending, Poll::Ready)
    }

    /// Sends datagrams, at most [`Neighbour::max_segments`], with these bits of congestion notification. What
    /// cannot leave is lost, as on any network.
    ///
    /// # Errors
    /// `WouldBlock`, when the system has no room for it now. Nobody tells of room: that would cost media a
    /// wake-up with each packet that leaves.
    pub fn try_send(&self, train: Train<'_>, ecn: u8) -> io::Result<()> {
        self.sockets.try_send(train, ecn)
    }

    /// The most datagrams that leave as one train.
    pub fn max_segments(&self) -> usize {
        self.sockets.max_segments()
    }

    /// Whether the system may cut up what is too long for the way.
    pub fn may_fragment(&self) -> bool {
        self.sockets.may_fragment()
    }

    /// The first of the addresses that are bound, with the port.
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }
}

/// Where the workers put in what is the neighbour's.
#[derive(Debug)]
pub(crate) struct Door {
    queue: ArrayQueue<Received>,
    waker: Mutex<Option<Waker>>,
}

impl Door {
    /// Whether a datagram is the neighbour's. What is too long is nobody's.
    pub(crate) fn is_for(&self, contents: &[u8]) -> bool {
        contents.first().is_some_and(|first| first & MARK != 0) && contents.len() <= LONGEST
    }

    /// Puts one in; false when there is no room. Who has put one in wakes [`Door::waiting`].
    pub(crate) fn put(&self, arrival: &Arrival<'_>) -> bool {
        !self.queue.is_full() && {
            let received = Received {
                source: arrival.source,
                local: arrival.destination.ip(),
                ecn: arrival.ecn,
                contents: arrival.contents.into(),
            };
            self.queue.push(received).is_ok()
        }
    }

    /// The neighbour, if it waits.
    pub(crate) fn waiting(&self) -> Option<Waker> {
        self.waker().take()
    }

    fn waker(&self) -> MutexGuard<'_, Option<Waker>> {
        // It is whole at any time.
        self.waker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::config::Config;

    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn neighbour() -> Neighbour {
        let config = Config { bind: vec![[127, 0, 0, 1].into()], udp_port: 0, ..Config::default() };
        Neighbour::beside(&Sockets::open(&config, 1).unwrap()[0]).unwrap()
    }

    fn arrival(contents: &[u8]) -> Arrival<'_> {
        let here = SocketAddr::from(([127, 0, 0, 1], 9));
        Arrival { source: here, destination: here, ecn: 2, came: None, contents }
    }

    #[test]
    fn what_can_be_media_is_not_the_neighbours() {
        let neighbour = neighbour();
        for first in 0..=u8::MAX {
            // RFC 9443 §3, Figure 3: TURN's channels come to a port of their own.
            let is_quic = matches!(first, 64..=127 | 192..=255);
            assert_eq!(neighbour.door.is_for(&[first, 0]), is_quic, "{first}");
        }
        assert!(!neighbour.door.is_for(&[]));
        assert!(!neighbour.door.is_for(&[0x40; LONGEST + 1]));
    }

    #[test]
    fn who_waits_is_woken_once_and_what_has_no_room_is_refused() {
        let neighbour = neighbour();
        let door = neighbour.door();
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(Arc::clone(&count));
        let mut context = Context::from_waker(&waker);
        assert!(neighbour.poll_next(&mut context).is_pending());
        assert!(door.put(&arrival(b"one")));
        door.waiting().unwrap().wake();
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(door.waiting().is_none());
        let Poll::Ready(received) = neighbour.poll_next(&mut context) else { panic!("lost") };
        assert_eq!((&received.contents[..], received.ecn), (&b"one"[..], 2));
        let taken = (0..=CAPACITY).filter(|_| door.put(&arrival(b"more"))).count();
        assert_eq!(taken, CAPACITY);
    }
}
