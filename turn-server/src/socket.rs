//! UDP in batches: `recvmmsg` and GRO in, GSO out.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
pub(crate) use quinn_udp::BATCH_SIZE;
use quinn_udp::{RecvMeta, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};

/// A datagram's largest size, or that of several that came together.
const RECEIVE_BUFFER: usize = 1 << 16;

/// A UDP socket with what it can do.
#[derive(Debug)]
pub(crate) struct Datagrams {
    socket: UdpSocket,
    state: UdpSocketState,
    address: SocketAddr,
}

impl Datagrams {
    /// Opens a socket. `shared`: other workers have one on the same port.
    pub(crate) fn open(address: SocketAddr, shared: bool, buffer: usize) -> io::Result<Datagrams> {
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
        let state = UdpSocketState::new((&socket).into())?;
        let socket = UdpSocket::from_std(socket.into());
        let address = socket.local_addr()?;
        let datagrams = Datagrams { socket, state, address };
        // For QUIC's sake datagrams are never fragmented; TURN leaves that to the client.
        datagrams.set_dont_fragment(false)?;
        Ok(datagrams)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.socket, token, Interest::READABLE)
    }

    pub(crate) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut self.socket)
    }

    /// Reads one batch, of [`BATCH_SIZE`] datagrams at most, and gives each with its source and the
    /// local address it came to. False when there is nothing more to read.
    pub(crate) fn receive(
        &self,
        most: usize,
        buffers: &mut ReceiveBuffers,
        mut each: impl FnMut(SocketAddr, SocketAddr, &[u8]),
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
            let to = SocketAddr::new(ip, self.address.port());
            for datagram in slice[..meta.len].chunks(meta.stride.max(1)) {
                each(meta.addr, to, datagram);
            }
        }
        // Whatever comes from now on, the poll tells.
        received == slices.len()
    }

    /// Sends datagrams of `size` bytes each, the last one maybe shorter. Returns how many were
    /// lost: what the system has no room for, as on any network.
    pub(crate) fn send(
        &self,
        source: Option<IpAddr>,
        destination: SocketAddr,
        contents: &[u8],
        size: usize,
    ) -> u64 {
        let source = source.filter(|_| self.address.ip().is_unspecified());
        let count = contents.len().div_ceil(size.max(1)).max(1);
        if count == 1 && source.is_none() {
            // Nothing to tell beside the destination, and cheaper for it.
            let result = self.socket.send_to(contents, destination);
            if let Err(error) = &result {
                tracing::debug!(%error, %destination, "sending");
            }
            return u64::from(result.is_err());
        }
        let transmit = |contents, segment_size| {
            self.state.try_send(
                (&self.socket).into(),
                &quinn_udp::Transmit {
                    destination,
                    ecn: None,
                    contents,
                    segment_size,
                    src_ip: source,
                },
            )
        };
        match transmit(contents, (count > 1).then_some(size)) {
            Ok(()) => 0,
            Err(error) if count == 1 || error.kind() == io::ErrorKind::WouldBlock => {
                tracing::debug!(%error, %destination, "sending");
                count as u64
            }
            // Segments that are longer than the way's MTU cannot leave together.
            Err(_) => {
                let failed = contents.chunks(size).filter(|one| transmit(one, None).is_err());
                failed.count() as u64
            }
        }
    }

    /// The most datagrams that leave in one call.
    pub(crate) fn max_segments(&self) -> usize {
        self.state.max_gso_segments()
    }

    /// Whether datagrams that are too long for the way are lost rather than cut up.
    pub(crate) fn set_dont_fragment(&self, dont: bool) -> io::Result<()> {
        let (level, option) = match self.address {
            SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
            SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER),
        };
        let value: libc::c_int = if dont { libc::IP_PMTUDISC_DO } else { libc::IP_PMTUDISC_DONT };
        // SAFETY: the descriptor is open as long as `self`, and the option's value is an int that
        // lives until the call returns.
        let result = unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                level,
                option,
                (&raw const value).cast(),
                size_of_val(&value) as libc::socklen_t,
            )
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}

/// What a worker reads into.
pub(crate) struct ReceiveBuffers {
    bytes: Vec<u8>,
    meta: [RecvMeta; BATCH_SIZE],
}

impl ReceiveBuffers {
    pub(crate) fn new() -> ReceiveBuffers {
        ReceiveBuffers {
            bytes: vec![0; RECEIVE_BUFFER * BATCH_SIZE],
            meta: [RecvMeta::default(); BATCH_SIZE],
        }
    }
}
