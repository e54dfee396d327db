//! What a room has for one attachment: replies and events, in order, and bounded. Whoever reads too
//! slowly is cut off; nobody else pays for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use signaling_core::event::{Envelope, Event, LeaveReason};
use signaling_core::reply::{Joined, Outcome, Reply};
use tokio::sync::mpsc;

use crate::counters::Counters;
use crate::hub::Attachment;
use crate::media::envelope;

/// Bytes that may wait for one reader.
const WAITING_BYTES: usize = 256 * 1024;
/// Parcels that may wait for one reader: small ones cost more than their bytes.
const WAITING_PARCELS: usize = 1024;
/// Lossy messages are not queued behind that much: they would come too late.
const WAITING_BYTES_LOSSY: usize = WAITING_BYTES / 4;

/// One thing for an attachment.
#[derive(Debug)]
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
    /// The participant is in another room now, which the door is attached to from here on. Nothing
    /// follows from the old one.
    Moved(Box<Moved>),
    /// The room lets go of the attachment. Nothing follows.
    Close(LeaveReason),
}

/// A new hold on a new room.
#[derive(Debug)]
pub struct Moved {
    /// Takes the old one's place.
    pub attachment: Attachment,
    /// The new room.
    pub joined: Box<Joined>,
}

/// An event, and how it looks on the wire to all readers alike.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The event.
    pub envelope: Arc<Envelope>,
    /// What leaves.
    pub wire: Wire,
}

/// What leaves by a door that carries both text and bytes.
#[derive(Debug, Clone)]
pub enum Wire {
    /// The frame as JSON.
    Text(Bytes),
    /// A data message's envelope.
    Binary(Bytes),
}

impl Notice {
    /// Writes an event.
    ///
    /// # Errors
    /// None that the room's events can have; it would be a silent gap to go on.
    pub fn new(envelope: Arc<Envelope>) -> anyhow::Result<Notice> {
        let frame = &envelope.frame;
        let wire = match &frame.event {
            // An envelope does not say that a message is a topic's value.
            Event::DataReceived { message } if !message.retain => {
                Wire::Binary(envelope::for_receiver(message, frame.seq)?)
            }
            _ => Wire::Text(serde_json::to_vec(frame)?.into()),
        };
        Ok(Notice { envelope, wire })
    }

    /// The frame as JSON, whatever it is on doors that carry bytes.
    ///
    /// # Errors
    /// As [`Notice::new`].
    pub fn json(&self) -> anyhow::Result<Bytes> {
        match &self.wire {
            Wire::Text(json) => Ok(json.clone()),
            Wire::Binary(_) => Ok(serde_json::to_vec(&self.envelope.frame)?.into()),
        }
    }

    fn len(&self) -> usize {
        match &self.wire {
            Wire::Text(bytes) | Wire::Binary(bytes) => bytes.len(),
        }
    }

    fn is_lossy(&self) -> bool {
        matches!(&self.envelope.frame.event, Event::DataReceived { message } if message.lossy)
    }
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

/// A parcel on its way.
struct Item {
    parcel: Parcel,
    /// The bytes that it counts for; `None` when it does not count at all.
    size: Option<usize>,
    /// Until when a lossy message is of use.
    expires: Option<Instant>,
}

/// The room's end.
pub struct Outbox {
    sender: mpsc::UnboundedSender<Item>,
    meter: Arc<Meter>,
    counters: Arc<Counters>,
    wants_events: bool,
    lossy_age: Duration,
}

/// The door's end.
pub struct Parcels {
    receiver: mpsc::UnboundedReceiver<Item>,
    meter: Arc<Meter>,
    counters: Arc<Counters>,
}

/// A new outbox. Doors that read no events do not have them pile up. A lossy message that has waited for
/// `lossy_age` is worth nothing any more.
pub fn outbox(
    wants_events: bool,
    lossy_age: Duration,
    counters: Arc<Counters>,
) -> (Outbox, Parcels) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let meter = Arc::new(Meter::default());
    let parcels = Parcels { receiver, meter: Arc::clone(&meter), counters: Arc::clone(&counters) };
    (Outbox { sender, meter, counters, wants_events, lossy_age }, parcels)
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
            Parcel::Event(notice) => notice.len(),
            // The other replies are small, and counted as parcels.
            Parcel::Reply { outcome: Outcome::Ok(Reply::Answer(answer)), .. } => answer.sdp.len(),
            Parcel::Reply { .. } | Parcel::Moved(_) | Parcel::Close(_) => 0,
        };
        let is_lossy = matches!(&parcel, Parcel::Event(notice) if notice.is_lossy());
        if is_lossy {
            self.counters.lossy_sent();
            if self.meter.bytes.load(Ordering::Relaxed) >= WAITING_BYTES_LOSSY {
                self.counters.lossy_dropped();
                return !self.is_closed();
            }
        }
        // What waits already decides, so that one large parcel alone never is too much.
        let bytes = self.meter.bytes.fetch_add(size, Ordering::Relaxed);
        let parcels = self.meter.parcels.fetch_add(1, Ordering::Relaxed);
        let overrun = bytes >= WAITING_BYTES || parcels >= WAITING_PARCELS;
        if overrun {
            self.meter.overrun.store(true, Ordering::Relaxed);
        }
        let expires = is_lossy.then(|| Instant::now() + self.lossy_age);
        let item = Item { parcel, size: Some(size), expires };
        let taken = !overrun && self.sender.send(item).is_ok();
        if is_lossy && !taken {
            self.counters.lossy_dropped();
        }
        taken
    }

    /// Lays in an event of the past, for a reader that has come back. What it missed may be more than
    /// what may wait for it otherwise; the journal's own bound holds it.
    #[must_use]
    pub fn push_missed(&self, notice: Notice) -> bool {
        self.sender.send(Item { parcel: Parcel::Event(notice), size: None, expires: None }).is_ok()
    }
}

impl Parcels {
    /// The next parcel.
    ///
    /// # Errors
    /// [`End`] when there will be none. A reader that was too slow gets nothing of what still waits.
    pub async fn next(&mut self) -> Result<Parcel, End> {
        loop {
            let item = self.receiver.recv().await;
            if self.meter.overrun.load(Ordering::Relaxed) {
                return Err(End::Overrun);
            }
            let Item { parcel, size, expires } = item.ok_or(End::RoomGone)?;
            if let Some(size) = size {
                self.meter.bytes.fetch_sub(size, Ordering::Relaxed);
                self.meter.parcels.fetch_sub(1, Ordering::Relaxed);
            }
            match expires {
                None => return Ok(parcel),
                Some(at) if at > Instant::now() => {
                    self.counters.lossy_delivered();
                    return Ok(parcel);
                }
                Some(_) => self.counters.lossy_dropped(),
            }
        }
    }
}

impl Drop for Parcels {
    /// What nobody takes any more was lost.
    fn drop(&mut self) {
        self.receiver.close();
        while let Ok(item) = self.receiver.try_recv() {
            if item.expires.is_some() {
                self.counters.lossy_dropped();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use signaling_core::event::{Audience, EndReason, EventFrame};
    use signaling_core::id::{ParticipantId, RoomId};
    use signaling_core::info::DataMessage;

    use super::*;

    fn notice(event: Event, seq: Option<u64>) -> Notice {
        let frame = EventFrame { seq, event };
        let envelope = Envelope { at: 0, room: RoomId(1), audience: Audience::Room, frame };
        Notice::new(Arc::new(envelope)).unwrap()
    }

    fn event(bytes: usize) -> Parcel {
        let mut notice = notice(Event::RoomEnded { reason: EndReason::Empty }, None);
        notice.wire = Wire::Text(Bytes::from(vec![b' '; bytes]));
        Parcel::Event(notice)
    }

    fn lossy() -> Parcel {
        let message = DataMessage {
            from: Some(ParticipantId(1)),
            id: None,
            lossy: true,
            retain: false,
            topic: "t".to_owned(),
            payload: vec![1, 2, 3].into(),
        };
        Parcel::Event(notice(Event::DataReceived { message }, None))
    }

    const LOSSY_AGE: Duration = Duration::from_millis(100);

    fn open() -> (Outbox, Parcels, Arc<Counters>) {
        let counters = Arc::new(Counters::default());
        let (outbox, parcels) = outbox(true, LOSSY_AGE, Arc::clone(&counters));
        (outbox, parcels, counters)
    }

    #[tokio::test]
    async fn a_reader_that_keeps_up_gets_everything() {
        let (outbox, mut parcels, _) = open();
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
            let (outbox, mut parcels, _) = open();
            for _ in 0..fits {
                assert!(outbox.push(event(size)));
            }
            assert!(!outbox.push(event(size)));
            assert_eq!(parcels.next().await.err(), Some(End::Overrun));
        }
    }

    #[tokio::test]
    async fn what_a_reader_missed_does_not_cut_it_off() {
        let (outbox, mut parcels, _) = open();
        let Parcel::Event(missed) = event(WAITING_BYTES) else { unreachable!("an event") };
        for _ in 0..2 * WAITING_PARCELS {
            assert!(outbox.push_missed(missed.clone()));
        }
        assert!(outbox.push(event(1)));
        for _ in 0..=2 * WAITING_PARCELS {
            assert!(matches!(parcels.next().await, Ok(Parcel::Event(_))));
        }
    }

    #[tokio::test]
    async fn lossy_messages_are_dropped_by_age_and_behind_much_else_and_all_are_counted() {
        let (outbox, mut parcels, counters) = open();
        assert!(outbox.push(lossy()));
        assert!(matches!(parcels.next().await, Ok(Parcel::Event(_))));
        assert!(outbox.push(lossy()));
        std::thread::sleep(LOSSY_AGE);
        assert!(outbox.push(event(WAITING_BYTES_LOSSY)));
        assert!(outbox.push(lossy()), "dropped, and no reason to cut anybody off");
        let Ok(Parcel::Event(notice)) = parcels.next().await else { panic!("the event") };
        assert!(!notice.is_lossy(), "the old one is passed over");
        assert!(outbox.push(lossy()));
        drop(parcels);
        assert!(!outbox.push(lossy()));
        let read = counters.read();
        assert_eq!((read.lossy_sent, read.lossy_delivered, read.lossy_dropped), (5, 1, 4));
    }

    #[tokio::test]
    async fn a_door_that_is_gone_is_noticed() {
        let (outbox, parcels, _) = open();
        drop(parcels);
        assert!(outbox.is_closed());
        assert!(!outbox.push(event(1)));
    }
}
