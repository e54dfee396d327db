//! The way in from the control plane.

use std::sync::{Arc, Mutex, PoisonError};

use sfu_core::stats::Stats;
use sfu_core::{Command, RoomKey};

use crate::mailbox::{Mail, Mailbox};
use crate::placement::Placement;

/// The room's worker has more to do than its queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the media worker of this room is overloaded")]
pub struct Overloaded;

/// Posts commands to the worker of their room. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SfuHandle {
    mailboxes: Arc<[Mailbox]>,
    placement: Arc<Mutex<Placement>>,
    udp_port: u16,
}

impl SfuHandle {
    pub(crate) fn new(mailboxes: Arc<[Mailbox]>, udp_port: u16) -> SfuHandle {
        let placement = Arc::new(Mutex::new(Placement::new(mailboxes.len())));
        SfuHandle { mailboxes, placement, udp_port }
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

    /// Forgets where a room lived. Its sessions must have been closed.
    pub fn end_room(&self, room: RoomKey) {
        self.placement(|placement| placement.end(room));
    }

    /// The counters of all workers together.
    pub fn counters(&self) -> Stats {
        self.mailboxes.iter().fold(Stats::default(), |mut sum, mailbox| {
            sum += mailbox.stats();
            sum
        })
    }

    /// The UDP port that media comes to.
    pub fn udp_port(&self) -> u16 {
        self.udp_port
    }

    pub(crate) fn broadcast(&self, mail: impl Fn() -> Mail) {
        for mailbox in self.mailboxes.iter() {
            let mut letter = mail();
            while let Err(refused) = mailbox.post(letter) {
                letter = refused;
                std::thread::yield_now();
            }
        }
    }

    fn placement<T>(&self, use_it: impl FnOnce(&mut Placement) -> T) -> T {
        // The map is whole between any two calls, so a panic elsewhere leaves it usable.
        use_it(&mut self.placement.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
