//! UDP in bulk: many sockets, of which the kernel names those that have something, and each is read
//! by `recvmmsg`. At a hundred viewers a call brings a whole frame's packets.
//!
//! Coalesced receiving (GRO) is left off: on loopback it would take segmentation off a server that
//! sends with GSO, which no network does for it.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, RawFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, setsockopt, sockopt,
};
use nix::sys::time::TimeSpec;

/// Datagrams of one read.
const BATCH: usize = 32;

/// The largest datagram that is read whole.
const LARGEST_DATAGRAM: usize = 2_048;

/// What the kernel is asked to hold for a socket while the generator is busy with others.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Sockets that are told about at a time.
const EVENTS: usize = 256;

/// A socket that does not block. `stamped`: the kernel says when each datagram came.
///
/// # Errors
///
/// When the system has none left.
pub(super) fn open(ip: IpAddr, stamped: bool) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((ip, 0))?;
    socket.set_nonblocking(true)?;
    // Beyond the system's limit only for who may; everybody else gets as much as it allows.
    if setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    }
    setsockopt(&socket, sockopt::ReceiveTimestampns, &stamped)?;
    Ok(socket)
}

/// Waits for any of many sockets.
pub(super) struct Readiness {
    epoll: Epoll,
    events: Vec<EpollEvent>,
}

impl Readiness {
    pub(super) fn new() -> io::Result<Readiness> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        Ok(Readiness { epoll, events: vec![EpollEvent::empty(); EVENTS] })
    }

    /// Has a socket told about by `number` whenever something is in it.
    pub(super) fn watch(&self, socket: impl AsFd, number: usize) -> io::Result<()> {
        Ok(self.epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, number as u64))?)
    }

    /// The numbers of sockets that have something, after `at_most` at the latest.
    pub(super) fn wait(&mut self, at_most: Duration) -> io::Result<impl Iterator<Item = usize>> {
        let milliseconds = at_most.as_micros().div_ceil(1_000).min(u16::MAX.into()) as u16;
        let ready = match self.epoll.wait(&mut self.events, EpollTimeout::from(milliseconds)) {
            Err(Errno::EINTR) => 0,
            ready => ready?,
        };
        Ok(self.events[..ready].iter().map(|event| event.data() as usize))
    }
}

/// One datagram that came.
pub(super) struct Datagram<'a> {
    pub(super) contents: &'a [u8],
    pub(super) source: SocketAddr,
    /// When the kernel took it, since the beginning of 1970; for stamped sockets.
    pub(super) arrived: Option<Duration>,
}

/// The buffers of a read.
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// The kernel shortens the room for control messages to what it wrote; each kind of socket has its
    /// own, so that it is always enough.
    plain: MultiHeaders<SockaddrStorage>,
    stamped: MultiHeaders<SockaddrStorage>,
}

impl Batch {
    pub(super) fn new() -> Batch {
        Batch {
            bytes: vec![0; BATCH * LARGEST_DATAGRAM],
            plain: MultiHeaders::preallocate(BATCH, None),
            stamped: MultiHeaders::preallocate(BATCH, Some(nix::cmsg_space!(TimeSpec))),
        }
    }

    /// Hands on what is in a socket, up to [`BATCH`] datagrams; says whether more may be there.
    pub(super) fn read(
        &mut self,
        socket: RawFd,
        stamped: bool,
        mut each: impl FnMut(Datagram<'_>),
    ) -> io::Result<bool> {
        let headers = if stamped { &mut self.stamped } else { &mut self.plain };
        let mut slices: Vec<[IoSliceMut<'_>; 1]> = self
            .bytes
            .chunks_exact_mut(LARGEST_DATAGRAM)
            .map(|chunk| [IoSliceMut::new(chunk)])
            .collect();
        let read = recvmmsg(socket, headers, &mut slices, MsgFlags::MSG_DONTWAIT, None);
        let messages = match read {
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(false),
            messages => messages?,
        };
        let mut count = 0;
        for message in messages {
            count += 1;
            let Some(source) = message.address.as_ref().and_then(address) else { continue };
            let arrived = message.cmsgs().ok().and_then(|mut messages| messages.find_map(stamp));
            let contents = message.iovs().next().unwrap_or_default();
            each(Datagram { contents, source, arrived });
        }
        Ok(count == BATCH)
    }
}

fn address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::new(v4.ip().into(), v4.port()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::new(v6.ip().into(), v6.port())))
}

fn stamp(message: ControlMessageOwned) -> Option<Duration> {
    match message {
        ControlMessageOwned::ScmTimestampns(time) => Some(time.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::os::fd::AsRawFd;
    use std::time::SystemTime;

    #[test]
    fn what_is_sent_is_read_in_order_with_its_source_and_time() {
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let (sender, receiver) = (open(ip, false).unwrap(), open(ip, true).unwrap());
        let mut readiness = Readiness::new().unwrap();
        readiness.watch(&receiver, 7).unwrap();
        assert_eq!(readiness.wait(Duration::ZERO).unwrap().count(), 0);

        let before = SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let to = receiver.local_addr().unwrap();
        for number in 0..BATCH as u8 + 3 {
            sender.send_to(&[number; 100], to).unwrap();
        }
        assert_eq!(readiness.wait(Duration::from_secs(5)).unwrap().collect::<Vec<_>>(), [7]);

        let (mut batch, mut numbers) = (Batch::new(), Vec::new());
        let source = sender.local_addr().unwrap();
        while batch
            .read(receiver.as_raw_fd(), true, |datagram| {
                assert_eq!((datagram.contents.len(), datagram.source), (100, source));
                assert!(datagram.arrived.unwrap() >= before);
                numbers.push(datagram.contents[0]);
            })
            .unwrap()
        {}
        assert_eq!(numbers, (0..BATCH as u8 + 3).collect::<Vec<_>>());
        assert!(!batch.read(sender.as_raw_fd(), false, |_| panic!("nobody sent this")).unwrap());
    }
}
