//! UDP in batches: `recvmmsg` with GRO on the way in by `quinn-udp`, GSO on the way out, many
//! sends in a call where the system has that.

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
    /// to. False when there is nothing more to read: the poll tells of what comes from then on.
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
        // A batch that is not full has emptied the socket.
        received == buffers.meta.len()
    }

    /// Sends datagrams in order. What the system's buffer has no room for is lost, as on any
    /// network; returns how many.
    pub(crate) fn send(&self, transmits: &[Transmit]) -> u64 {
        let mut lost = 0;
        let mut rest = transmits;
        while let Some(first) = rest.first() {
            let ipv4 = first.destination.is_ipv4();
            let is_other = |transmit: &Transmit| transmit.destination.is_ipv4() != ipv4;
            let count = rest.iter().position(is_other).unwrap_or(rest.len());
            let (alike, others) = rest.split_at(count);
            lost += match self.bound.iter().find(|bound| bound.address.is_ipv4() == ipv4) {
                Some(bound) => self.send_from(bound, alike),
                None => alike.iter().map(|transmit| transmit.datagrams().len() as u64).sum(),
            };
            rest = others;
        }
        lost
    }

    #[cfg(target_os = "linux")]
    fn send_from(&self, bound: &Bound, transmits: &[Transmit]) -> u64 {
        let mut lost = 0;
        let mut rest = transmits;
        while let Some(first) = rest.first() {
            let sent = if first.datagrams().len() <= bound.state.max_gso_segments() {
                crate::batch::send(&bound.socket, rest, |t| self.source(bound, t)).unwrap_or(0)
            } else {
                0
            };
            rest = &rest[sent..];
            // What was not taken, if anything is left, was refused for a reason.
            if let (true, Some((first, others))) = (sent < crate::batch::SENDS, rest.split_first())
            {
                lost += self.send_one(bound, first);
                rest = others;
            }
        }
        lost
    }

    #[cfg(not(target_os = "linux"))]
    fn send_from(&self, bound: &Bound, transmits: &[Transmit]) -> u64 {
        transmits.iter().map(|transmit| self.send_one(bound, transmit)).sum()
    }

    /// The address that a datagram is to leave from, where the socket is bound to all.
    fn source(&self, bound: &Bound, transmit: &Transmit) -> Option<IpAddr> {
        let source = transmit.source.ip();
        (bound.address.ip().is_unspecified() && self.local.contains(&source)).then_some(source)
    }

    fn send_one(&self, bound: &Bound, transmit: &Transmit) -> u64 {
        let size = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        // A system without segmentation offload takes one at a time.
        let most = size * bound.state.max_gso_segments();
        let mut lost = 0;
        for contents in transmit.contents.chunks(most) {
            let sent = bound.state.try_send(
                (&bound.socket).into(),
                &quinn_udp::Transmit {
                    destination: transmit.destination,
                    ecn: None,
                    contents,
                    segment_size: (contents.len() > size).then_some(size),
                    src_ip: self.source(bound, transmit),
                },
            );
            if let Err(error) = sent {
                tracing::debug!(%error, destination = %transmit.destination, "sending");
                lost += contents.len().div_ceil(size) as u64;
            }
        }
        lost
    }
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
    use std::time::{Duration, Instant};

    use sfu_core::Transport;

    use super::*;

    /// Sends to ourselves, by a socket for this address, and returns what comes.
    fn echo(bind: [u8; 4], trains: &[(Vec<u8>, Option<usize>)], count: usize) -> Vec<Vec<u8>> {
        let config = Config { bind: vec![bind.into()], udp_port: 0, ..Config::default() };
        let sockets = Sockets::open(&config, 1).unwrap().remove(0);
        let address = SocketAddr::from(([127, 0, 0, 1], sockets.port()));
        let transmits: Vec<Transmit> = trains
            .iter()
            .map(|(contents, segment_size)| Transmit {
                transport: Transport::Udp,
                source: address,
                destination: address,
                contents: contents.clone(),
                segment_size: *segment_size,
            })
            .collect();
        assert_eq!(sockets.send(&transmits), 0);
        let mut buffers = ReceiveBuffers::new();
        let mut came = Vec::new();
        let end = Instant::now() + Duration::from_secs(10);
        while came.len() < count && Instant::now() < end {
            sockets.receive(0, &mut buffers, |source, destination, datagram| {
                assert_eq!((source, destination), (address, address));
                came.push(datagram.to_vec());
            });
        }
        came
    }

    #[test]
    fn trains_arrive_as_their_datagrams_in_order() {
        for bind in [[127, 0, 0, 1], [0, 0, 0, 0]] {
            // More than one call takes.
            let trains: Vec<(Vec<u8>, Option<usize>)> = (0..50u8)
                .flat_map(|n| [(vec![n; 2_500], Some(1_000)), (vec![n; 10], None)])
                .collect();
            let expected: Vec<Vec<u8>> = trains
                .iter()
                .flat_map(|(contents, size)| contents.chunks(size.unwrap_or(contents.len())))
                .map(<[u8]>::to_vec)
                .collect();
            assert_eq!(echo(bind, &trains, expected.len()), expected);
        }
    }

    #[test]
    fn a_train_longer_than_the_system_takes_arrives_whole() {
        let contents: Vec<u8> = (0..200u8).flat_map(|n| [n; 20]).collect();
        let trains = [(vec![7; 9], None), (contents.clone(), Some(20)), (vec![8; 9], None)];
        let came = echo([127, 0, 0, 1], &trains, 202);
        assert_eq!(came.len(), 202);
        assert_eq!(
            (came[0].as_slice(), came[201].as_slice()),
            ([7; 9].as_slice(), [8; 9].as_slice())
        );
        assert_eq!(came[1..201].concat(), contents);
    }

    #[test]
    fn what_cannot_be_sent_is_counted_and_the_rest_goes() {
        let config = Config { bind: vec![[127, 0, 0, 1].into()], udp_port: 0, ..Config::default() };
        let sockets = Sockets::open(&config, 1).unwrap().remove(0);
        let here = SocketAddr::from(([127, 0, 0, 1], sockets.port()));
        let to = |destination, size| Transmit {
            transport: Transport::Udp,
            source: here,
            destination,
            contents: vec![1; size],
            segment_size: None,
        };
        let other_family = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 9));
        // Longer than UDP allows, and an address family that has no socket.
        let transmits = [to(here, 5), to(here, 70_000), to(other_family, 5), to(here, 6)];
        assert_eq!(sockets.send(&transmits), 2);
        let mut sizes = Vec::new();
        let mut buffers = ReceiveBuffers::new();
        let end = Instant::now() + Duration::from_secs(10);
        while sizes.len() < 2 && Instant::now() < end {
            sockets.receive(0, &mut buffers, |_, _, datagram| sizes.push(datagram.len()));
        }
        assert_eq!(sizes, [5, 6]);
    }
}
