//! Datagrams: whose they are, and the way to another worker for those that are none of ours.

use std::net::SocketAddr;

use super::{Datagram, Engine, Output};
use crate::demux::{Owner, Place, Protocol, Transport};
use crate::path::Route;
use crate::stats::DropReason;
use crate::stun;

impl Engine {
    pub(super) fn on_datagram(&mut self, datagram: &Datagram<'_>, via: Option<u16>) {
        let session = match Protocol::of(datagram.contents) {
            None => Err(DropReason::NotMedia),
            Some(Protocol::Stun) => match stun::receiver_ufrag(datagram.contents) {
                Some(ufrag) => self.session_of_check(datagram, ufrag, via),
                None => self.session_of_address(datagram, via),
            },
            Some(Protocol::Dtls | Protocol::Rtp) => self.session_of_address(datagram, via),
        };
        let index = match session {
            Ok(Some(index)) => index,
            Ok(None) => return,
            Err(reason) => return self.stats.drop(reason),
        };
        let route = Route { local: self.candidate_for(datagram), remote: datagram.endpoint() };
        let Some(session) = &mut self.sessions[index] else { return };
        session.receive(route, datagram, self.now, &mut self.outbox);
        self.digest(index);
        // A receiver may miss packets, and an acknowledgement may have made room in SCTP.
        if let Some(session) = &mut self.sessions[index]
            && (session.has_resends() || session.has_backlog())
        {
            self.departures.add(index, session);
        }
    }

    /// The session that a STUN check is for, if it can prove itself or has done so before.
    /// `Ok(None)`: it went to the worker that its ufrag names.
    fn session_of_check(
        &mut self,
        datagram: &Datagram<'_>,
        ufrag: &str,
        via: Option<u16>,
    ) -> Result<Option<usize>, DropReason> {
        let Some(index) = self.demux.session_of_ufrag(ufrag) else {
            let here = self.config.place;
            let may_hand_over = via.is_none() && datagram.transport == Transport::Udp;
            return match Place::of_ufrag(ufrag) {
                Some(place)
                    if place.node == here.node && place.worker != here.worker && may_hand_over =>
                {
                    self.hand_over(place.worker, datagram);
                    Ok(None)
                }
                _ => Err(DropReason::UnknownUfrag),
            };
        };
        let source = datagram.endpoint();
        if self.demux.owner(source) == Some(Owner::Session(index)) {
            return Ok(Some(index));
        }
        let Some(session) = &mut self.sessions[index] else {
            return Err(DropReason::UnknownUfrag);
        };
        session.check_integrity(datagram.contents, self.now)?;
        if !session.admit_address(source, self.now) {
            return Err(DropReason::TooManyAddresses);
        }
        self.demux.learn(source, index, |address| session.has_consent(address, self.now));
        if let Some(worker) = via {
            self.outputs.push_back(Output::Learned { worker, source: datagram.source });
        }
        Ok(Some(index))
    }

    fn session_of_address(
        &mut self,
        datagram: &Datagram<'_>,
        via: Option<u16>,
    ) -> Result<Option<usize>, DropReason> {
        match self.demux.owner(datagram.endpoint()) {
            Some(Owner::Session(index)) => Ok(Some(index)),
            Some(Owner::Worker(worker)) if via.is_none() => {
                self.hand_over(worker, datagram);
                Ok(None)
            }
            _ => Err(DropReason::UnknownSource),
        }
    }

    fn hand_over(&mut self, worker: u16, datagram: &Datagram<'_>) {
        self.stats.handed_over += 1;
        self.outputs.push_back(Output::HandOver {
            worker,
            source: datagram.source,
            destination: datagram.destination,
            arrived: datagram.arrived,
            contents: datagram.contents.to_vec(),
        });
    }

    /// The ICE candidate that stands for the local address that a datagram came to: itself where
    /// it is advertised, else one with its IP (a port is forwarded), else the first of its family
    /// (a NAT is in front).
    fn candidate_for(&self, datagram: &Datagram<'_>) -> SocketAddr {
        let local = datagram.destination;
        let advertised = match datagram.transport {
            Transport::Udp => &self.config.advertised,
            Transport::Tcp => &self.config.advertised_tcp,
        };
        let find = |matches: &dyn Fn(&SocketAddr) -> bool| {
            advertised.iter().copied().find(|address| matches(address))
        };
        find(&|address| *address == local)
            .or_else(|| find(&|address| address.ip() == local.ip()))
            .or_else(|| find(&|address| address.is_ipv4() == local.is_ipv4()))
            .unwrap_or(local)
    }
}
