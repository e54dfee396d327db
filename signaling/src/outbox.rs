//! What a room has for one attachment: replies and events, in order, and bounded. Whoever reads too
//! slowly is cut off; nobody else pays for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use signaling_core::event::{Envelope, LeaveReason, Outcome, Reply};
use tokio::sync::mpsc;

/// Bytes that may wait for one reader.
const WAITING_BYTES: usize = 256 * 1024;
/// Parcels that may wait for one reader: small ones cost more than their bytes.
const WAITING_PARCELS: usize = 1024;

/// One thing for an attachment.
#[derive(Debug, Clone)]
pub enum Parcel {
    /// The one reply to a request.
    Reply {
        /// From the request.
        request: u64,
        /// What came of it.
        outcome: Outcome,
    },
    /// Something happened.
    Event(Notice),
    /// The room lets go of the attachment. Nothing follows.
    Close(LeaveReason),
}

/// An event, with the JSON that is the same for all readers.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The event.
    pub envelope: Arc<Envelope>,
    /// Its frame as JSON text.
    pub json: Bytes,
}

/// Why no parcel comes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum End {
    /// The reader was too slow.
    #[error("too much is waiting for this reader")]
    Overrun,
    /// The room's task is gone.
    #[error("the room is gone")]
    RoomGone,
}

#[derive(Default)]
struct Meter {
    bytes: AtomicUsize,
    parcels: AtomicUsize,
    overrun: AtomicBool,
}

/// The room's end.
pub struct Outbox {
    sender: mpsc::UnboundedSender<(Parcel, usize)>,
    meter: Arc<Meter>,
    wants_events: bool,
}

/// The door's end.
pub struct Parcels {
    receiver: mpsc::UnboundedReceiver<(Parcel, usize)>,
    meter: Arc<Meter>,
}

/// A new outbox. Doors that read no events do not have them pile up.
pub fn outbox(wants_events: bool) -> (Outbox, Parcels) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let meter = Arc::new(Meter::default());
    let outbox = Outbox { sender, meter: Arc::clone(&meter), wants_events };
    (outbox, Parcels { receiver, meter })
}

impl Outbox {
    /// Whether events are to be pushed at all.
    pub fn wants_events(&self) -> bool {
        self.wants_events
    }

    /// Whether the door is gone.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Lays a parcel in. `false` when the door is gone or was too slow, and is to be forgotten.
    #[must_use]
    pub fn push(&self, parcel: Parcel) -> bool {
        let size = match &parcel {
            Parcel::Event(notice) => notice.json.len(),
            // The other replies are small, and counted as parcels.
            Parcel::Reply { outcome: Outcome::Ok(Reply::Answer(answer)), .. } => answer.sdp.len(),
            Parcel::Reply { .. } | Parcel::Close(_) => 0,
        };
        // What waits already decides, so that one large parcel alone never is too much.
        let bytes = self.meter.bytes.fetch_add(size, Ordering::Relaxed);
        let parcels = self.meter.parcels.fetch_add(1, Ordering::Relaxed);
        if bytes >= WAITING_BYTES || parcels >= WAITING_PARCELS {
            self.meter.overrun.store(true, Ordering::Relaxed);
            return false;
        }
        self.sender.send((parcel, size)).is_ok()
    }
}

impl Parcels {
    /// The next parcel.
    ///
    /// # Errors
    /// [`End`] when there will be none. A reader that was too slow gets nothing of what still waits.
    pub async fn next(&mut self) -> Result<Parcel, End> {
        let parcel = self.receiver.recv().await;
        if self.meter.overrun.load(Ordering::Relaxed) {
            return Err(End::Overrun);
        }
        let (parcel, size) = parcel.ok_or(End::RoomGone)?;
        self.meter.bytes.fetch_sub(size, Ordering::Relaxed);
        self.meter.parcels.fetch_sub(1, Ordering::Relaxed);
        Ok(parcel)
    }
}

#[cfg(test)]
mod tests {
    use signaling_core::event::{Audience, EndReason, Event, EventFrame};
    use signaling_core::id::RoomId;

    use super::*;

    fn event(bytes: usize) -> Parcel {
        let event = Event::RoomEnded { reason: EndReason::Empty };
        let frame = EventFrame { seq: None, event };
        Parcel::Event(Notice {
            envelope: Arc::new(Envelope {
                at: 0,
                room: RoomId(1),
                audience: Audience::Room,
                frame,
            }),
            json: Bytes::from(vec![b' '; bytes]),
        })
    }

    #[tokio::test]
    async fn a_reader_that_keeps_up_gets_everything() {
        let (outbox, mut parcels) = outbox(true);
        for _ in 0..10 * WAITING_PARCELS {
            assert!(outbox.push(event(2 * WAITING_BYTES)));
            assert!(matches!(parcels.next().await, Ok(Parcel::Event(_))));
        }
        assert!(outbox.push(Parcel::Close(LeaveReason::Left)));
        drop(outbox);
        assert!(matches!(parcels.next().await, Ok(Parcel::Close(LeaveReason::Left))));
        assert_eq!(parcels.next().await.err(), Some(End::RoomGone));
    }

    #[tokio::test]
    async fn a_slow_reader_is_cut_off_by_bytes_and_by_number() {
        for (size, fits) in [(WAITING_BYTES / 4, 4), (1, WAITING_PARCELS)] {
            let (outbox, mut parcels) = outbox(true);
            for _ in 0..fits {
                assert!(outbox.push(event(size)));
            }
            assert!(!outbox.push(event(size)));
            assert_eq!(parcels.next().await.err(), Some(End::Overrun));
        }
    }

    #[tokio::test]
    async fn a_door_that_is_gone_is_noticed() {
        let (outbox, parcels) = outbox(true);
        drop(parcels);
        assert!(outbox.is_closed());
        assert!(!outbox.push(event(1)));
    }
}
