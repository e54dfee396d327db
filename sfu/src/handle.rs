//! The way in from the control plane.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sfu_core::stats::Stats;
use sfu_core::{Command, RoomKey, SessionKey};

use crate::link::{Link, Links};
use crate::mailbox::{Mail, Mailbox};
use crate::placement::Placement;
use crate::tcp::Parcel;

/// The room's worker has more to do than its queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media worker of this room is overloaded")]
pub struct Overloaded;

/// Posts commands to the worker of their room. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SfuHandle {
    mailboxes: Arc<[Mailbox<Mail>]>,
    tcp: Option<Arc<Mailbox<Parcel>>>,
    links: Arc<Links>,
    placement: Arc<Mutex<Placement>>,
    advertised: Arc<[SocketAddr]>,
    udp_port: u16,
    tcp_port: Option<u16>,
}

impl SfuHandle {
    pub(crate) fn new(
        mailboxes: Arc<[Mailbox<Mail>]>,
        tcp: Option<Arc<Mailbox<Parcel>>>,
        links: Arc<Links>,
        advertised: &[SocketAddr],
        udp_port: u16,
        tcp_port: Option<u16>,
    ) -> SfuHandle {
        let placement = Arc::new(Mutex::new(Placement::new(mailboxes.len())));
        let advertised = advertised.into();
        SfuHandle { mailboxes, tcp, links, placement, advertised, udp_port, tcp_port }
    }

    /// Posts a command. Commands of one room arrive in the order of posting.
    ///
    /// # Errors
    /// [`Overloaded`] if the worker's queue is full; nothing was posted then.
    pub fn post(&self, room: RoomKey, command: Command) -> Result<(), Overloaded> {
        let worker = self.placement(|placement| placement.worker_of(room));
        let mail = Mail::Command { room, command };
        self.mailboxes[usize::from(worker)].post(mail).map_err(|_| Overloaded)
    }

    /// Gives a member a link: from now on its data messages come and go by it, and not by its data
    /// channels. A link that it had is over. Drop the link to end it.
    ///
    /// # Errors
    /// [`Overloaded`] if the worker's queue is full; there is no link then.
    pub fn link(&self, room: RoomKey, member: SessionKey) -> Result<Link, Overloaded> {
        let worker = self.placement(|placement| placement.worker_of(room));
        Link::open(&self.links, &self.mailboxes, worker, room, member)
    }

    /// Forgets where a room lived. Its sessions must have been closed.
    pub fn end_room(&self, room: RoomKey) {
        self.placement(|placement| placement.end(room));
    }

    /// The counters of all media threads together.
    pub fn counters(&self) -> Stats {
        let workers = self.mailboxes.iter().map(Mailbox::stats);
        let tcp = self.tcp.iter().map(|mailbox| mailbox.stats());
        let mut sum = Stats::default();
        workers.chain(tcp).for_each(|stats| sum += stats);
        self.links.count_in(&mut sum);
        sum
    }

    /// Each worker's counters, and how long it was busy since its start.
    pub fn workers(&self) -> impl Iterator<Item = (Stats, Duration)> + '_ {
        self.mailboxes.iter().map(|mailbox| (mailbox.stats(), mailbox.busy()))
    }

    /// The UDP addresses that clients are told to send media to.
    pub fn advertised(&self) -> &[SocketAddr] {
        &self.advertised
    }

    /// The UDP port that media comes to.
    pub fn udp_port(&self) -> u16 {
        self.udp_port
    }

    /// The TCP port that media comes to; `None` without TCP.
    pub fn tcp_port(&self) -> Option<u16> {
        self.tcp_port
    }

    /// Ends all media threads.
    pub(crate) fn stop(&self) {
        for mailbox in self.mailboxes.iter() {
            mailbox.insist(Mail::Stop);
        }
        if let Some(tcp) = &self.tcp {
            tcp.insist(Parcel::Stop);
        }
    }

    fn placement<T>(&self, use_it: impl FnOnce(&mut Placement) -> T) -> T {
        // The map is whole between any two calls, so a panic elsewhere leaves it usable.
        use_it(&mut self.placement.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
