//! A participant that costs little, so that hundreds fit into one process: a socket and two tasks.
//! Its peer connection is str0m in RTP mode; it sends clips, and checks what comes without decoding
//! it.
//!
//! [`session`] drives the stack, [`reception`] judges what came; [`Channels`] is one without media. This folder is the only place here
//! that touches `str0m`. It is the stack that the server is built on, so these participants say how
//! the server bears many, not whether others understand it: that is for
//! [`independent`](super::independent).

mod channels;
pub mod reception;
mod session;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use signaling_core::id::ParticipantId;
use signaling_core::info::{MediaKind, TrackSource};
use signaling_core::request::{Join, Offer, Publish};
use str0m::change::SdpAnswer;
use str0m::format::{Codec as RtcCodec, PayloadParams};
use str0m::media::{Direction, MediaKind as LineKind, Mid};
use str0m::{Candidate, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::ask::Leave;
use super::signal::{Signal, SignalError};
use crate::measure::Recorder;
use crate::media::Codec;
use crate::media::clip::Clip;
use crate::media::player::{Clock, Player};
pub use channels::Channels;
use reception::{Awaits, Reception};
use session::{Line, Session};

/// How long ICE and DTLS may take.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(15);

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
    /// ICE or DTLS did not get through.
    #[error("no media path to the server within {MEDIA_TIMEOUT:?}")]
    NoMediaPath,
}

impl LightError {
    fn session(error: impl ToString) -> LightError {
        LightError::Session(error.to_string())
    }
}

/// What a participant brings to a room, and what it is to do there.
#[derive(Debug, Clone)]
pub struct Kit {
    /// Pairs of slots; it asks for no more, however many publish.
    pub pairs: u32,
    /// What it sends.
    pub media: Vec<Publication>,
    /// How closely it looks at what comes.
    pub reading: Reading,
    /// What its join has to bring.
    pub awaits: Awaits,
    /// The number of its room, as in the upper halves of the streams there.
    pub room: u16,
    /// The run's clock.
    pub clock: Clock,
    /// Where it writes what it measures.
    pub recorder: Arc<Recorder>,
}

/// One track.
#[derive(Debug, Clone)]
pub struct Publication {
    /// What it is said to be.
    pub source: TrackSource,
    /// What is played.
    pub clip: Arc<Clip>,
    /// The stream of its stamps.
    pub stream: u32,
}

/// How closely a participant looks at what comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It decrypts every packet and checks every frame, asks again for what is lost, and tells the
    /// server how it receives.
    Whole,
    /// It counts by the headers, which are in the clear, and decrypts nothing: hundreds fit on one
    /// core. It asks for nothing again and tells nothing.
    Headers,
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
    presence: Arc<Presence>,
    _life: JoinSet<()>,
}

/// What a participant's tasks share.
#[derive(Debug)]
struct Presence {
    packets: AtomicU64,
    /// Whether it is gone or about to go.
    is_over: AtomicBool,
    recorder: Arc<Recorder>,
}

impl Presence {
    /// A connection is over. Counted once, and not when it was meant to be.
    fn fell(&self) {
        if !self.is_over.swap(true, Ordering::Relaxed) {
            self.recorder.fallen.one();
        }
    }
}

impl Light {
    /// Enters a room by the signaling door at `url`. Media flows when this returns.
    ///
    /// # Errors
    ///
    /// When any step of it fails; each is bounded in time.
    pub async fn join(url: &str, join: Join, kit: Kit) -> Result<(Light, Took), LightError> {
        let begun = Instant::now();
        let (signal, mut events) = Signal::connect(url).await?;
        let participant = signal.request(join).await?.snapshot.participant.id;
        let joined = begun.elapsed();
        let presence = Arc::new(Presence {
            packets: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
            recorder: Arc::clone(&kit.recorder),
        });
        let mut life = JoinSet::new();
        let witness = Arc::clone(&presence);
        life.spawn(async move {
            // Unread events would end the connection. It takes no more slots than it came with.
            while events.recv().await.is_some() {}
            witness.fell();
        });

        let socket = UdpSocket::bind((signal.local_address(), 0)).await?;
        let local = socket.local_addr()?;
        let (rtc, lines) = negotiate(&signal, local, &kit).await?;
        let (is_connected, connected) = oneshot::channel();
        let witness = Arc::clone(&presence);
        let session = Session {
            rtc,
            socket,
            local,
            lines,
            reading: kit.reading,
            reception: Reception::new(kit.recorder.clone(), kit.clock, kit.room, kit.awaits, begun),
            presence: Arc::clone(&presence),
            is_connected: Some(is_connected),
        };
        life.spawn(async move {
            // Whatever ends it shows in the count of those who fell out.
            let _ = session.run().await;
            witness.fell();
        });
        let connected = timeout(MEDIA_TIMEOUT, connected).await;
        if !matches!(connected, Ok(Ok(()))) {
            presence.is_over.store(true, Ordering::Relaxed);
            return Err(LightError::NoMediaPath);
        }
        let took = Took { joined, connected: begun.elapsed() };
        kit.recorder.connect.record(took.connected);
        Ok((Light { participant, signal, presence, _life: life }, took))
    }

    /// This participation.
    pub fn participant(&self) -> ParticipantId {
        self.participant
    }

    /// RTP packets that came so far.
    pub fn packets(&self) -> u64 {
        self.presence.packets.load(Ordering::Relaxed)
    }

    /// Says goodbye and closes the connections.
    ///
    /// # Errors
    ///
    /// When the server did not confirm it.
    pub async fn leave(self) -> Result<(), LightError> {
        self.presence.is_over.store(true, Ordering::Relaxed);
        self.signal.request(Leave).await?;
        Ok(())
    }
}

/// One round of offer and answer, and the publications.
async fn negotiate(
    signal: &Signal,
    local: SocketAddr,
    kit: &Kit,
) -> Result<(Rtc, Vec<Line>), LightError> {
    let mut rtc = RtcConfig::new()
        .clear_codecs()
        .enable_opus(true, false)
        .enable_vp8(true)
        .enable_h264(true)
        .enable_av1(true)
        .set_rtp_mode(true)
        .build(Instant::now());
    rtc.add_local_candidate(Candidate::host(local, "udp").map_err(LightError::session)?);
    let mut lines = rtc.sdp_api();
    let sending: Vec<_> = kit
        .media
        .iter()
        .map(|media| {
            let kind = line_kind(media.clip.codec);
            (media, lines.add_media(kind, Direction::SendOnly, None, None, None))
        })
        .collect();
    for _ in 0..kit.pairs {
        for kind in [LineKind::Audio, LineKind::Video] {
            lines.add_media(kind, Direction::RecvOnly, None, None, None);
        }
    }
    let (offer, pending) =
        lines.apply().ok_or_else(|| LightError::session("there is nothing to offer"))?;
    let answer = signal.request(Offer { sdp: offer.to_sdp_string() }).await?;
    let answer = SdpAnswer::from_sdp_string(&answer.sdp).map_err(LightError::session)?;
    rtc.sdp_api().accept_answer(pending, answer).map_err(LightError::session)?;

    let mut lines = Vec::with_capacity(sending.len());
    for (media, mid) in sending {
        let kind = match line_kind(media.clip.codec) {
            LineKind::Audio => MediaKind::Audio,
            LineKind::Video => MediaKind::Video,
        };
        let publish =
            Publish { mid: mid.to_string(), kind, source: media.source, name: None, muted: false };
        signal.request(publish).await?;
        let payload_type = payload_type(&rtc, mid, media.clip.codec)?;
        let player = Player::new(Arc::clone(&media.clip), kit.clock, media.stream, Instant::now());
        lines.push(Line { mid, payload_type, player });
    }
    Ok((rtc, lines))
}

fn line_kind(codec: Codec) -> LineKind {
    match codec {
        Codec::Opus => LineKind::Audio,
        Codec::Vp8 | Codec::H264 | Codec::Av1 => LineKind::Video,
    }
}

/// The payload type that the answer takes this codec as.
fn payload_type(rtc: &Rtc, mid: Mid, codec: Codec) -> Result<str0m::media::Pt, LightError> {
    let taken = rtc.media(mid).map(|line| line.remote_pts()).unwrap_or_default();
    taken
        .iter()
        .copied()
        .find(|taken| {
            let params = rtc.codec_config().find(|params| params.pt() == *taken);
            params
                .is_some_and(|params| codec_of(params) == Some(codec) && carries_fragments(params))
        })
        .ok_or_else(|| LightError::session(format!("the answer takes no {codec:?}")))
}

/// H.264 is sent in fragments, which packetization mode 1 allows (RFC 6184 §6.3).
fn carries_fragments(params: &PayloadParams) -> bool {
    let spec = params.spec();
    spec.codec != RtcCodec::H264 || spec.format.packetization_mode == Some(1)
}

fn codec_of(params: &PayloadParams) -> Option<Codec> {
    match params.spec().codec {
        RtcCodec::Opus => Some(Codec::Opus),
        RtcCodec::Vp8 => Some(Codec::Vp8),
        RtcCodec::H264 => Some(Codec::H264),
        RtcCodec::Av1 => Some(Codec::Av1),
        _ => None,
    }
}
