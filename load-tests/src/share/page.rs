//! Two pages meet in a room and connect: notes by the server, then a lane without it.

use std::time::Duration;

use anyhow::{Context, bail};
use signaling_core::id::ParticipantId;
use signaling_core::request::Signal as SignalRequest;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::control::Control;
use super::lane::{Lane, Message};
use super::note::{Description, DescriptionKind, Kind, Note, Page, Secret};
use crate::bot::signal::Signal;

/// How long two pages may take to connect, from the first description on.
const CONNECTING: Duration = Duration::from_secs(30);

/// Notes that may wait to be read; further ones are lost.
pub(super) const NOTES: usize = 64;

/// One page's way to another by the server.
pub(super) struct Correspondence {
    pub(super) signal: Signal,
    pub(super) secret: Secret,
    pub(super) me: Page,
    /// The other page, and the participant that it belongs to.
    pub(super) them: Page,
    pub(super) participant: ParticipantId,
    /// What that page writes to this one.
    pub(super) notes: mpsc::Receiver<Kind>,
}

impl Correspondence {
    /// Lets the other page in, as a host does, and connects with it.
    pub(super) async fn welcome(mut self) -> anyhow::Result<Lane> {
        self.write(Kind::Welcome).await?;
        let (mut lane, pending, sdp) = Lane::offer(self.signal.local_address()).await?;
        lane.drain().await?;
        self.write(description(DescriptionKind::Offer, sdp)).await?;
        let mut pending = Some(pending);
        let connected = async {
            loop {
                tokio::select! {
                    note = self.notes.recv() => match note.context("the notes have ended")? {
                        Kind::Description { lane: 0, description } => {
                            let pending = pending.take().context("a second answer came")?;
                            lane.accept(pending, &description.sdp)?;
                            lane.drain().await?;
                        }
                        Kind::Candidate { lane: 0, candidate } => lane.add(&candidate.candidate),
                        _ => {}
                    },
                    turned = lane.turn() => turned?,
                }
                if lane.is_open() {
                    return ready(&mut lane).await;
                }
            }
        };
        timeout(CONNECTING, connected).await.context("no connection in time")??;
        Ok(lane)
    }

    /// Waits for what the host offers, as a guest does that was let in, and connects with it.
    pub(super) async fn follow(mut self) -> anyhow::Result<Lane> {
        let connected = async {
            let offer = loop {
                match self.notes.recv().await.context("the notes have ended")? {
                    Kind::Description { lane: 0, description } => break description.sdp,
                    Kind::Refused => bail!("the host refused"),
                    _ => {}
                }
            };
            let (mut lane, sdp) = Lane::answer(self.signal.local_address(), &offer).await?;
            lane.drain().await?;
            self.write(description(DescriptionKind::Answer, sdp)).await?;
            loop {
                tokio::select! {
                    note = self.notes.recv() => {
                        if let Kind::Candidate { lane: 0, candidate } = note.context("the notes have ended")? {
                            lane.add(&candidate.candidate);
                        }
                    }
                    turned = lane.turn() => turned?,
                }
                if lane.is_open() {
                    ready(&mut lane).await?;
                    return anyhow::Ok(lane);
                }
            }
        };
        timeout(CONNECTING, connected).await.context("no connection in time")?
    }

    async fn write(&self, kind: Kind) -> anyhow::Result<()> {
        let note = Note { from: self.me.clone(), to: Some(self.them.clone()), kind };
        say(&self.signal, &self.secret, self.participant, &note).await
    }
}

/// Writes a note to a participant.
pub(super) async fn say(
    signal: &Signal,
    secret: &Secret,
    to: ParticipantId,
    note: &Note,
) -> anyhow::Result<()> {
    signal.request(SignalRequest { to, data: secret.seal(note)? }).await?;
    Ok(())
}

/// What one side says may be lost until the other's channel is open as well: both say that they are ready, and
/// once more when they hear it.
async fn ready(lane: &mut Lane) -> anyhow::Result<()> {
    lane.say(&Control::Ready).await?;
    loop {
        match lane.heard() {
            Some(Message::Control(Control::Ready)) => return lane.say(&Control::Ready).await,
            Some(other) => bail!("the other side said {other:?} before it was ready"),
            None => lane.turn().await?,
        }
    }
}

fn description(kind: DescriptionKind, sdp: String) -> Kind {
    Kind::Description { lane: 0, description: Description { kind, sdp } }
}
