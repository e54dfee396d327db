//! UDP in batches: `recvmmsg` with GRO on the way in, GSO on the way out, by `quinn-udp`.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSocketState};
use sfu_core::Transmit;
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::Config;
use crate::{StartError, interface_addresses};

/// A datagram with GRO can be as long as UDP allows.
const RECEIVE_BUFFER: usize = 65_535;

/// One socket of a worker.
#[derive(Debug)]
struct Bound {
    socket: UdpSocket,
    state: UdpSocketState,
    address: SocketAddr,
}

/// The sockets of one worker, one per bound address, on one port.
#[derive(Debug)]
pub(crate) struct Sockets {
    bound: Vec<Bound>,
    /// Addresses that can stand as a source where the socket is bound to all of them.
    local: Vec<IpAddr>,
}

impl Sockets {
    /// Opens the sockets of all workers. With port 0 the system chooses one for all.
    pub(crate) fn open(config: &Config, workers: usize) -> Result<Vec<Sockets>, StartError> {
        let mut port = config.udp_port;
        let mut local = config.bind.clone();
        for ipv4 in [true, false] {
            local.extend(interface_addresses(ipv4)?);
        }
        let mut all = Vec::new();
        let addresses = config.usable_addresses()?;
        for _ in 0..workers {
            let mut bound = Vec::new();
            for &ip in &addresses {
                let address = SocketAddr::new(ip, port);
                let socket = open(address, workers > 1, config.socket_buffer)
                    .map_err(|source| StartError::Bind { address, source })?;
                let state = UdpSocketState::new((&socket).into())?;
                let socket = UdpSocket::from_std(socket.into());
                let address = socket.local_addr()?;
                port = address.port();
                bound.push(Bound { socket, state, address });
            }
            all.push(Sockets { bound, local: local.clone() });
        }
        Ok(all)
    }

    pub(crate) fn port(&self) -> u16 {
        self.bound.first().map_or(0, |bound| bound.address.port())
    }

    /// How many sockets there are; they are numbered from 0.
    pub(crate) fn len(&self) -> usize {
        self.bound.len()
    }

    pub(crate) fn register(&mut self, registry: &Registry) -> io::Result<()> {
        for (index, bound) in self.bound.iter_mut().enumerate() {
            registry.register(&mut bound.socket, Token(index), Interest::READABLE)?;
        }
        Ok(())
    }

    /// Reads one batch and gives each datagram with its source and the local address it came
    /// to. False when there is nothing more to read.
    pub(crate) fn receive(
        &self,
        index: usize,
        buffers: &mut ReceiveBuffers,
        mut each: impl FnMut(SocketAddr, SocketAddr, &[u8]),
    ) -> bool {
        let bound = &self.bound[index];
        let mut slices: Vec<IoSliceMut<'_>> =
            buffers.bytes.chunks_mut(RECEIVE_BUFFER).map(IoSliceMut::new).collect();
        let received =
            match bound.state.recv((&bound.socket).into(), &mut slices, &mut buffers.meta) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
                Err(error) => {
                    // ICMP errors of earlier sends come up here; the socket is good all the same.
                    tracing::debug!(%error, "receiving");
                    return true;
                }
            };
        for (meta, slice) in buffers.meta.iter().zip(&slices).take(received) {
            let ip = meta.dst_ip.unwrap_or(bound.address.ip());
            let destination = SocketAddr::new(ip.to_canonical(), bound.address.port());
            let source = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            for datagram in slice[..meta.len].chunks(meta.stride.max(1)) {
                each(source, destination, datagram);
            }
        }
        true
    }

    /// Sends datagrams in order. Neighbours of one size to one destination leave in one call.
    /// What the system's buffer has no room for is lost, as on any network; returns how many.
    pub(crate) fn send(&self, transmits: &[Transmit], joined: &mut Vec<u8>) -> u64 {
        let mut lost = 0;
        let mut rest = transmits;
        while let [first, ..] = rest {
            let ipv4 = first.destination.is_ipv4();
            let Some(bound) = self.bound.iter().find(|b| b.address.is_ipv4() == ipv4) else {
                lost += 1;
                rest = &rest[1..];
                continue;
            };
            let count = run_length(rest, bound.state.max_gso_segments());
            let (run, after) = rest.split_at(count);
            rest = after;
            let size = first.contents.len();
            let contents = if count == 1 {
                first.contents.as_slice()
            } else {
                joined.clear();
                run.iter().for_each(|transmit| joined.extend_from_slice(&transmit.contents));
                joined.as_slice()
            };
            let source = first.source.ip();
            let is_open = bound.address.ip().is_unspecified() && self.local.contains(&source);
            let sent = bound.state.try_send(
                (&bound.socket).into(),
                &quinn_udp::Transmit {
                    destination: first.destination,
                    ecn: None,
                    contents,
                    segment_size: (count > 1).then_some(size),
                    src_ip: is_open.then_some(source),
                },
            );
            if let Err(error) = sent {
                tracing::debug!(%error, destination = %first.destination, "sending");
                lost += count as u64;
            }
        }
        lost
    }
}

/// How many of the first datagrams can leave in one call: one source and destination, one size
/// (the last may be shorter), and no more than a UDP datagram's bytes.
fn run_length(transmits: &[Transmit], max_segments: usize) -> usize {
    const MAX_BYTES: usize = 65_000;
    let Some(first) = transmits.first() else { return 0 };
    let size = first.contents.len();
    let limit = max_segments.min(MAX_BYTES / size.max(1)).max(1);
    let mut count = 1;
    for transmit in transmits.iter().take(limit).skip(1) {
        let same_way = (transmit.source, transmit.destination) == (first.source, first.destination);
        if !same_way || transmit.contents.len() > size {
            break;
        }
        count += 1;
        if transmit.contents.len() < size {
            break;
        }
    }
    count
}

/// What a worker reads into.
pub(crate) struct ReceiveBuffers {
    bytes: Vec<u8>,
    meta: Vec<RecvMeta>,
}

impl ReceiveBuffers {
    pub(crate) fn new() -> ReceiveBuffers {
        ReceiveBuffers {
            bytes: vec![0; RECEIVE_BUFFER * BATCH_SIZE],
            meta: vec![RecvMeta::default(); BATCH_SIZE],
        }
    }
}

fn open(address: SocketAddr, shared: bool, buffer: usize) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
    }
    // The system may grant less (net.core.rmem_max); that is not an error.
    socket.set_recv_buffer_size(buffer)?;
    socket.set_send_buffer_size(buffer)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transmit(port: u16, size: usize) -> Transmit {
        Transmit {
            transport: sfu_core::Transport::Udp,
            source: SocketAddr::from(([127, 0, 0, 1], 1)),
            destination: SocketAddr::from(([127, 0, 0, 1], port)),
            contents: vec![0; size],
        }
    }

    #[test]
    fn a_run_ends_after_a_shorter_datagram_and_before_a_longer_one() {
        let all = [transmit(1, 9), transmit(1, 9), transmit(1, 5), transmit(1, 9)];
        assert_eq!(run_length(&all, 64), 3);
        assert_eq!(run_length(&all[2..], 64), 1);
    }

    #[test]
    fn a_run_has_one_destination_and_no_more_than_the_system_takes() {
        assert_eq!(run_length(&[transmit(1, 9), transmit(2, 9)], 64), 1);
        let many: Vec<_> = (0..100).map(|_| transmit(1, 9)).collect();
        assert_eq!(run_length(&many, 64), 64);
        assert_eq!(run_length(&many, 1), 1);
    }
}
