//! Relay sockets: opened and closed as the server says, and made known to the other workers.

use std::net::SocketAddr;
use std::sync::PoisonError;
use std::time::Instant;

use turn_core::{AllocationKey, BindError, Family, Holder, Input, Port, Protocol, RelayKey};

use super::{Relay, Source, Worker};
use crate::mailbox::Mail;

/// Relay sockets that the server asks for.
pub(super) struct Wanted {
    pub(super) allocation: AllocationKey,
    pub(super) holder: Holder,
    pub(super) protocol: Protocol,
    pub(super) families: [bool; 2],
    pub(super) port: Port,
}

impl Worker {
    pub(super) fn bind(&mut self, wanted: Wanted, now: Instant) {
        let Wanted { allocation, holder, protocol, families, port } = wanted;
        let opened = {
            // Whole between any two calls, so a panic elsewhere leaves it usable.
            let mut ports = self.plan.relay_ports.lock().unwrap_or_else(PoisonError::into_inner);
            ports.open(&holder, protocol, families, port, now)
        };
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => return self.server.handle(now, Input::BindFailed { allocation, error }),
        };
        self.holders.insert(allocation, holder);
        let mut relays = [None; 2];
        for (relay, family) in opened.relays.into_iter().zip([Family::V4, Family::V6]) {
            let Some(relay) = relay else { continue };
            let key = RelayKey { allocation, family };
            let mut socket = relay.socket;
            let entry = self.relays.vacant_entry();
            let source = Source::Relay(entry.key());
            if let Err(error) = socket.register(self.poll.registry(), source.token()) {
                tracing::warn!(%error, "a relay socket cannot be watched");
                continue;
            }
            self.relay_of.insert(key, entry.key());
            entry.insert(Relay { key, socket, advertised: relay.advertised, protocol });
            // A reserved port may have got datagrams before.
            self.ready.push(source);
            relays[family as usize] = Some(relay.advertised);
        }
        if relays == [None; 2] {
            self.end(allocation);
            let error = BindError::Capacity;
            return self.server.handle(now, Input::BindFailed { allocation, error });
        }
        let reservation = opened.reservation;
        self.server.handle(now, Input::Bound { allocation, relays, reservation });
    }

    pub(super) fn release(&mut self, relay: RelayKey) {
        let Some(index) = self.relay_of.remove(&relay) else { return };
        let mut relay = self.relays.remove(index);
        if let Err(error) = relay.socket.deregister(self.poll.registry()) {
            tracing::debug!(%error, "closing a relay socket");
        }
    }

    pub(super) fn end(&mut self, allocation: AllocationKey) {
        if let Some(holder) = self.holders.remove(&allocation) {
            let ports = &self.plan.relay_ports;
            ports.lock().unwrap_or_else(PoisonError::into_inner).leave(&holder);
        }
    }

    pub(super) fn announce(&mut self, protocol: Protocol, relay: SocketAddr, open: bool) {
        let worker = self.plan.index;
        for (index, mailbox) in self.plan.mailboxes.iter().enumerate() {
            if index == usize::from(worker) {
                continue;
            }
            // In order: what waits already goes first.
            let waits = self.unposted.iter().any(|(waiting, _)| *waiting == index);
            let mail = Mail::Announced { worker, protocol, relay, open };
            let refused = if waits { Err(mail) } else { mailbox.post(mail) };
            if let Err(mail) = refused {
                self.unposted.push_back((index, mail));
            }
        }
    }
}
