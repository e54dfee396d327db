//! What comes in: mails, datagrams, connections and what they carry.

use std::io;
use std::time::Instant;

use turn_core::stats::DropReason;
use turn_core::{FiveTuple, Input, Transport};

use super::{Relay, Source, Worker, datagrams};
use crate::mailbox::{Adopted, Mail};
use crate::relay_ports::RelaySocket;
use crate::stream::Stream;
use oriel_udp::{Arrival, BATCH_SIZE};

/// Batches read in a row from one socket: a flood must not starve the others.
const BATCHES_PER_TURN: usize = 4;

/// Datagrams read at once from a relay socket, which has seldom more than one.
const PEER_BATCH: usize = 8;

/// Mails taken, and connections accepted in a row, for the same reason.
const MAILS_PER_TURN: usize = 1_024;
const ACCEPTS_PER_TURN: usize = 64;

impl Worker {
    pub(super) fn read_mail(&mut self, now: Instant) -> bool {
        self.plan.mailboxes[usize::from(self.plan.index)].rearm();
        self.has_mail = true;
        for _ in 0..MAILS_PER_TURN {
            let mailbox = &self.plan.mailboxes[usize::from(self.plan.index)];
            match mailbox.take() {
                None => {
                    self.has_mail = false;
                    break;
                }
                Some(Mail::Stop) => return false,
                Some(Mail::Drain) => self.server.handle(now, Input::Drain),
                Some(Mail::HandedOver { from, to, contents }) => {
                    let contents = &contents;
                    self.server.handle(now, Input::HandedOver { from, to, contents });
                }
                Some(Mail::Announced { worker, protocol, relay, open }) => {
                    self.server.handle(now, Input::Announced { worker, protocol, relay, open });
                }
                Some(Mail::Adopted(adopted)) => self.adopt(*adopted, now),
                Some(Mail::Client { stream, request }) => self.take_over(*stream, &request, now),
            }
        }
        while let Some((worker, mail)) = self.unposted.pop_front() {
            if let Err(mail) = self.plan.mailboxes[worker].post(mail) {
                self.unposted.push_front((worker, mail));
                break;
            }
        }
        true
    }

    pub(super) fn read_udp(&mut self, index: usize, now: Instant) -> bool {
        let Worker { server, dtls, ports, buffers, .. } = self;
        let socket = &ports.udp[index];
        let mut each = |Arrival { source: client, destination: to, contents, .. }: Arrival<'_>| {
            let is_dtls = contents.first().is_some_and(|first| (20..64).contains(first));
            if !is_dtls {
                let from = FiveTuple { client, server: to, transport: Transport::Udp };
                return server.handle(now, Input::Message { from, contents });
            }
            let Some(dtls) = dtls else { return server.stats().drop(DropReason::BadDtls, 1) };
            let from = FiveTuple { client, server: to, transport: Transport::Dtls };
            let send = |to: &FiveTuple, packet: &[u8]| {
                socket.send(datagrams(to, packet, packet.len()));
            };
            let result = dtls.receive(now, from, contents, send, |contents| {
                server.handle(now, Input::Message { from, contents });
            });
            match result {
                Ok(true) => {}
                Ok(false) => server.handle(now, Input::Closed { from }),
                Err(_) => server.stats().drop(DropReason::BadDtls, 1),
            }
        };
        (0..BATCHES_PER_TURN).all(|_| socket.receive(BATCH_SIZE, buffers, &mut each))
    }

    pub(super) fn read_relay(&mut self, index: usize, now: Instant) -> bool {
        let Worker { server, relays, buffers, .. } = self;
        let Some(Relay { key, socket, .. }) = relays.get(index) else { return false };
        let RelaySocket::Udp(socket) = socket else { return self.accept_peers(index, now) };
        let mut each = |Arrival { source: from, contents, .. }: Arrival<'_>| {
            server.handle(now, Input::Peer { to: *key, from, contents });
        };
        (0..BATCHES_PER_TURN).all(|_| socket.receive(PEER_BATCH, buffers, &mut each))
    }

    pub(super) fn accept(&mut self, index: usize, now: Instant) -> bool {
        for _ in 0..ACCEPTS_PER_TURN {
            let (socket, client) = match self.ports.accept(index) {
                Ok(accepted) => accepted,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    // No more open files, as a rule: the sweep looks again, when there may be.
                    tracing::warn!(%error, "a TURN connection cannot be accepted");
                    return false;
                }
            };
            let behind_proxy = self
                .plan
                .proxies
                .iter()
                .any(|network| network.contains(client.ip().to_canonical()));
            match Stream::new(socket, client, behind_proxy, now) {
                Ok(stream) => {
                    self.add_stream(stream);
                }
                Err(error) => tracing::debug!(%error, "a TURN connection is gone"),
            }
        }
        true
    }

    fn adopt(&mut self, adopted: Adopted, now: Instant) {
        match Stream::adopt(adopted, now) {
            Ok(stream) => {
                self.add_stream(stream);
            }
            Err(error) => tracing::debug!(%error, "a TURN connection is gone"),
        }
    }

    /// A stream that another worker had; its request is for a connection that is here.
    fn take_over(&mut self, stream: Stream, request: &[u8], now: Instant) {
        let Some(from) = stream.tuple() else { return };
        if let Some(index) = self.add_stream(stream)
            && *self.stream_of.entry(from).or_insert(index) == index
        {
            self.server.handle(now, Input::Message { from, contents: request });
            // What follows the request is data, if the server says so before it is read.
            self.write(now);
        }
    }

    /// Where the stream is; `None` if there is no room for it.
    fn add_stream(&mut self, mut stream: Stream) -> Option<usize> {
        if self.streams.len() >= self.plan.max_connections {
            tracing::debug!("turn.max_connections is reached");
            return None;
        }
        let entry = self.streams.vacant_entry();
        let (index, source) = (entry.key(), Source::Stream(entry.key()));
        if let Err(error) = stream.register(self.poll.registry(), source.token()) {
            tracing::debug!(%error, "a TURN connection is gone");
            return None;
        }
        entry.insert(stream);
        self.ready.push(source);
        Some(index)
    }

    pub(super) fn read_stream(&mut self, index: usize, now: Instant) -> bool {
        let Worker { server, streams, stream_of, plan, scratch, .. } = self;
        let Some(stream) = streams.get_mut(index) else { return false };
        if let Some(connection) = stream.joined {
            return self.pump(connection, now);
        }
        let tls = plan.tls.as_ref().map(|tls| &tls.config);
        let is_known = stream.tuple().is_some_and(|tuple| server.is_known(&tuple));
        let result = stream.receive(tls, scratch, is_known, |from, contents| {
            server.handle(now, Input::Message { from, contents });
        });
        let flushed = stream.flush();
        if let Some(tuple) = stream.tuple() {
            let owner = *stream_of.entry(tuple).or_insert(index);
            if owner != index {
                // A balancer says of two connections that they are one client's.
                self.close(index, now);
                return false;
            }
        }
        match (result, flushed) {
            (Ok(has_more), Ok(())) => has_more,
            _ => {
                // What was asked before the end is answered first.
                self.write(now);
                self.close(index, now);
                false
            }
        }
    }

    pub(super) fn close(&mut self, index: usize, now: Instant) {
        if let Some(stream) = self.remove_stream(index)
            && let Some(from) = stream.tuple()
        {
            self.server.handle(now, Input::Closed { from });
        }
    }

    pub(super) fn remove_stream(&mut self, index: usize) -> Option<Stream> {
        let mut stream = self.streams.try_remove(index)?;
        if let Err(error) = stream.deregister(self.poll.registry()) {
            tracing::debug!(%error, "closing");
        }
        if let Some(from) = stream.tuple()
            && self.stream_of.get(&from) == Some(&index)
        {
            self.stream_of.remove(&from);
        }
        Some(stream)
    }
}
