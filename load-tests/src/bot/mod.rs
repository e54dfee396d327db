//! A participant that is a program: it joins by the protocol, sends a tone and listens to the
//! others.
//!
//! [`Bot`] ties the parts together and decides what is done when: [`signal`] moves the frames of
//! what [`ask`] names, [`independent`] is the peer connection, [`source`] and [`listener`] make and
//! measure sound, and [`view`] keeps what is known of the room. [`light`] is another participant, one
//! of hundreds, that shares the signaling and the source.

pub mod ask;
pub mod independent;
pub mod join;
pub mod light;
pub mod listener;
pub mod signal;
pub mod source;
pub mod view;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use signaling_core::event::{Event, EventFrame};
use signaling_core::id::{ParticipantId, TrackId};
use signaling_core::info::{MediaKind, TrackSource};
use signaling_core::request::{Join, Offer, Publish};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

use ask::Leave;
use independent::{AudioPacket, Microphone, Session, SessionError, SessionState};
use listener::Listener;
use signal::{Signal, SignalError};
use source::Source;
use view::View;

/// How long ICE and DTLS may take.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(15);

/// From one packet to the next.
const PACE: Duration = Duration::from_millis(20);

/// What a participant brings to a room.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Voice {
    /// Its tone, in hertz.
    pub hertz: f64,
    /// Pairs of slots in its first offer; the server asks for more when they run out.
    pub pairs: u32,
}

/// Why a participant failed.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// Signaling failed, or the server said no.
    #[error(transparent)]
    Signal(#[from] SignalError),
    /// The peer connection failed.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// libopus failed.
    #[error("Opus: {0}")]
    Opus(#[from] opus::Error),
    /// ICE or DTLS did not get through.
    #[error("no media path to the server within {MEDIA_TIMEOUT:?}")]
    NoMediaPath,
    /// What was waited for did not happen.
    #[error("it did not happen within {within:?}; known at the end: {view:#?}")]
    NotSeen {
        /// How long it was waited for.
        within: Duration,
        /// What was known when the time was up.
        view: Box<View>,
    },
}

/// A participant in a room. Dropping it cuts its connections; [`Bot::leave`] says goodbye first.
pub struct Bot {
    participant: ParticipantId,
    signal: Signal,
    session: Arc<Session>,
    view: watch::Receiver<View>,
    life: JoinHandle<()>,
}

impl Bot {
    /// Enters a room by the signaling door at `url` and publishes its tone as its microphone. Media
    /// flows when this returns.
    ///
    /// # Errors
    ///
    /// When any step of it fails; each is bounded in time.
    pub async fn join(url: &str, join: Join, voice: Voice) -> Result<Bot, BotError> {
        let source = Source::new(voice.hertz)?;
        let (signal, events) = Signal::connect(url).await?;
        let joined = signal.request(join).await?;
        let (session, packets) = Session::new(signal.local_address(), voice.pairs).await?;
        negotiate(&session, &signal).await?;
        let publish = Publish {
            mid: session.microphone_mid().await?,
            kind: MediaKind::Audio,
            source: TrackSource::Microphone,
            name: None,
            muted: false,
        };
        signal.request(publish).await?;
        let mut state = session.state();
        timeout(MEDIA_TIMEOUT, state.wait_for(|state| *state == SessionState::Connected))
            .await
            .map_err(|_| BotError::NoMediaPath)?
            .map_err(|_| BotError::NoMediaPath)?;

        let participant = joined.snapshot.participant.id;
        let (known, view) = watch::channel(View::new(participant, joined.snapshot.participants));
        let session = Arc::new(session);
        let (more_slots, slots_wanted) = mpsc::channel(1);
        let microphone = session.microphone().await?;
        let life = {
            let (signal, session) = (signal.clone(), Arc::clone(&session));
            tokio::spawn(async move {
                let listening = listen(events, packets, &known, more_slots);
                let reason = tokio::select! {
                    end = listening => end.map(|()| closed(&signal)),
                    end = speak(source, microphone) => end.map(|never| match never {}),
                    end = grow(slots_wanted, &session, &signal) => end.map(|()| closed(&signal)),
                    _ = state.wait_for(|state| *state == SessionState::Failed) =>
                        Ok("the media path is gone".into()),
                };
                let reason = reason.unwrap_or_else(|error| error.to_string());
                known.send_modify(|view| view.end(reason));
            })
        };
        Ok(Bot { participant, signal, session, view, life })
    }

    /// This participation.
    pub fn participant(&self) -> ParticipantId {
        self.participant
    }

    /// Asks for anything else.
    pub fn signal(&self) -> &Signal {
        &self.signal
    }

    /// What is known now.
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }

    /// Packets of video that came so far, which it counts and does not look at.
    pub fn video_packets(&self) -> u64 {
        self.session.video_packets()
    }

    /// Waits until what is known meets a condition.
    ///
    /// # Errors
    ///
    /// [`BotError::NotSeen`] when the time is up, or the participation ended before.
    pub async fn until(
        &self,
        within: Duration,
        mut condition: impl FnMut(&View) -> bool,
    ) -> Result<View, BotError> {
        let mut view = self.view.clone();
        let mut met = false;
        let watching = view.wait_for(|view| {
            met = condition(view);
            met || view.ended.is_some()
        });
        // Whichever way the waiting ends, what is known is in `view`.
        let _ = timeout(within, watching).await.map(|seen| seen.map(drop));
        let view = self.view();
        if met { Ok(view) } else { Err(BotError::NotSeen { within, view: Box::new(view) }) }
    }

    /// Says goodbye and closes the connections. Returns what was known at the end.
    ///
    /// # Errors
    ///
    /// When the server did not confirm it.
    pub async fn leave(self) -> Result<View, BotError> {
        let left = self.signal.request(Leave).await;
        let view = self.view();
        self.session.close().await?;
        left?;
        Ok(view)
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        self.life.abort();
    }
}

fn closed(signal: &Signal) -> String {
    signal.end().map_or_else(|| "closed here".to_owned(), |reason| reason.to_string())
}

/// One round of offer and answer.
async fn negotiate(session: &Session, signal: &Signal) -> Result<(), BotError> {
    let sdp = session.offer().await?;
    let answer = signal.request(Offer { sdp }).await?;
    Ok(session.accept(answer.sdp).await?)
}

/// Sends the source's packets at their pace. A delayed packet is followed by the next ones at once,
/// so that the clock of the stream stays true.
async fn speak(
    mut source: Source,
    mut microphone: Microphone,
) -> Result<std::convert::Infallible, BotError> {
    let mut pace = interval(PACE);
    loop {
        pace.tick().await;
        microphone.send(source.next_packet()?).await?;
    }
}

/// Offers more slots whenever the server asks for them.
async fn grow(
    mut wanted: mpsc::Receiver<(u32, u32)>,
    session: &Session,
    signal: &Signal,
) -> Result<(), BotError> {
    while let Some((audio, video)) = wanted.recv().await {
        session.add_slots(audio, video).await?;
        negotiate(session, signal).await?;
    }
    Ok(())
}

/// Keeps what is known up to date until the events end.
async fn listen(
    mut events: mpsc::Receiver<EventFrame>,
    mut packets: mpsc::Receiver<AudioPacket>,
    known: &watch::Sender<View>,
    more_slots: mpsc::Sender<(u32, u32)>,
) -> Result<(), BotError> {
    let mut listeners: HashMap<TrackId, Listener> = HashMap::new();
    loop {
        tokio::select! {
            // A binding is told before its packets are sent; they may still overtake it.
            biased;
            frame = events.recv() => {
                let Some(EventFrame { event, .. }) = frame else { return Ok(()) };
                if let Event::SlotsNeeded { audio, video } = event {
                    // While an offer is under way the server counts again at its end.
                    let _ = more_slots.try_send((audio, video));
                }
                known.send_modify(|view| view.apply(&event));
            }
            Some(packet) = packets.recv() => {
                let bound = known.borrow().slots.get(&packet.mid).map(|(track, _)| *track);
                let Some(track) = bound else {
                    known.send_modify(|view| view.stray += 1);
                    continue;
                };
                let listener = match listeners.entry(track) {
                    std::collections::hash_map::Entry::Occupied(entry) => entry.into_mut(),
                    std::collections::hash_map::Entry::Vacant(entry) => {
                        entry.insert(Listener::new()?)
                    }
                };
                listener.receive(packet.sequence, packet.timestamp, &packet.payload);
                known.send_modify(|view| {
                    if let Some(received) = view.received.get_mut(&track) {
                        received.heard.clone_from(listener.heard());
                    }
                });
            }
        }
    }
}
