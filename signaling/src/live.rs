//! What is told from now on to all who read one feed: each item once, under a number, for a while.

use std::sync::Arc;

use signaling_core::journal::Cursor;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::feed::{Choice, Item};
use crate::shortcut::Shortcut;
use crate::sweep::{Format, Seat, Sweep};

/// Items that may be on their way to readers. Who is further behind reads them from the journal.
pub const STREAM: usize = 256;

/// An item, and how many were told before it.
pub type Told = (u64, Arc<Item>);

/// Who tells.
pub struct Teller {
    sender: broadcast::Sender<Told>,
    told: u64,
    sweep: Arc<Sweep>,
}

impl Default for Teller {
    fn default() -> Self {
        Teller { sender: broadcast::channel(STREAM).0, told: 0, sweep: Arc::default() }
    }
}

impl Teller {
    /// Tells all who read now, if anybody does.
    pub fn tell(&mut self, item: Arc<Item>) {
        // That nobody reads is no fault.
        let _ = self.sender.send((self.told, item));
        self.told += 1;
    }

    /// One more reader, of what is told from now on.
    pub fn live(&self) -> Live {
        let sweep = Arc::clone(&self.sweep);
        Live { receiver: self.sender.subscribe(), next: self.told, sweep, seat: None }
    }

    /// Whether anybody reads.
    pub fn has_readers(&self) -> bool {
        self.sender.receiver_count() > 0
    }
}

/// One who reads: by itself, and on a bare socket by the sweep, whenever it has nothing else to do there.
#[derive(Debug)]
pub struct Live {
    receiver: broadcast::Receiver<Told>,
    /// The number of what it is to be told next.
    next: u64,
    sweep: Arc<Sweep>,
    seat: Option<Arc<Seat>>,
}

/// Why there is nothing to give out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// The feed has gone on without this reader.
    Behind,
    /// The socket has not taken all that the sweep has written: whatever its owner writes next goes after
    /// the rest, and is waited for.
    Clogged,
    /// Nothing is told any more.
    Over,
}

impl Live {
    /// From now on the sweep writes to the socket what is of this choice, as long as [`next`](Self::next) is
    /// waited for.
    pub fn take_seat(&mut self, shortcut: Shortcut, format: Format, choice: Choice) {
        let seat = Arc::new(Seat::new(shortcut, format, choice));
        Arc::clone(&self.sweep).add(&seat, || self.receiver.resubscribe());
        self.seat = Some(seat);
    }

    /// What comes next that the sweep has not written. Can be cancelled without losing anything: nothing is
    /// being written by the sweep when this is not waited for.
    ///
    /// # Errors
    /// That there is nothing, and why.
    pub async fn next(&mut self) -> Result<Arc<Item>, Pause> {
        loop {
            if let Some(item) = self.try_next()? {
                return Ok(item);
            }
            let Some(seat) = &self.seat else {
                match self.receiver.recv().await {
                    Ok(told) => match self.place(told)? {
                        Some(item) => return Ok(item),
                        None => continue,
                    },
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return Err(Pause::Over),
                }
            };
            if !seat.is_clear() {
                return Err(Pause::Clogged);
            }
            let sitting = seat.sit(self.next);
            // The sweep may have passed by what was told before, and its end.
            if self.receiver.is_empty() && !self.receiver.is_closed() {
                sitting.await;
            }
        }
    }

    /// What is there already.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn try_next(&mut self) -> Result<Option<Arc<Item>>, Pause> {
        if let Some(seat) = &self.seat {
            self.next = self.next.max(seat.next());
        }
        loop {
            match self.receiver.try_recv() {
                Ok(told) => match self.place(told)? {
                    Some(item) => return Ok(Some(item)),
                    None => continue,
                },
                Err(TryRecvError::Lagged(_)) => continue,
                Err(TryRecvError::Empty) => return Ok(None),
                Err(TryRecvError::Closed) => return Err(Pause::Over),
            }
        }
    }

    /// The place after what the sweep has written since this was asked last, if it has.
    pub fn swept(&self) -> Option<Cursor> {
        self.seat.as_ref().and_then(|seat| seat.swept())
    }

    /// `None` for what was told before. What is missing shows in the numbers.
    fn place(&mut self, (number, item): Told) -> Result<Option<Arc<Item>>, Pause> {
        if number > self.next {
            return Err(Pause::Behind);
        }
        let is_new = number == self.next;
        self.next += u64::from(is_new);
        Ok(is_new.then_some(item))
    }
}
