//! What goes out: the server's outputs, in batches where they touch.

use std::time::Instant;

use turn_core::stats::DropReason;
use turn_core::{FiveTuple, Input, Output, Span, Transport};

use super::relays::Wanted;
use super::{Contents, Departure, Destination, Worker, datagrams};
use crate::mailbox::Mail;
use crate::stream::Stream;
use oriel_udp::{Datagrams, Train};

/// The most bytes that leave in one call.
const MAX_RUN: usize = 65_000;

impl Worker {
    pub(super) fn write(&mut self, now: Instant) {
        loop {
            let (mut wanted, mut joined, mut unmade) = (Vec::new(), Vec::new(), Vec::new());
            while let Some(output) = self.server.poll() {
                match output {
                    Output::Send { to, contents } => {
                        self.to_clients.push((Destination::Client(to), contents));
                    }
                    Output::Relay { by, to, dont_fragment, contents } => {
                        let to = Destination::Peer { by, to, dont_fragment };
                        self.to_peers.push((to, contents));
                    }
                    Output::Bind { allocation, holder, protocol, families, port } => {
                        wanted.push(Wanted { allocation, holder, protocol, families, port });
                    }
                    Output::Release { relay } => self.release(relay),
                    Output::Ended { allocation } => self.end(allocation),
                    Output::HandOver { worker, from, to, contents } => {
                        let contents = self.server.bytes(&contents).to_vec();
                        let mail = Mail::HandedOver { from, to, contents };
                        if self.plan.mailboxes[usize::from(worker)].post(mail).is_err() {
                            self.server.stats().drop(DropReason::WorkerBusy, 1);
                        }
                    }
                    Output::Announce { protocol, relay, open } => {
                        self.announce(protocol, relay, open);
                    }
                    Output::Connect { by, to, connection } => unmade
                        .extend(self.connect(by, to, connection).is_err().then_some(connection)),
                    Output::Accept { socket, connection } => self.accepted(socket, connection),
                    Output::Refuse { socket } => self.remove_connection(socket),
                    Output::Join { client, connection } => joined.push((client, connection)),
                    Output::Disconnect { connection } => self.disconnect(connection),
                    Output::HandOverClient { worker, client, contents } => {
                        let request = self.server.bytes(&contents).to_vec();
                        self.hand_over(worker, &client, request);
                    }
                }
            }
            self.send();
            for (client, connection) in joined {
                self.join(&client, connection);
            }
            if wanted.is_empty() && unmade.is_empty() {
                break;
            }
            for wanted in wanted {
                self.bind(wanted, now);
            }
            for connection in unmade {
                self.server.handle(now, Input::Disconnected { connection });
            }
        }
        for index in std::mem::take(&mut self.broken) {
            self.close(index, now);
        }
    }

    /// Sends, what goes the same way in order. Clients come first: their datagrams leave in one call,
    /// whoever they are for, and peers that are woken by this thread are so while others run already.
    fn send(&mut self) {
        let mut sends = std::mem::take(&mut self.to_clients);
        self.send_each(&sends);
        sends.clear();
        self.to_clients = sends;
        self.depart();
        self.flush();
        let mut sends = std::mem::take(&mut self.to_peers);
        self.send_each(&sends);
        sends.clear();
        self.to_peers = sends;
    }

    /// Sends what goes one way, one after the other, in one call.
    fn send_each(&mut self, sends: &[(Destination, Span)]) {
        let mut rest = sends;
        while let [(destination, first), ..] = rest {
            let limit = self.run_limit(destination);
            let (mut run, mut count) = (first.clone(), 1);
            while let Some((next_destination, next)) = rest.get(count)
                && next_destination == destination
                && count < limit
                && run.len() + next.len() <= MAX_RUN
                // Datagrams that leave together have one size, and the last may be shorter.
                && (self.is_stream(destination)
                    || run.len() == first.len() * count && next.len() <= first.len())
                && let Some(joined) = run.join(next)
            {
                run = joined;
                count += 1;
            }
            match *destination {
                Destination::Client(to) if to.transport == Transport::Udp => {
                    let contents = Contents::Clear(run);
                    self.departing.push(Departure { to, contents, size: first.len() });
                }
                Destination::Client(to) if to.transport == Transport::Dtls => self.seal(to, &run),
                _ => self.send_run(destination, &run, first.len(), count as u64),
            }
            rest = &rest[count..];
        }
    }

    /// Gives streams what was written to them.
    fn flush(&mut self) {
        for index in std::mem::take(&mut self.unflushed) {
            let flushed = self.streams.get_mut(index).map(Stream::flush);
            if let Some(Err(_)) = flushed {
                self.broken.push(index);
            }
        }
    }

    /// Makes a DTLS record of a message, and adds it to the train that is for this client, if it fits.
    fn seal(&mut self, to: FiveTuple, message: &Span) {
        let Worker { server, ports, dtls, departing, sealed, .. } = self;
        let (begin, most) = (sealed.len(), ports.udp.first().map_or(1, Datagrams::max_segments));
        if !dtls.as_mut().is_some_and(|dtls| dtls.seal(&to, server.bytes(message), sealed)) {
            return server.stats().drop(DropReason::ClientGone, 1);
        }
        let size = sealed.len() - begin;
        if let Some(Departure { to: last, contents: Contents::Sealed(train), size: first }) =
            departing.last_mut()
            && *last == to
            && train.len().is_multiple_of(*first)
            && size <= *first
            && train.len() < *first * most
            && train.len() + size <= MAX_RUN
        {
            train.end = sealed.len();
            return;
        }
        departing.push(Departure { to, contents: Contents::Sealed(begin..sealed.len()), size });
    }

    /// Sends the trains that are for clients.
    fn depart(&mut self) {
        let Worker { server, ports, departing, sealed, .. } = self;
        let bytes = |contents: &Contents| match contents {
            Contents::Clear(run) => server.bytes(run),
            Contents::Sealed(train) => &sealed[train.clone()],
        };
        let mut lost = 0;
        for trains in departing.chunk_by(|one, other| one.to.server == other.to.server) {
            let train = |train: &Departure| -> Train<'_> {
                datagrams(&train.to, bytes(&train.contents), train.size)
            };
            lost += match ports.udp_at(trains[0].to.server) {
                Some(socket) => socket.send_all(trains, train),
                None => {
                    let count =
                        |train: &Departure| bytes(&train.contents).len().div_ceil(train.size);
                    trains.iter().map(count).sum::<usize>() as u64
                }
            };
        }
        server.stats().drop(DropReason::SendFailed, lost);
        departing.clear();
        sealed.clear();
    }

    fn is_stream(&self, destination: &Destination) -> bool {
        matches!(destination, Destination::Client(tuple) if tuple.transport.is_stream())
    }

    fn run_limit(&self, destination: &Destination) -> usize {
        match destination {
            // A record per message: some clients, coturn's among them, take one for the other.
            Destination::Client(FiveTuple {
                transport: Transport::Tls | Transport::Dtls, ..
            }) => 1,
            Destination::Client(tuple) if tuple.transport.is_stream() => usize::MAX,
            _ => self.ports.udp.first().map_or(1, Datagrams::max_segments),
        }
    }

    fn send_run(&mut self, destination: &Destination, run: &Span, size: usize, count: u64) {
        let Worker { server, relays, relay_of, streams, stream_of, unflushed, .. } = self;
        let bytes = server.bytes(run);
        let (lost, reason) = match destination {
            Destination::Peer { by, to, dont_fragment } => {
                let relay = relay_of.get(by).and_then(|&index| relays.get(index));
                let socket = relay.and_then(|relay| relay.socket.as_udp());
                let train = Train { destination: *to, source: None, contents: bytes, size };
                let lost = socket.map_or(count, |socket| {
                    if !dont_fragment {
                        return socket.send(train);
                    }
                    let set = socket.set_dont_fragment(true);
                    let lost = socket.send(train);
                    let reset = socket.set_dont_fragment(false);
                    if set.and(reset).is_err() { count } else { lost }
                });
                (lost, DropReason::SendFailed)
            }
            Destination::Client(to) => match to.transport {
                // These leave together.
                Transport::Udp | Transport::Dtls => return,
                Transport::Tcp | Transport::Tls => match stream_of.get(to) {
                    Some(&index) if streams[index].send(bytes) => {
                        unflushed.push(index);
                        (0, DropReason::ClientBehind)
                    }
                    Some(_) => (count, DropReason::ClientBehind),
                    None => (count, DropReason::ClientGone),
                },
            },
        };
        server.stats().drop(reason, lost);
    }
}
