//! A peer connection on the `webrtc` crate: a second implementation of ICE, DTLS, SRTP and SDP, so
//! that the server is not only proven against the stack that it is built on.
//!
//! This is the only file that touches `webrtc` and `rtc`. It knows m-lines and packets; who sends
//! what on them is the business of [`Bot`](super::Bot).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::MIME_TYPE_OPUS;
use rtc::rtp;
use rtc::rtp_transceiver::RTCRtpTransceiverInit;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription, Registry,
    SettingEngineBuilder, register_default_interceptors,
};
use webrtc::rtp_transceiver::{RTCRtpTransceiverDirection, RtpTransceiver};

use super::source::PACKET_SAMPLES;
use crate::tone::SAMPLE_RATE;

/// How long local candidates may take to be gathered.
const GATHER_TIMEOUT: Duration = Duration::from_secs(5);

/// Packets that may wait to be read; the stack below drops what comes while it is full.
const PACKET_QUEUE: usize = 1_024;

/// Receiving tracks that may wait to be taken up: more than there are slots.
const TRACK_QUEUE: usize = 256;

/// Why the peer connection failed.
#[derive(Debug, thiserror::Error)]
#[error("the peer connection could not {step}: {reason}")]
pub struct SessionError {
    /// What it was about to do.
    step: &'static str,
    /// What went wrong.
    reason: String,
}

impl SessionError {
    fn new(step: &'static str, reason: impl ToString) -> SessionError {
        SessionError { step, reason: reason.to_string() }
    }

    /// For `map_err`: the stack's own error while doing `step`.
    fn at(step: &'static str) -> impl Fn(webrtc::error::Error) -> SessionError {
        move |error| SessionError::new(step, error)
    }
}

/// One RTP packet of an audio m-line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioPacket {
    /// The `a=mid` of the m-line.
    pub mid: String,
    /// The RTP sequence number.
    pub sequence: u16,
    /// The RTP timestamp, 48 kHz.
    pub timestamp: u32,
    /// Opus.
    pub payload: Bytes,
}

/// How far ICE and DTLS are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// On the way.
    Connecting,
    /// Media can flow.
    Connected,
    /// Over, or never came to be.
    Failed,
}

/// One peer connection with a microphone m-line (sendonly) and pairs of slots (recvonly audio, then
/// recvonly video). It always offers.
pub struct Session {
    connection: Arc<dyn PeerConnection>,
    track: Arc<TrackLocalStaticRTP>,
    ssrc: u32,
    transceiver: Arc<dyn RtpTransceiver>,
    state: watch::Receiver<SessionState>,
    gathered: watch::Receiver<bool>,
    video_packets: Arc<AtomicU64>,
    /// Takes up the receiving tracks, and ends with the session.
    _reader: JoinSet<()>,
}

impl Session {
    /// A session with `pairs` pairs of slots, for a server that is reached from the address
    /// `local`. The audio that it receives comes by the channel.
    ///
    /// # Errors
    ///
    /// When the stack cannot be set up, or no socket can be bound.
    pub async fn new(
        local: IpAddr,
        pairs: u32,
    ) -> Result<(Session, mpsc::Receiver<AudioPacket>), SessionError> {
        let step = SessionError::at("be set up");
        let mut codecs = MediaEngine::default();
        codecs.register_default_codecs().map_err(&step)?;
        let interceptors =
            register_default_interceptors(Registry::new(), &mut codecs).map_err(&step)?;
        let settings = SettingEngineBuilder::new().with_include_loopback_candidate(true).build();
        let (state_changed, state) = watch::channel(SessionState::Connecting);
        let (gathering_ended, gathered) = watch::channel(false);
        let (track_came, tracks) = mpsc::channel(TRACK_QUEUE);
        let connection: Arc<dyn PeerConnection> = Arc::new(
            PeerConnectionBuilder::new()
                .with_media_engine(codecs)
                .with_interceptor_registry(interceptors)
                .with_setting_engine(settings)
                .with_udp_addrs(candidates(local))
                .with_handler(Arc::new(Handler { state_changed, gathering_ended, track_came }))
                .build()
                .await
                .map_err(&step)?,
        );

        let ssrc = rand::random();
        let track = Arc::new(TrackLocalStaticRTP::new(opus_track(ssrc)));
        let transceiver = connection
            .add_transceiver_from_track(
                Arc::clone(&track) as Arc<dyn TrackLocal>,
                Some(towards(RTCRtpTransceiverDirection::Sendonly)),
            )
            .await
            .map_err(&step)?;
        let (packet_came, packets) = mpsc::channel(PACKET_QUEUE);
        let mut reader = JoinSet::new();
        let video_packets = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&video_packets);
        reader.spawn(read_tracks(Arc::clone(&connection), tracks, packet_came, counted));
        let session = Session {
            connection,
            track,
            ssrc,
            transceiver,
            state,
            gathered,
            video_packets,
            _reader: reader,
        };
        session.add_slots(pairs, pairs).await?;
        Ok((session, packets))
    }

    /// Adds receiving m-lines to the next offer, as pairs as far as both kinds last.
    ///
    /// # Errors
    ///
    /// When the connection is closed.
    pub async fn add_slots(&self, audio: u32, video: u32) -> Result<(), SessionError> {
        for index in 0..audio.max(video) {
            for (wanted, kind) in [(audio, RtpCodecKind::Audio), (video, RtpCodecKind::Video)] {
                if index < wanted {
                    let init = Some(towards(RTCRtpTransceiverDirection::Recvonly));
                    let added = self.connection.add_transceiver_from_kind(kind, init).await;
                    added.map_err(SessionError::at("add slots"))?;
                }
            }
        }
        Ok(())
    }

    /// Makes the offer, with all local candidates in it.
    ///
    /// # Errors
    ///
    /// When another offer is waiting for its answer, or no candidates can be gathered.
    pub async fn offer(&self) -> Result<String, SessionError> {
        const STEP: &str = "make an offer";
        let offer = self.connection.create_offer(None).await.map_err(SessionError::at(STEP))?;
        let set = self.connection.set_local_description(offer).await;
        set.map_err(SessionError::at(STEP))?;
        let mut gathered = self.gathered.clone();
        timeout(GATHER_TIMEOUT, gathered.wait_for(|gathered| *gathered))
            .await
            .map_err(|_| SessionError::new(STEP, "no candidates were gathered in time"))?
            .map_err(|_| SessionError::new(STEP, "it is closed"))?;
        let description = self.connection.local_description().await;
        Ok(description.ok_or_else(|| SessionError::new(STEP, "it is closed"))?.sdp)
    }

    /// Takes the answer to the last offer.
    ///
    /// # Errors
    ///
    /// When it does not parse or does not answer the offer.
    pub async fn accept(&self, answer: String) -> Result<(), SessionError> {
        let step = SessionError::at("take the answer");
        let answer = RTCSessionDescription::answer(answer).map_err(&step)?;
        self.connection.set_remote_description(answer).await.map_err(&step)
    }

    /// The `a=mid` of the microphone's m-line.
    ///
    /// # Errors
    ///
    /// Before the first offer.
    pub async fn microphone_mid(&self) -> Result<String, SessionError> {
        const STEP: &str = "name the microphone's m-line";
        let mid = self.transceiver.mid().await.map_err(SessionError::at(STEP))?;
        mid.ok_or_else(|| SessionError::new(STEP, "nothing was offered yet"))
    }

    /// What sends on the microphone's m-line, once the first answer was taken.
    ///
    /// # Errors
    ///
    /// When the answer takes no Opus.
    pub async fn microphone(&self) -> Result<Microphone, SessionError> {
        const STEP: &str = "send Opus";
        let missing = || SessionError::new(STEP, "the answer takes none");
        let sender = self.transceiver.sender().await.map_err(SessionError::at(STEP))?;
        let parameters = sender.ok_or_else(missing)?.get_parameters().await;
        let codecs = parameters.map_err(SessionError::at(STEP))?.rtp_parameters.codecs;
        let opus = codecs
            .iter()
            .find(|codec| codec.rtp_codec.mime_type.eq_ignore_ascii_case(MIME_TYPE_OPUS))
            .ok_or_else(missing)?;
        let next = rtp::Header {
            version: 2,
            // A talk spurt begins (RFC 3551 §4.1).
            marker: true,
            payload_type: opus.payload_type,
            sequence_number: rand::random(),
            timestamp: rand::random(),
            ssrc: self.ssrc,
            ..Default::default()
        };
        Ok(Microphone { track: Arc::clone(&self.track), next })
    }

    /// How far ICE and DTLS are, and every change of it.
    pub fn state(&self) -> watch::Receiver<SessionState> {
        self.state.clone()
    }

    /// Packets of video that came so far. It is not looked at.
    pub fn video_packets(&self) -> u64 {
        self.video_packets.load(Ordering::Relaxed)
    }

    /// Closes the connection: DTLS says goodbye to the other side.
    ///
    /// # Errors
    ///
    /// When the stack fails to; the connection is of no use then either.
    pub async fn close(&self) -> Result<(), SessionError> {
        self.connection.close().await.map_err(SessionError::at("be closed"))
    }
}

impl Drop for Session {
    /// The stack's own task outlives its last handle, and would keep the server believing in this
    /// session.
    fn drop(&mut self) {
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let connection = Arc::clone(&self.connection);
            runtime.spawn(async move { connection.close().await });
        }
    }
}

/// Sends Opus packets of 20 ms on the microphone's m-line.
pub struct Microphone {
    track: Arc<TrackLocalStaticRTP>,
    /// The header of the next packet.
    next: rtp::Header,
}

impl Microphone {
    /// Sends one packet; its RTP time is 20 ms after the last one's.
    ///
    /// # Errors
    ///
    /// When the connection is closed.
    pub async fn send(&mut self, payload: Bytes) -> Result<(), SessionError> {
        let header = self.next.clone();
        self.next.marker = false;
        self.next.sequence_number = self.next.sequence_number.wrapping_add(1);
        self.next.timestamp = self.next.timestamp.wrapping_add(PACKET_SAMPLES);
        let sent = self.track.write_rtp(rtp::Packet { header, payload }).await;
        sent.map_err(SessionError::at("send Opus"))
    }
}

/// Passes what the stack tells on to channels: it is called on the stack's own task, which must
/// never wait.
struct Handler {
    state_changed: watch::Sender<SessionState>,
    gathering_ended: watch::Sender<bool>,
    track_came: mpsc::Sender<Arc<dyn TrackRemote>>,
}

#[async_trait::async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        self.gathering_ended.send_replace(state == RTCIceGatheringState::Complete);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.state_changed.send_replace(match state {
            RTCPeerConnectionState::Connected => SessionState::Connected,
            RTCPeerConnectionState::Failed | RTCPeerConnectionState::Closed => SessionState::Failed,
            _ => SessionState::Connecting,
        });
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        // Full means more tracks than the largest offer has m-lines.
        let _ = self.track_came.try_send(track);
    }
}

/// Starts a reader for every receiving track as it comes: sound is passed on, video is counted.
async fn read_tracks(
    connection: Arc<dyn PeerConnection>,
    mut tracks: mpsc::Receiver<Arc<dyn TrackRemote>>,
    packet_came: mpsc::Sender<AudioPacket>,
    video_packets: Arc<AtomicU64>,
) {
    let mut readers = JoinSet::new();
    while let Some(track) = tracks.recv().await {
        if track.kind().await == RtpCodecKind::Video {
            readers.spawn(count_track(track, Arc::clone(&video_packets)));
        } else if let Some(mid) = mid_of(&*connection, &track).await {
            readers.spawn(read_track(track, mid, packet_came.clone()));
        }
    }
}

/// Passes on the packets of one track until it ends.
async fn read_track(
    track: Arc<dyn TrackRemote>,
    mid: String,
    packet_came: mpsc::Sender<AudioPacket>,
) {
    while let Some(event) = track.poll().await {
        if let TrackRemoteEvent::OnRtpPacket(packet) = event {
            let packet = AudioPacket {
                mid: mid.clone(),
                sequence: packet.header.sequence_number,
                timestamp: packet.header.timestamp,
                payload: packet.payload,
            };
            if packet_came.send(packet).await.is_err() {
                return;
            }
        }
    }
}

/// Counts the packets of one track until it ends; those without a payload probe the path.
async fn count_track(track: Arc<dyn TrackRemote>, packets: Arc<AtomicU64>) {
    while let Some(event) = track.poll().await {
        if let TrackRemoteEvent::OnRtpPacket(packet) = event
            && !packet.payload.is_empty()
        {
            packets.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The `a=mid` of the m-line that a track came on.
async fn mid_of(connection: &dyn PeerConnection, track: &Arc<dyn TrackRemote>) -> Option<String> {
    for transceiver in connection.get_transceivers().await {
        if let Ok(Some(receiver)) = transceiver.receiver().await
            && Arc::ptr_eq(receiver.track(), track)
        {
            return transceiver.mid().await.ok().flatten();
        }
    }
    None
}

/// A microphone as the stack wants it described.
fn opus_track(ssrc: u32) -> MediaStreamTrack {
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() },
        codec: RTCRtpCodec {
            mime_type: MIME_TYPE_OPUS.to_owned(),
            clock_rate: SAMPLE_RATE,
            channels: 2,
            ..Default::default()
        },
        active: true,
        ..Default::default()
    };
    let (stream, track) = ("microphone".to_owned(), "microphone".to_owned());
    MediaStreamTrack::new(stream, track.clone(), track, RtpCodecKind::Audio, vec![encoding])
}

/// Where to bind. Signaling and media may be of different address families; the stack passes over
/// what cannot be bound, and takes an unspecified address for all interfaces but the loopback.
fn candidates(local: IpAddr) -> Vec<(IpAddr, u16)> {
    let addresses: [IpAddr; 2] = if local.is_loopback() {
        [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
    } else {
        [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()]
    };
    addresses.map(|address| (address, 0)).to_vec()
}

fn towards(direction: RTCRtpTransceiverDirection) -> RTCRtpTransceiverInit {
    RTCRtpTransceiverInit { direction, streams: vec![], send_encodings: vec![] }
}
