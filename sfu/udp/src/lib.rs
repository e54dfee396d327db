//! UDP in batches: `recvmmsg` and GRO in, `sendmmsg` and GSO out, where the system has them.
//!
//! The media plane and the TURN server move most of their bytes through these sockets. Which
//! datagrams leave together is theirs to say; this moves them, and says how long to wait for more
//! ([`Pace`]).

#[cfg(target_os = "linux")]
mod batch;
#[cfg(target_os = "linux")]
mod divert;
mod pace;

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
#[cfg(target_os = "linux")]
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::event::Source;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
pub use quinn_udp::BATCH_SIZE;
use quinn_udp::{EcnCodepoint, RecvMeta, UdpSocketState};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

#[cfg(target_os = "linux")]
pub use divert::divert;
pub use pace::Pace;

/// A datagram's largest size, or that of several that came together.
const RECEIVE_BUFFER: usize = 1 << 16;

/// Datagrams that go one way together.
#[derive(Debug, Clone, Copy)]
pub struct Train<'a> {
    /// Where they go.
    pub destination: SocketAddr,
    /// Where they leave from, if the socket is bound to all addresses and it matters.
    pub source: Option<IpAddr>,
    /// One behind the other.
    pub contents: &'a [u8],
    /// The bytes of each; the last one may be shorter.
    pub size: usize,
}

impl Train<'_> {
    /// How many datagrams it is.
    pub fn datagrams(&self) -> usize {
        self.contents.len().div_ceil(self.size.max(1)).max(1)
    }
}

/// How the datagrams begin that are to come by sockets of their own ([`divert()`]).
#[derive(Debug, Clone, Copy)]
pub struct Beginning<'a> {
    /// Bits of the first byte that matter, and how they are.
    pub first: (u8, u8),
    /// The second byte is one of these; at most 200 of them.
    pub second: &'a [u8],
}

/// A datagram that came.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Where it comes from.
    pub source: SocketAddr,
    /// The local address that it came to.
    pub destination: SocketAddr,
    /// Its two bits of congestion notification (RFC 3168 §5).
    pub ecn: u8,
    /// When the system got it, since 1970, where it tells: of those that were diverted.
    pub came: Option<Duration>,
    /// Its bytes.
    pub contents: &'a [u8],
}

/// A UDP socket with what it can do.
#[derive(Debug)]
pub struct Datagrams {
    socket: UdpSocket,
    state: UdpSocketState,
    address: SocketAddr,
}

impl Datagrams {
    /// Opens a socket on an address. `shared`: other sockets are opened on the same one. `buffer`
    /// is what the system is asked to hold in each direction, in bytes; 0 leaves that to it.
    ///
    /// # Errors
    ///
    /// Those of the system: the port is taken, or the address is not this machine's.
    pub fn open(address: SocketAddr, shared: bool, buffer: usize) -> io::Result<Datagrams> {
        Datagrams::open_with(address, shared, buffer, false)
    }

    /// `timed`: the system tells when each datagram came.
    fn open_with(
        address: SocketAddr,
        shared: bool,
        buffer: usize,
        timed: bool,
    ) -> io::Result<Datagrams> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        if shared {
            socket.set_reuse_port(true)?;
        }
        // The system may grant less (net.core.rmem_max); that is not an error.
        if buffer > 0 {
            socket.set_recv_buffer_size(buffer)?;
            socket.set_send_buffer_size(buffer)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        Datagrams::on(socket.into(), timed)
    }

    fn on(socket: std::net::UdpSocket, timed: bool) -> io::Result<Datagrams> {
        let state = UdpSocketState::new((&socket).into())?;
        // `quinn-udp` asks for the time of each datagram. Most need none, and beside what else is told of
        // several datagrams that come as one there is no room left for the bits of congestion notification.
        #[cfg(target_os = "linux")]
        if !timed {
            set_option(&socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 0)?;
        }
        let address = socket.local_addr()?;
        Ok(Datagrams { socket: UdpSocket::from_std(socket), state, address })
    }

    /// The same socket once more, for another thread to send by.
    ///
    /// # Errors
    ///
    /// Those of the system: there are no descriptors left.
    pub fn again(&self) -> io::Result<Datagrams> {
        Datagrams::on(SockRef::from(&self.socket).try_clone()?.into(), false)
    }

    /// What the socket is bound to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets a poll tell when there is something to read.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        self.socket.register(registry, token, Interest::READABLE)
    }

    /// Takes that back.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        self.socket.deregister(registry)
    }

    /// Reads one batch, of `most` datagrams or [`BATCH_SIZE`], and gives each. False when there is
    /// nothing more to read: the poll tells of what comes from then on.
    pub fn receive(
        &self,
        most: usize,
        buffers: &mut ReceiveBuffers,
        mut each: impl FnMut(Arrival<'_>),
    ) -> bool {
        let ReceiveBuffers { bytes, meta } = buffers;
        let mut chunks = bytes.chunks_mut(RECEIVE_BUFFER);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let slices = &mut slices[..most.min(BATCH_SIZE)];
        let received = match self.state.recv((&self.socket).into(), slices, meta) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            Err(error) => {
                // ICMP errors of earlier sends come up here; the socket is good all the same.
                tracing::debug!(%error, "receiving");
                return true;
            }
        };
        for (meta, slice) in meta.iter().zip(slices.iter()).take(received) {
            let ip = meta.dst_ip.unwrap_or(self.address.ip());
            let destination = SocketAddr::new(ip, self.address.port());
            let ecn = meta.ecn.map_or(0, |ecn| ecn as u8);
            for contents in slice[..meta.len].chunks(meta.stride.max(1)) {
                each(Arrival {
                    source: meta.addr,
                    destination,
                    ecn,
                    came: meta.timestamp,
                    contents,
                });
            }
        }
        // A batch that is not full has emptied the socket.
        received == slices.len()
    }

    /// Sends the trains of `items` in order, many in a system call. Returns how many datagrams were
    /// lost: what the system has no room for, as on any network.
    pub fn send_all<'a, T>(&self, items: &'a [T], train: impl Fn(&'a T) -> Train<'a>) -> u64 {
        let mut lost = 0;
        let mut rest = items;
        while let Some(first) = rest.first() {
            let taken = self.send_batch(rest, &train);
            rest = &rest[taken..];
            if let (0, Some((_, others))) = (taken, rest.split_first()) {
                // Alone, or refused for a reason.
                lost += self.send(train(first));
                rest = others;
            }
        }
        lost
    }

    /// Sends a batch and returns how many of its trains are gone: none where the system has no
    /// such call, or does not take the first.
    fn send_batch<'a, T>(&self, items: &'a [T], train: impl Fn(&'a T) -> Train<'a>) -> usize {
        #[cfg(target_os = "linux")]
        if items.len() > 1 && train(&items[0]).datagrams() <= self.max_segments() {
            let unspecified = self.address.ip().is_unspecified();
            return batch::send(&self.socket, items, unspecified, train).unwrap_or(0);
        }
        0
    }

    /// Sends one train. Returns how many of its datagrams were lost.
    pub fn send(&self, train: Train<'_>) -> u64 {
        let Train { destination, contents, size, .. } = train;
        let source = train.source.filter(|_| self.address.ip().is_unspecified());
        if train.datagrams() == 1 && source.is_none() {
            // Nothing to tell beside the destination, and cheaper for it.
            let result = self.socket.send_to(contents, destination);
            if let Err(error) = &result {
                tracing::debug!(%error, %destination, "sending");
            }
            return u64::from(result.is_err());
        }
        let transmit = |contents: &[u8]| {
            self.state.try_send(
                (&self.socket).into(),
                &quinn_udp::Transmit {
                    destination,
                    ecn: None,
                    contents,
                    segment_size: (contents.len() > size).then_some(size),
                    src_ip: source,
                },
            )
        };
        let size = size.max(1);
        let mut lost = 0;
        // A system without segmentation takes one at a time.
        for run in contents.chunks(size * self.max_segments()) {
            lost += match transmit(run) {
                Ok(()) => 0,
                Err(error) if run.len() <= size || error.kind() == io::ErrorKind::WouldBlock => {
                    tracing::debug!(%error, %destination, "sending");
                    run.len().div_ceil(size) as u64
                }
                // Segments that are longer than the way's MTU cannot leave together.
                Err(_) => run.chunks(size).filter(|one| transmit(one).is_err()).count() as u64,
            };
        }
        lost
    }

    /// Sends one train, of as many datagrams as [`Datagrams::max_segments`] says at most, with these
    /// bits of congestion notification. What cannot leave is lost, as on any network.
    ///
    /// # Errors
    ///
    /// `WouldBlock`, when the system has no room for it now.
    pub fn try_send(&self, train: Train<'_>, ecn: u8) -> io::Result<()> {
        let Train { destination, contents, size, .. } = train;
        let sent = self.state.try_send(
            (&self.socket).into(),
            &quinn_udp::Transmit {
                destination,
                ecn: EcnCodepoint::from_bits(ecn),
                contents,
                segment_size: (contents.len() > size).then_some(size),
                src_ip: train.source.filter(|_| self.address.ip().is_unspecified()),
            },
        );
        match sent {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                tracing::debug!(%error, %destination, "sending");
                Ok(())
            }
            sent => sent,
        }
    }

    /// Whether the system may cut up what is too long for the way.
    pub fn may_fragment(&self) -> bool {
        self.state.may_fragment()
    }

    /// The most datagrams that leave as one train.
    pub fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Whether datagrams that are too long for the way are lost rather than cut up. They are from
    /// the start.
    ///
    /// # Errors
    ///
    /// Those of the system.
    #[cfg(target_os = "linux")]
    pub fn set_dont_fragment(&self, dont: bool) -> io::Result<()> {
        let (level, option) = match self.address {
            SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
            SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER),
        };
        let value: libc::c_int = if dont { libc::IP_PMTUDISC_DO } else { libc::IP_PMTUDISC_DONT };
        set_option(&self.socket, level, option, value)
    }
}

/// Other systems have no way to tell some datagrams from the rest.
///
/// # Errors
///
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn divert(_: &[&Datagrams], _: Beginning<'_>, _: usize) -> io::Result<Vec<Datagrams>> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(target_os = "linux")]
fn set_option(
    socket: &impl AsRawFd,
    level: libc::c_int,
    option: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as `socket`, and the option's value is an int that
    // lives until the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// What a thread reads into.
#[derive(Debug)]
pub struct ReceiveBuffers {
    bytes: Vec<u8>,
    meta: [RecvMeta; BATCH_SIZE],
}

impl Default for ReceiveBuffers {
    fn default() -> ReceiveBuffers {
        ReceiveBuffers {
            bytes: vec![0; RECEIVE_BUFFER * BATCH_SIZE],
            meta: [RecvMeta::default(); BATCH_SIZE],
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Sends to ourselves, by a socket for this address, and returns what comes, and what was lost.
    fn echo(bind: [u8; 4], trains: &[(Vec<u8>, usize)], count: usize) -> (Vec<Vec<u8>>, u64) {
        let socket = Datagrams::open((bind, 0).into(), false, 1 << 20).unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], socket.address().port()));
        let lost = socket.send_all(trains, |(contents, size)| Train {
            destination: address,
            source: Some(address.ip()),
            contents,
            size: *size,
        });
        let mut buffers = ReceiveBuffers::default();
        let mut came = Vec::new();
        let end = Instant::now() + Duration::from_secs(10);
        while came.len() < count && Instant::now() < end {
            socket.receive(BATCH_SIZE, &mut buffers, |arrival| {
                assert_eq!((arrival.source, arrival.destination), (address, address));
                came.push(arrival.contents.to_vec());
            });
        }
        (came, lost)
    }

    #[test]
    fn trains_arrive_as_their_datagrams_in_order() {
        for bind in [[127, 0, 0, 1], [0, 0, 0, 0]] {
            // More than one call takes.
            let trains: Vec<(Vec<u8>, usize)> =
                (0..50u8).flat_map(|n| [(vec![n; 2_500], 1_000), (vec![n; 10], 10)]).collect();
            let expected: Vec<Vec<u8>> = trains
                .iter()
                .flat_map(|(contents, size)| contents.chunks(*size))
                .map(<[u8]>::to_vec)
                .collect();
            assert_eq!(echo(bind, &trains, expected.len()), (expected, 0));
        }
    }

    #[test]
    fn the_same_socket_once_more_sends_by_its_address_with_marks() {
        let socket = Datagrams::open(([127, 0, 0, 1], 0).into(), false, 1 << 20).unwrap();
        let (again, address) = (socket.again().unwrap(), socket.address());
        let train = Train { destination: address, source: None, contents: &[7; 9], size: 5 };
        again.try_send(train, 0b10).unwrap();
        let (mut buffers, mut came) = (ReceiveBuffers::default(), Vec::new());
        let end = Instant::now() + Duration::from_secs(10);
        while came.len() < 2 && Instant::now() < end {
            socket.receive(BATCH_SIZE, &mut buffers, |arrival| {
                came.push((arrival.source, arrival.ecn, arrival.contents.len()));
            });
        }
        assert_eq!(came, [(address, 0b10, 5), (address, 0b10, 4)]);
    }

    #[test]
    fn a_train_longer_than_the_system_takes_arrives_whole() {
        let contents: Vec<u8> = (0..200u8).flat_map(|n| [n; 20]).collect();
        let trains = [(vec![7; 9], 9), (contents.clone(), 20), (vec![8; 9], 9)];
        let (came, lost) = echo([127, 0, 0, 1], &trains, 202);
        assert_eq!((came.len(), lost), (202, 0));
        assert_eq!(
            (came[0].as_slice(), came[201].as_slice()),
            ([7; 9].as_slice(), [8; 9].as_slice())
        );
        assert_eq!(came[1..201].concat(), contents);
    }

    #[test]
    fn what_cannot_be_sent_is_counted_and_the_rest_goes() {
        // Longer than UDP allows.
        let trains = [(vec![1; 5], 5), (vec![1; 70_000], 70_000), (vec![1; 6], 6)];
        let (came, lost) = echo([127, 0, 0, 1], &trains, 2);
        assert_eq!((came.iter().map(Vec::len).collect::<Vec<_>>(), lost), (vec![5, 6], 1));
    }
}
