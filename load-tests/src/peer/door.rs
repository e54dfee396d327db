//! How sessions are made at a server: what the generator asks for, and the tasks that ask.
//!
//! The generator never waits for signaling, or publishers would fall silent: it puts an [`Ask`] into a
//! queue, and finds what the server [`Told`] in another.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Server;
use super::janus::Gateway;
use super::whip::Endpoints;

/// Questions at one server at a time.
const AT_ONCE: usize = 4;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);

/// What a session asks of the server.
#[derive(Debug)]
pub(super) enum Ask {
    /// To send: an SDP offer.
    Publish { room: u16, publisher: u16, offer: String },
    /// To receive one publisher, or all of the room; with an offer where viewers make it.
    View { room: u16, publisher: Option<u16>, offer: Option<String> },
    /// To go on, where the server made the offer.
    Accept { resource: String, answer: String },
    /// To end.
    Leave { resource: String },
}

/// What the server said. A resource is what it has made, by the name that it gave.
#[derive(Debug)]
pub(super) enum Told {
    /// Here is the answer.
    Answered { resource: String, sdp: String },
    /// Here is an offer instead.
    Offered { resource: String, sdp: String },
    /// There is nothing more to say.
    Done,
}

/// A server's way of making sessions.
pub(super) enum Door {
    Whip(Endpoints),
    Janus(Gateway),
}

impl Door {
    /// Opens the way to a server with rooms of so many publishers.
    pub(super) async fn open(server: &Server, rooms: u16, publishers: u16) -> anyhow::Result<Door> {
        Ok(match server {
            Server::Whip { whip, whep, token } => {
                Door::Whip(Endpoints::parse(whip, whep, token.as_deref())?)
            }
            Server::Janus { url } => Door::Janus(Gateway::connect(url, rooms, publishers).await?),
        })
    }

    /// What takes part in signaling, `host:port`: media comes from the same way.
    pub(super) fn authority(&self) -> &str {
        match self {
            Door::Whip(endpoints) => endpoints.authority(),
            Door::Janus(gateway) => gateway.authority(),
        }
    }

    async fn ask(&self, ask: Ask) -> anyhow::Result<Told> {
        let asked = async {
            match self {
                Door::Whip(endpoints) => endpoints.ask(ask).await,
                Door::Janus(gateway) => gateway.ask(ask).await,
            }
        };
        timeout(ANSWER_TIMEOUT, asked)
            .await
            .map_err(|_| anyhow!("the server did not answer within {ANSWER_TIMEOUT:?}"))?
    }

    /// Ends what is common to all sessions.
    pub(super) async fn close(&self) -> anyhow::Result<()> {
        match self {
            Door::Whip(_) => Ok(()),
            Door::Janus(gateway) => gateway.close().await,
        }
    }
}

/// The generator's side of a door.
pub(super) struct Signaling {
    door: Arc<Door>,
    asks: mpsc::UnboundedSender<(usize, Ask)>,
    told: mpsc::UnboundedReceiver<(usize, anyhow::Result<Told>)>,
    awaited: usize,
    /// What went wrong first, until it is looked at.
    failure: Option<anyhow::Error>,
}

impl Signaling {
    /// Has the door served by a task, which ends when this is dropped and all is answered.
    pub(super) fn start(door: Arc<Door>) -> (Signaling, JoinHandle<()>) {
        // Both queues hold a question or an answer for each session at most.
        let ((asks, asked), (tell, told)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
        let serving = tokio::spawn(serve(Arc::clone(&door), asked, tell));
        (Signaling { door, asks, told, awaited: 0, failure: None }, serving)
    }

    /// Whether a viewer makes the offer.
    pub(super) fn viewers_offer(&self) -> bool {
        matches!(*self.door, Door::Whip(_))
    }

    /// Whether a viewer has a session for each publisher of its room, and not one for all.
    pub(super) fn session_per_publisher(&self) -> bool {
        match &*self.door {
            Door::Whip(endpoints) => endpoints.names_publisher(),
            Door::Janus(_) => true,
        }
    }

    /// Asks for a session, by its number.
    ///
    /// # Errors
    ///
    /// When nobody serves the door any more.
    pub(super) fn ask(&mut self, session: usize, ask: Ask) -> anyhow::Result<()> {
        self.asks.send((session, ask)).map_err(|_| anyhow!("signaling has ended"))?;
        self.awaited += 1;
        Ok(())
    }

    /// What a session was told, if anything new was.
    pub(super) fn hear(&mut self) -> Option<(usize, anyhow::Result<Told>)> {
        let told = self.told.try_recv().ok()?;
        self.awaited -= 1;
        Some(told)
    }

    /// How many answers are still to come.
    pub(super) fn awaited(&self) -> usize {
        self.awaited
    }

    /// Keeps what went wrong for [`Signaling::check`].
    pub(super) fn fail(&mut self, error: anyhow::Error) {
        self.failure.get_or_insert(error);
    }

    /// # Errors
    ///
    /// What went wrong first since the last look.
    pub(super) fn check(&mut self) -> anyhow::Result<()> {
        self.failure.take().map_or(Ok(()), Err)
    }
}

/// Carries questions to the server, [`AT_ONCE`] at a time, until nobody asks any more. Each has the
/// number of the session that asks.
async fn serve(
    door: Arc<Door>,
    mut asks: mpsc::UnboundedReceiver<(usize, Ask)>,
    told: mpsc::UnboundedSender<(usize, anyhow::Result<Told>)>,
) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    while let Some((session, ask)) = asks.recv().await {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (door, told) = (Arc::clone(&door), told.clone());
        tokio::spawn(async move {
            // Who does not listen any more has given up.
            let _ = told.send((session, door.ask(ask).await));
            drop(place);
        });
    }
}
