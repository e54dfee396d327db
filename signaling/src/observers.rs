//! Those who read along in one room: its events as a stream that they share.

use std::sync::Arc;

use signaling_core::event::{Event, EventFrame};
use signaling_core::journal::Cursor;
use signaling_core::room::Room;

use crate::feed::{Item, View};
use crate::live::Teller;
use crate::outbox::Notice;

/// The readers of one room. Without any it costs nothing.
#[derive(Default)]
pub struct Observers {
    live: Option<Teller>,
    /// The room as it is at the journal's end, for those who come one after the other.
    overview: Option<Arc<Item>>,
}

impl Observers {
    /// One more reader: what it is to read after the cursor `after`, and from now on. Without a cursor, or
    /// where events after it are gone, it begins with the room as it is.
    ///
    /// # Errors
    /// None that the room's events can have.
    pub fn view(&mut self, room: &Room, after: Option<&str>) -> anyhow::Result<View> {
        let journal = room.journal();
        let kept = after.map(|cursor| cursor.parse().ok().map(|cursor| journal.since(cursor)));
        let missed = match kept {
            Some(Some(Ok(envelopes))) => envelopes
                .filter(|envelope| envelope.audience.is_public())
                .map(|envelope| {
                    let json = serde_json::to_vec(&envelope.frame)?;
                    anyhow::Ok(Arc::new(Item::observed(place(room, &envelope.frame), &json)))
                })
                .collect::<anyhow::Result<Vec<_>>>()?,
            None => match &self.overview {
                Some(overview) if overview.cursor() == Some(journal.cursor()) => {
                    vec![Arc::clone(overview)]
                }
                _ => {
                    let overview = overview(room, false)?;
                    self.overview = Some(Arc::clone(&overview));
                    vec![overview]
                }
            },
            Some(_) => vec![overview(room, true)?],
        };
        Ok(View { missed, has_more: false, live: self.live.get_or_insert_default().live() })
    }

    /// Gives an event to all readers, if it is for them: written once, shared by all.
    ///
    /// # Errors
    /// None that the room's events can have.
    pub fn tell(&mut self, room: &Room, notice: &Notice) -> anyhow::Result<()> {
        let Some(live) = &mut self.live else { return Ok(()) };
        if !live.has_readers() {
            *self = Observers::default();
            return Ok(());
        }
        let envelope = &notice.envelope;
        if envelope.audience.is_public() {
            let cursor = place(room, &envelope.frame);
            live.tell(Arc::new(Item::observed(cursor, &notice.json()?)));
        }
        Ok(())
    }
}

fn overview(room: &Room, lost: bool) -> anyhow::Result<Arc<Item>> {
    let event = Event::Overview { lost, overview: room.overview() };
    let json = serde_json::to_vec(&EventFrame { seq: None, event })?;
    Ok(Arc::new(Item::observed(Some(room.journal().cursor()), &json)))
}

fn place(room: &Room, frame: &EventFrame) -> Option<Cursor> {
    let epoch = room.journal().cursor().epoch;
    frame.seq.map(|seq| Cursor { epoch, seq })
}
