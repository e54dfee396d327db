//! What is relayed: from a client to a peer, and back. No lock, and no allocation per packet: the
//! payload is copied once, into the arena that the shell sends from.

use std::net::SocketAddr;

use crate::allocation::AllocationKey;
use crate::five_tuple::FiveTuple;
use crate::frame;
use crate::message::Family;
use crate::output::{Output, Protocol, RelayKey};
use crate::server::{Owner, Server};
use crate::stats::{Direction, DropReason};

impl Server {
    pub(crate) fn on_channel_data(&mut self, from: &FiveTuple, contents: &[u8]) {
        let Some((number, payload)) = frame::channel_data(contents) else {
            return self.stats.drop(DropReason::Malformed, 1);
        };
        let Some(key) = self.table.key_of(from) else {
            return self.stats.drop(DropReason::NoAllocation, 1);
        };
        let peer = self.table.get(key).and_then(|found| found.peer_of(number, self.now));
        match peer {
            Some(peer) => self.relay_out(key, peer, payload, false),
            None => self.stats.drop(DropReason::NoChannel, 1),
        }
    }

    pub(crate) fn on_send_indication(&mut self, from: &FiveTuple, contents: &[u8]) {
        let Some(send) = frame::send_indication(contents) else {
            return self.stats.drop(DropReason::Malformed, 1);
        };
        match self.table.key_of(from) {
            Some(key) => self.relay_out(key, send.peer, send.data, send.dont_fragment),
            None => self.stats.drop(DropReason::NoAllocation, 1),
        }
    }

    fn relay_out(
        &mut self,
        key: AllocationKey,
        peer: SocketAddr,
        payload: &[u8],
        dont_fragment: bool,
    ) {
        let family = Family::of(peer);
        let Some(allocation) = self.table.get_mut(key) else { return };
        if allocation.protocol != Protocol::Udp {
            return self.stats.drop(DropReason::TcpAllocation, 1);
        }
        let Some(own) = allocation.relay(family) else {
            return self.stats.drop(DropReason::WrongFamily, 1);
        };
        if !allocation.permits(peer.ip(), self.now) {
            return self.stats.drop(DropReason::NoPermission, 1);
        }
        if !allocation.bandwidth.take(payload.len(), self.now) {
            return self.stats.drop(DropReason::Bandwidth, 1);
        }
        let owner = if self.config.policy.is_own(peer.ip()) {
            self.owner(Protocol::Udp, &peer)
        } else {
            None
        };
        match owner {
            Some(Owner::Here(other)) => {
                self.stats.relay(Direction::ToPeer, payload.len());
                self.relay_in(other, own, payload);
            }
            Some(Owner::Worker(worker)) => {
                self.stats.handed_over += 1;
                let contents = self.append(|arena| arena.extend_from_slice(payload));
                self.outputs.push_back(Output::HandOver { worker, from: own, to: peer, contents });
            }
            None if self.config.policy.allows(Protocol::Udp, peer) => {
                self.stats.relay(Direction::ToPeer, payload.len());
                let by = RelayKey { allocation: key, family };
                let contents = self.append(|arena| arena.extend_from_slice(payload));
                self.outputs.push_back(Output::Relay { by, to: peer, dont_fragment, contents });
            }
            None => self.stats.drop(DropReason::Denied, 1),
        }
    }

    pub(crate) fn on_peer(&mut self, key: AllocationKey, from: SocketAddr, payload: &[u8]) {
        if self.config.policy.allows(Protocol::Udp, from) {
            self.relay_in(key, from, payload);
        } else {
            self.stats.drop(DropReason::Denied, 1);
        }
    }

    pub(crate) fn on_handed_over(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        match self.owner(Protocol::Udp, &to) {
            Some(Owner::Here(key)) => self.relay_in(key, from, payload),
            _ => self.stats.drop(DropReason::NoAllocation, 1),
        }
    }

    /// From a peer that the policy allows, or that is an allocation of this process.
    fn relay_in(&mut self, key: AllocationKey, from: SocketAddr, payload: &[u8]) {
        let now = self.now;
        let Some(allocation) = self.table.get_mut(key) else {
            return self.stats.drop(DropReason::NoAllocation, 1);
        };
        if !allocation.permits(from.ip(), now) {
            return self.stats.drop(DropReason::NoPermission, 1);
        }
        if !allocation.bandwidth.take(payload.len(), now) {
            return self.stats.drop(DropReason::Bandwidth, 1);
        }
        let (to, channel) = (allocation.tuple, allocation.channel_of(from, now));
        self.stats.relay(Direction::ToClient, payload.len());
        self.serial += 1;
        let serial = self.serial;
        let contents = self.append(|arena| match channel {
            Some(number) => {
                frame::write_channel_data(arena, number, payload, to.transport.is_stream());
            }
            None => frame::write_data_indication(arena, from, payload, serial),
        });
        self.outputs.push_back(Output::Send { to, contents });
    }
}
