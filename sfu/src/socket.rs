//! The UDP sockets of a worker, for each bound address one and one for reports, and which of them a train
//! leaves by.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::{Registry, Token};
use oriel_udp::{Arrival, BATCH_SIZE, Beginning, Datagrams, ReceiveBuffers, Train};
use sfu_core::Transmit;

use crate::config::Config;
use crate::{StartError, interface_addresses};

/// RTCP that tells how things go: sender, receiver and extended reports (RFC 3550 §6.4, RFC 3611 §2; told from
/// RTP by RFC 5761 §4). It can wait until there is something else to do. What asks for something, a resend or a
/// keyframe, has packets of its own (RFC 5506), and comes with all else.
const REPORTS_BEGIN: Beginning<'_> = Beginning { first: (0xc0, 0x80), second: &[200, 201, 207] };

/// What the poll calls the sockets of reports.
pub(crate) const REPORTS: Token = Token(usize::MAX - 1);

/// The sockets of one worker, on one port.
#[derive(Debug)]
pub(crate) struct Sockets {
    /// One per bound address.
    bound: Vec<Datagrams>,
    /// As many, where the system can tell reports from the rest ([`oriel_udp::divert`]); or none.
    reports: Vec<Datagrams>,
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
        let open = |address, shared| {
            Datagrams::open(address, shared, config.socket_buffer)
                .map_err(|source| StartError::Bind { address, source })
        };
        // Sockets that share a port would share it with another server's too.
        for &ip in addresses.iter().filter(|_| port != 0) {
            open(SocketAddr::new(ip, port), false)?;
        }
        for _ in 0..workers {
            let mut bound = Vec::new();
            for &ip in &addresses {
                let socket = open(SocketAddr::new(ip, port), true)?;
                port = socket.address().port();
                bound.push(socket);
            }
            all.push(Sockets { bound, reports: Vec::new(), local: local.clone() });
        }
        for index in 0..addresses.len() {
            let alike: Vec<&Datagrams> = all.iter().map(|sockets| &sockets.bound[index]).collect();
            match oriel_udp::divert(&alike, REPORTS_BEGIN, config.socket_buffer) {
                Ok(apart) => {
                    all.iter_mut().zip(apart).for_each(|(sockets, own)| sockets.reports.push(own));
                }
                Err(error) => tracing::debug!(%error, "reports come with all else"),
            }
        }
        Ok(all)
    }

    /// The same sockets once more, for another thread to send by.
    pub(crate) fn again(&self) -> io::Result<Sockets> {
        let bound = self.bound.iter().map(Datagrams::again).collect::<io::Result<_>>()?;
        Ok(Sockets { bound, reports: Vec::new(), local: self.local.clone() })
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

    /// Whether reports come apart, and wake nobody.
    pub(crate) fn have_reports_apart(&self) -> bool {
        !self.reports.is_empty()
    }

    /// Has reports wake the worker, or not any more.
    pub(crate) fn wake_for_reports(&mut self, wake: bool, registry: &Registry) -> io::Result<()> {
        for socket in &mut self.reports {
            if wake { socket.register(registry, REPORTS)? } else { socket.deregister(registry)? }
        }
        Ok(())
    }

    /// Reads reports, at most so many batches from each address, and gives each.
    pub(crate) fn receive_reports(
        &self,
        batches: usize,
        buffers: &mut ReceiveBuffers,
        mut each: impl FnMut(Arrival<'_>),
    ) {
        for socket in &self.reports {
            for _ in 0..batches {
                if !socket.receive(BATCH_SIZE, buffers, |arrival| each(canonical(arrival))) {
                    break;
                }
            }
        }
    }

    /// Reads one batch and gives each datagram. False when there is nothing more to read: the poll
    /// tells of what comes from then on.
    pub(crate) fn receive(
        &self,
        index: usize,
        buffers: &mut ReceiveBuffers,
        mut each: impl FnMut(Arrival<'_>),
    ) -> bool {
        self.bound[index].receive(BATCH_SIZE, buffers, |arrival| each(canonical(arrival)))
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

/// With IPv4 addresses as such.
fn canonical(arrival: Arrival<'_>) -> Arrival<'_> {
    let canonical =
        |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (source, destination) = (canonical(arrival.source), canonical(arrival.destination));
    Arrival { source, destination, ..arrival }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use sfu_core::Transport;

    use super::*;

    #[test]
    fn who_comes_second_is_told_that_the_port_is_taken() {
        let mut config =
            Config { bind: vec![[127, 0, 0, 1].into()], udp_port: 0, ..Config::default() };
        let first = Sockets::open(&config, 2).unwrap();
        config.udp_port = first[0].port();
        assert!(first.iter().all(|sockets| sockets.port() == config.udp_port));
        assert!(matches!(Sockets::open(&config, 2), Err(StartError::Bind { .. })));
        drop(first);
        Sockets::open(&config, 2).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn reports_come_apart_and_wake_nobody_unless_asked_to() {
        let config = Config { bind: vec![[127, 0, 0, 1].into()], udp_port: 0, ..Config::default() };
        let mut sockets = Sockets::open(&config, 1).unwrap().remove(0);
        assert!(sockets.have_reports_apart());
        let (mut poll, mut events) = (mio::Poll::new().unwrap(), mio::Events::with_capacity(4));
        sockets.register(poll.registry()).unwrap();
        let client = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let report = [0x80, 201, 0, 1];
        client.send_to(&report, ("127.0.0.1", sockets.port())).unwrap();
        let mut woken = |poll: &mut mio::Poll| {
            poll.poll(&mut events, Some(Duration::from_millis(50))).unwrap();
            events.iter().map(|event| event.token()).collect::<Vec<_>>()
        };
        assert_eq!(woken(&mut poll), []);
        sockets.wake_for_reports(true, poll.registry()).unwrap();
        assert_eq!(woken(&mut poll), [REPORTS], "also for what was there before");
        let (mut buffers, mut came) = (ReceiveBuffers::default(), Vec::new());
        sockets.receive_reports(4, &mut buffers, |arrival| came.push(arrival.contents.to_vec()));
        assert_eq!(came, [report]);
        sockets.wake_for_reports(false, poll.registry()).unwrap();
        client.send_to(&report, ("127.0.0.1", sockets.port())).unwrap();
        assert_eq!(woken(&mut poll), []);
    }

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
