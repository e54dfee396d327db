//! What happens in one room: a host has a file, and guests come and fetch it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail, ensure};
use signaling_core::event::{Event, EventFrame};
use signaling_core::id::ParticipantId;
use signaling_core::request::Join;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::lane::{Lane, Message};
use super::note::{Kind, Note, Page, Secret};
use super::page::{Correspondence, NOTES, say};
use super::receiver::Receiver;
use super::sender::{Offer, Sender};
use super::tally::Tally;
use crate::bot::ask::Leave;
use crate::bot::signal::Signal;

/// Who comes into a room.
#[derive(Debug, Clone)]
pub(super) struct Visit {
    /// The signaling door.
    pub(super) url: String,
    pub(super) join: Join,
    pub(super) secret: Secret,
    pub(super) tally: Arc<Tally>,
}

/// Waits for so many guests, sends each of them what is offered, and goes when all have it.
pub(super) async fn host(visit: Visit, offer: Arc<Offer>, guests: u32) -> anyhow::Result<()> {
    let Visit { url, join, secret, tally } = visit;
    let (signal, mut events) = Signal::connect(&url).await?;
    signal.request(join).await?;
    tally.came();
    let me = Page::make();
    let mut known: HashMap<Page, mpsc::Sender<Kind>> = HashMap::new();
    let mut sending = JoinSet::new();
    let mut left = guests;
    while left > 0 {
        tokio::select! {
            frame = events.recv() => {
                let (participant, note) = match note(&secret, &signal, frame)? {
                    Some(Noted { from, note }) if note.from != me => (from, note),
                    _ => continue,
                };
                if note.kind == Kind::Hello && !known.contains_key(&note.from) {
                    let (notes, written) = mpsc::channel(NOTES);
                    known.insert(note.from.clone(), notes);
                    let page = Correspondence {
                        signal: signal.clone(),
                        secret: secret.clone(),
                        me: me.clone(),
                        them: note.from,
                        participant,
                        notes: written,
                    };
                    let sender = Sender::new(Arc::clone(&offer));
                    sending.spawn(async move { send(page.welcome().await?, sender).await });
                } else if note.to.as_ref() == Some(&me) && let Some(notes) = known.get(&note.from) {
                    // Once they are connected, nobody reads them any more.
                    let _ = notes.try_send(note.kind);
                }
            }
            Some(sent) = sending.join_next() => {
                sent.context("a sender's task failed")??;
                left -= 1;
            }
        }
    }
    signal.request(Leave).await?;
    tally.went();
    Ok(())
}

/// Says hello to whoever is in the room or comes, fetches what the host offers, and goes.
pub(super) async fn guest(visit: Visit) -> anyhow::Result<()> {
    let Visit { url, join, secret, tally } = visit;
    let (signal, mut events) = Signal::connect(&url).await?;
    let joined = signal.request(join).await?;
    tally.came();
    let me = Page::make();
    let hello = Note { from: me.clone(), to: None, kind: Kind::Hello };
    for other in &joined.snapshot.participants {
        say(&signal, &secret, other.id, &hello).await?;
    }
    let begun = Instant::now();
    let (notes, written) = mpsc::channel(NOTES);
    let (participant, them) = loop {
        let frame = events.recv().await;
        if let Some(EventFrame { event: Event::ParticipantJoined { participant }, .. }) = &frame {
            say(&signal, &secret, participant.id, &hello).await?;
        }
        match note(&secret, &signal, frame)? {
            Some(Noted { from, note }) if note.to.as_ref() == Some(&me) => match note.kind {
                Kind::Welcome => break (from, note.from),
                Kind::Refused => bail!("the host refused"),
                _ => {}
            },
            _ => {}
        }
    };
    let page = Correspondence {
        signal: signal.clone(),
        secret: secret.clone(),
        me: me.clone(),
        them: them.clone(),
        participant,
        notes: written,
    };
    let fetching = async {
        let lane = page.follow().await?;
        tally.recorder.connect.record(begun.elapsed());
        receive(lane, &tally).await
    };
    let read = async {
        loop {
            match note(&secret, &signal, events.recv().await) {
                Ok(Some(Noted { note, .. }))
                    if note.from == them && note.to.as_ref() == Some(&me) =>
                {
                    let _ = notes.try_send(note.kind);
                }
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    };
    tokio::select! {
        fetched = fetching => fetched?,
        error = read => return Err(error),
    }
    signal.request(Leave).await?;
    tally.went();
    Ok(())
}

/// A note, and who sent it.
struct Noted {
    from: ParticipantId,
    note: Note,
}

/// The note in an event, if it is one and sealed.
fn note(
    secret: &Secret,
    signal: &Signal,
    frame: Option<EventFrame>,
) -> anyhow::Result<Option<Noted>> {
    let Some(frame) = frame else {
        bail!("the signaling connection ended: {}", signal.end().unwrap_or_default());
    };
    Ok(match frame.event {
        Event::SignalReceived { from, data } => secret.open(&data).map(|note| Noted { from, note }),
        _ => None,
    })
}

/// Sends a file by a lane.
async fn send(mut lane: Lane, mut sender: Sender) -> anyhow::Result<()> {
    for control in sender.offer() {
        lane.say(&control).await?;
    }
    while !sender.is_done() {
        match lane.heard() {
            Some(Message::Control(control)) => sender.hear(control)?,
            Some(Message::Word(word)) => sender.arrived(&word)?,
            Some(Message::Piece(_)) => bail!("the receiver sent a piece"),
            None => match lane.has_room().then(|| sender.next()).flatten() {
                Some(piece) => lane.send(&piece).await?,
                None => lane.turn().await?,
            },
        }
    }
    lane.linger().await
}

/// Fetches what is offered by a lane, and stays until the sender has been told so.
async fn receive(mut lane: Lane, tally: &Tally) -> anyhow::Result<()> {
    let mut receiver = Receiver::default();
    let mut begun = None;
    while !receiver.is_done() {
        let before = receiver.verified();
        match lane.heard() {
            Some(Message::Control(control)) => {
                begun.get_or_insert_with(Instant::now);
                for answer in receiver.hear(control)? {
                    lane.say(&answer).await?;
                }
            }
            Some(Message::Piece(piece)) => {
                tally.recorder.packets.one();
                let (answers, word) = receiver.take(&piece)?;
                lane.word(&word).await?;
                for answer in answers {
                    lane.say(&answer).await?;
                }
            }
            Some(Message::Word(_)) => bail!("the sender told of bytes that it was not sent"),
            None => lane.turn().await?,
        }
        tally.recorder.bytes.add(receiver.verified() - before);
    }
    tally.recorder.damaged.add(receiver.wrong);
    tally.fetched(receiver.verified(), begun.map_or_else(Default::default, |at| at.elapsed()));
    // The last word is on its way: it is told when SCTP has nothing left to say.
    ensure!(lane.rest().await?, "the sender did not take the last word");
    Ok(())
}
