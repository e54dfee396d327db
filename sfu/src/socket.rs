//! The UDP sockets of a worker, one per bound address, and which of them a train leaves by.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::{Registry, Token};
use oriel_udp::{Arrival, BATCH_SIZE, Datagrams, ReceiveBuffers, Train};
use sfu_core::Transmit;

use crate::config::Config;
use crate::{StartError, interface_addresses};

/// The sockets of one worker, one per bound address, on one port.
#[derive(Debug)]
pub(crate) struct Sockets {
    bound: Vec<Datagrams>,
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
                let socket = Datagrams::open(address, workers > 1, config.socket_buffer)
                    .map_err(|source| StartError::Bind { address, source })?;
                port = socket.address().port();
                bound.push(socket);
            }
            all.push(Sockets { bound, local: local.clone() });
        }
        Ok(all)
    }

    /// The same sockets once more, for another thread to send by.
    pub(crate) fn again(&self) -> io::Result<Sockets> {
        let bound = self.bound.iter().map(Datagrams::again).collect::<io::Result<_>>()?;
        Ok(Sockets { bound, local: self.local.clone() })
    }

    pub(crate) fn port(&self) -> u16 {
        self.address().map_or(0, |address| address.port())
    }

    /// How many sockets there are; they are numbered from 0.
    pub(crate) fn len(&self) -> usize {
        self.bound.len()
    }

    pub(crate) fn register(&mut self, registry: &Registry) -> io::Result<()> {
        for (index, bound) in self.bound.iter_mut().enumerate() {
            bound.register(registry, Token(index))?;
        }
        Ok(())
    }

    /// Reads one batch and gives each datagram. False when there is nothing more to read: the poll
    /// tells of what comes from then on.
    pub(crate) fn receive(
        &self,
        index: usize,
        buffers: &mut ReceiveBuffers,
        mut each: impl FnMut(Arrival<'_>),
    ) -> bool {
        let canonical =
            |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
        self.bound[index].receive(BATCH_SIZE, buffers, |arrival| {
            let (source, destination) = (canonical(arrival.source), canonical(arrival.destination));
            each(Arrival { source, destination, ..arrival });
        })
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
            lost += match self.bound.iter().find(|bound| bound.address().is_ipv4() == ipv4) {
                Some(bound) => bound.send_all(alike, |transmit| self.train(transmit)),
                None => alike.iter().map(|transmit| self.train(transmit).datagrams() as u64).sum(),
            };
            rest = others;
        }
        lost
    }

    /// Sends one train by the socket of its source, with these bits of congestion notification.
    ///
    /// # Errors
    /// `WouldBlock`, when the system has no room for it now; `AddrNotAvailable`, when no socket is of
    /// that family.
    pub(crate) fn try_send(&self, train: Train<'_>, ecn: u8) -> io::Result<()> {
        let alike =
            || self.bound.iter().filter(|b| b.address().is_ipv4() == train.destination.is_ipv4());
        let of_source = alike().find(|bound| train.source == Some(bound.address().ip()));
        match of_source.or_else(|| alike().next()) {
            Some(bound) => bound.try_send(train, ecn),
            None => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }

    /// The most datagrams that leave as one train.
    pub(crate) fn max_segments(&self) -> usize {
        self.bound.iter().map(Datagrams::max_segments).min().unwrap_or(1)
    }

    /// Whether the system may cut up what is too long for the way.
    pub(crate) fn may_fragment(&self) -> bool {
        self.bound.iter().any(Datagrams::may_fragment)
    }

    /// What the first socket is bound to.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.bound.first().map(Datagrams::address)
    }

    fn train<'a>(&self, transmit: &'a Transmit) -> Train<'a> {
        let source = transmit.source.ip();
        Train {
            destination: transmit.destination,
            source: self.local.contains(&source).then_some(source),
            contents: &transmit.contents,
            size: transmit.segment_size.unwrap_or(transmit.contents.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use sfu_core::Transport;

    use super::*;

    #[test]
    fn what_has_no_socket_is_counted_and_the_rest_goes() {
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
        assert_eq!(sockets.send(&[to(here, 5), to(other_family, 5), to(here, 6)]), 1);
        let mut sizes = Vec::new();
        let mut buffers = ReceiveBuffers::default();
        let end = Instant::now() + Duration::from_secs(10);
        while sizes.len() < 2 && Instant::now() < end {
            sockets.receive(0, &mut buffers, |arrival| sizes.push(arrival.contents.len()));
        }
        assert_eq!(sizes, [5, 6]);
    }
}
