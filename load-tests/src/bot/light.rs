//! A participant that costs little, so that hundreds fit into one process: a socket and two tasks.
//! Its peer connection is str0m in RTP mode; it decodes nothing and counts what comes.
//!
//! This is the only file here that touches `str0m`. It is the stack that the server is built on, so
//! these participants say how the server bears many, not whether others understand it: that is for
//! [`independent`](super::independent).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use signaling_core::id::ParticipantId;
use signaling_core::info::{MediaKind, TrackSource};
use signaling_core::request::{Join, Offer, Publish};
use str0m::change::SdpAnswer;
use str0m::media::{Direction, MediaKind as LineKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};

use super::PACE;
use super::ask::Leave;
use super::signal::{Signal, SignalError};
use super::source::{PACKET_SAMPLES, Source};

/// How long ICE and DTLS may take.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(15);

/// The largest datagram that is read.
const LARGEST_DATAGRAM: usize = 2_000;

/// Why a participant failed.
#[derive(Debug, thiserror::Error)]
pub enum LightError {
    /// Signaling failed, or the server said no.
    #[error(transparent)]
    Signal(#[from] SignalError),
    /// The stack failed.
    #[error("the peer connection failed: {0}")]
    Session(String),
    /// No socket.
    #[error("no UDP socket: {0}")]
    Socket(#[from] std::io::Error),
    /// libopus failed.
    #[error("Opus: {0}")]
    Opus(#[from] opus::Error),
    /// ICE or DTLS did not get through.
    #[error("no media path to the server within {MEDIA_TIMEOUT:?}")]
    NoMediaPath,
}

impl LightError {
    fn session(error: impl ToString) -> LightError {
        LightError::Session(error.to_string())
    }
}

/// How long the steps of entering took, from the opening of the signaling connection on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Took {
    /// Until the reply to `join`.
    pub joined: Duration,
    /// Until ICE and DTLS were through.
    pub connected: Duration,
}

/// A participant in a room. Dropping it cuts its connections.
pub struct Light {
    participant: ParticipantId,
    signal: Signal,
    packets: Arc<AtomicU64>,
    _life: JoinSet<()>,
}

impl Light {
    /// Enters a room by the signaling door at `url` with `pairs` pairs of slots, and publishes a
    /// tone of `hertz` as its microphone if there is one. Media flows when this returns.
    ///
    /// # Errors
    ///
    /// When any step of it fails; each is bounded in time.
    pub async fn join(
        url: &str,
        join: Join,
        pairs: u32,
        hertz: Option<f64>,
    ) -> Result<(Light, Took), LightError> {
        let begun = Instant::now();
        let (signal, mut events) = Signal::connect(url).await?;
        let participant = signal.request(join).await?.snapshot.participant.id;
        let joined = begun.elapsed();
        let mut life = JoinSet::new();
        // Unread events would end the connection.
        life.spawn(async move { while events.recv().await.is_some() {} });

        let socket = UdpSocket::bind((signal.local_address(), 0)).await?;
        let (rtc, microphone) = negotiate(&signal, socket.local_addr()?, pairs, hertz).await?;
        let (is_connected, connected) = oneshot::channel();
        let packets = Arc::new(AtomicU64::new(0));
        let session = Session {
            rtc,
            local: socket.local_addr()?,
            socket,
            microphone,
            packets: Arc::clone(&packets),
            is_connected: Some(is_connected),
        };
        life.spawn(async move {
            // Whatever ends it shows as packets that do not come, or as a path that is not there.
            let _ = session.run().await;
        });
        timeout(MEDIA_TIMEOUT, connected)
            .await
            .map_err(|_| LightError::NoMediaPath)?
            .map_err(|_| LightError::NoMediaPath)?;
        let took = Took { joined, connected: begun.elapsed() };
        Ok((Light { participant, signal, packets, _life: life }, took))
    }

    /// This participation.
    pub fn participant(&self) -> ParticipantId {
        self.participant
    }

    /// RTP packets that came so far.
    pub fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    /// Says goodbye and closes the connections.
    ///
    /// # Errors
    ///
    /// When the server did not confirm it.
    pub async fn leave(self) -> Result<(), LightError> {
        self.signal.request(Leave).await?;
        Ok(())
    }
}

/// What is said on the microphone's m-line.
struct Microphone {
    mid: Mid,
    source: Source,
    /// The numbers of the next packet.
    sequence: u64,
    timestamp: u32,
}

/// One round of offer and answer, and the publication.
async fn negotiate(
    signal: &Signal,
    local: SocketAddr,
    pairs: u32,
    hertz: Option<f64>,
) -> Result<(Rtc, Option<Microphone>), LightError> {
    let mut rtc = RtcConfig::new()
        .clear_codecs()
        .enable_opus(true, false)
        .enable_vp8(true)
        .set_rtp_mode(true)
        .build(Instant::now());
    rtc.add_local_candidate(Candidate::host(local, "udp").map_err(LightError::session)?);
    let mut lines = rtc.sdp_api();
    let mid =
        hertz.map(|_| lines.add_media(LineKind::Audio, Direction::SendOnly, None, None, None));
    for _ in 0..pairs {
        for kind in [LineKind::Audio, LineKind::Video] {
            lines.add_media(kind, Direction::RecvOnly, None, None, None);
        }
    }
    let (offer, pending) =
        lines.apply().ok_or_else(|| LightError::session("there is nothing to offer"))?;
    let answer = signal.request(Offer { sdp: offer.to_sdp_string() }).await?;
    let answer = SdpAnswer::from_sdp_string(&answer.sdp).map_err(LightError::session)?;
    rtc.sdp_api().accept_answer(pending, answer).map_err(LightError::session)?;

    let mut microphone = None;
    if let (Some(mid), Some(hertz)) = (mid, hertz) {
        signal
            .request(Publish {
                mid: mid.to_string(),
                kind: MediaKind::Audio,
                source: TrackSource::Microphone,
                name: None,
                muted: false,
            })
            .await?;
        microphone = Some(Microphone {
            mid,
            source: Source::new(hertz)?,
            // str0m wants it to begin as a 16-bit number.
            sequence: rand::random::<u16>().into(),
            timestamp: rand::random(),
        });
    }
    Ok((rtc, microphone))
}

/// The task that drives the stack.
struct Session {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    microphone: Option<Microphone>,
    packets: Arc<AtomicU64>,
    /// Told once.
    is_connected: Option<oneshot::Sender<()>>,
}

impl Session {
    async fn run(mut self) -> Result<(), LightError> {
        let mut buffer = vec![0; LARGEST_DATAGRAM];
        let mut pace = interval(PACE);
        // A delayed packet is followed by the next ones at once: the stream's clock stays true.
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        while let Some(due) = self.drain().await? {
            let speaks = self.microphone.is_some() && self.is_connected.is_none();
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    let (length, source) = received?;
                    self.receive(source, &buffer[..length])?;
                    // Whatever else is there costs no further turn.
                    while let Ok((length, source)) = self.socket.try_recv_from(&mut buffer) {
                        self.receive(source, &buffer[..length])?;
                    }
                }
                () = sleep_until(due.into()) => self.advance()?,
                _ = pace.tick(), if speaks => self.speak()?,
            }
        }
        Ok(())
    }

    /// Does what the stack wants done; returns when it wants to be woken, or `None` at its end.
    async fn drain(&mut self) -> Result<Option<Instant>, LightError> {
        loop {
            match self.rtc.poll_output().map_err(LightError::session)? {
                Output::Timeout(due) => return Ok(self.rtc.is_alive().then_some(due)),
                Output::Transmit(datagram) => {
                    // What the network does not take is lost, as on any network.
                    let _ = self.socket.send_to(&datagram.contents, datagram.destination).await;
                }
                Output::Event(Event::Connected) => {
                    if let Some(is_connected) = self.is_connected.take() {
                        let _ = is_connected.send(());
                    }
                }
                Output::Event(Event::IceConnectionStateChange(
                    IceConnectionState::Disconnected,
                )) => return Ok(None),
                Output::Event(Event::RtpPacket(_)) => {
                    self.packets.fetch_add(1, Ordering::Relaxed);
                }
                Output::Event(_) => {}
            }
        }
    }

    fn receive(&mut self, source: SocketAddr, contents: &[u8]) -> Result<(), LightError> {
        // What is no datagram of ours is dropped.
        let Ok(receive) = Receive::new(Protocol::Udp, source, self.local, contents) else {
            return Ok(());
        };
        let input = Input::Receive(Instant::now(), receive);
        self.rtc.handle_input(input).map_err(LightError::session)
    }

    fn advance(&mut self) -> Result<(), LightError> {
        self.rtc.handle_input(Input::Timeout(Instant::now())).map_err(LightError::session)
    }

    /// Sends the next 20 ms.
    fn speak(&mut self) -> Result<(), LightError> {
        let Some(microphone) = &mut self.microphone else { return Ok(()) };
        let codecs = self.rtc.media(microphone.mid).map(|line| line.remote_pts());
        let opus = *codecs
            .and_then(<[_]>::first)
            .ok_or_else(|| LightError::session("the answer takes no Opus"))?;
        let payload = microphone.source.next_packet()?.to_vec();
        let (sequence, timestamp) = (microphone.sequence, microphone.timestamp);
        microphone.sequence += 1;
        microphone.timestamp = timestamp.wrapping_add(PACKET_SAMPLES);
        let mid = microphone.mid;
        let mut api = self.rtc.direct_api();
        let stream = api
            .stream_tx_by_mid(mid, None)
            .ok_or_else(|| LightError::session("the microphone has no stream"))?;
        stream.write_rtp(RtpWrite::new(opus, sequence.into(), timestamp, Instant::now(), payload));
        self.advance()
    }
}
