//! One peer connection: a str0m instance in RTP mode, and its socket. What happens in it is handed to
//! who drives it, a publisher or a viewer.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionMap, RtpWrite};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};

use super::media::Kind;
use super::socket;
use crate::receiving::say_nothing_unsent;

/// Header extensions by their numbers. Some servers know each by one number only: Janus by these.
const EXTENSIONS: [(u8, Extension); 4] = [
    (1, Extension::RtpMid),
    (4, Extension::AbsoluteSendTime),
    (5, Extension::TransportSequenceNumber),
    (6, Extension::AudioLevel),
];

/// When a session that is over is looked at again.
const NEVER: Duration = Duration::from_secs(24 * 3_600);

/// What happens in a session and is for who drives it.
pub(super) enum Happening {
    /// A media packet came: its payload, decrypted.
    Packet(Arc<[u8]>),
    /// The other side cannot show the video before a keyframe.
    KeyframeWanted,
}

/// The m-lines of one publisher, at its own session or at a viewer's.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) audio: Mid,
    pub(super) video: Mid,
}

/// A peer connection.
pub(super) struct Session {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    stamped: bool,
    pending: Option<SdpPendingOffer>,
    types: PayloadTypes,
    due: Instant,
    connected: bool,
    failure: Option<String>,
    /// What the server calls it.
    pub(super) resource: Option<String>,
}

impl Session {
    /// A session with a socket of its own. `stamped`: the kernel says when datagrams come.
    ///
    /// # Errors
    ///
    /// When there is no socket.
    pub(super) fn open(ip: IpAddr, stamped: bool, now: Instant) -> anyhow::Result<Session> {
        let socket = socket::open(ip, stamped).context("no UDP socket")?;
        let local = socket.local_addr()?;
        let mut extensions = ExtensionMap::empty();
        for (number, extension) in EXTENSIONS {
            extensions.set(number, extension);
        }
        let mut rtc = RtcConfig::new()
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_rtp_mode(true)
            .set_extension_map(extensions)
            .build(now);
        rtc.add_local_candidate(Candidate::host(local, "udp")?);
        Ok(Session {
            rtc,
            socket,
            local,
            stamped,
            pending: None,
            types: PayloadTypes::default(),
            due: now,
            connected: false,
            failure: None,
            resource: None,
        })
    }

    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    pub(super) fn stamped(&self) -> bool {
        self.stamped
    }

    /// When it wants a [`Session::tick`].
    pub(super) fn due(&self) -> Instant {
        self.due
    }

    /// Whether ICE and DTLS are through.
    pub(super) fn connected(&self) -> bool {
        self.connected
    }

    /// Why it is over, if it is.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// What a payload type stands for at the server; `None` for retransmissions and others.
    pub(super) fn kind(&self, payload_type: u8) -> Option<Kind> {
        self.types.kind(payload_type)
    }

    /// An SDP offer of so many pairs of m-lines.
    ///
    /// # Errors
    ///
    /// When there is none: without pairs.
    pub(super) fn offer(
        &mut self,
        direction: Direction,
        pairs: u16,
    ) -> anyhow::Result<(String, Vec<Pair>)> {
        let mut lines = self.rtc.sdp_api();
        let pairs = (0..pairs)
            .map(|_| Pair {
                audio: lines.add_media(MediaKind::Audio, direction, None, None, None),
                video: lines.add_media(MediaKind::Video, direction, None, None, None),
            })
            .collect();
        let (offer, pending) = lines.apply().context("an offer needs a pair of m-lines")?;
        self.pending = Some(pending);
        Ok((offer.to_sdp_string(), pairs))
    }

    /// Takes the answer to its offer.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub(super) fn accept(&mut self, answer: &str) -> anyhow::Result<()> {
        let pending = self.pending.take().context("an answer came to no offer")?;
        self.types = PayloadTypes::read(answer);
        let answer = SdpAnswer::from_sdp_string(answer).map_err(|error| anyhow!("{error}"))?;
        self.rtc.sdp_api().accept_answer(pending, answer)?;
        self.due = Instant::now();
        Ok(())
    }

    /// The answer to a server's offer.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub(super) fn answer(&mut self, offer: &str) -> anyhow::Result<String> {
        self.types = PayloadTypes::read(offer);
        let offer = SdpOffer::from_sdp_string(offer).map_err(|error| anyhow!("{error}"))?;
        let answer = self.rtc.sdp_api().accept_offer(offer)?;
        self.due = Instant::now();
        Ok(answer.to_sdp_string())
    }

    /// Takes a datagram.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        source: SocketAddr,
        contents: &[u8],
        happened: &mut impl FnMut(Happening),
    ) {
        // What is no datagram of a peer connection is dropped.
        if let Ok(receive) = Receive::new(Protocol::Udp, source, self.local, contents) {
            self.handle(Input::Receive(now, receive), happened);
        }
    }

    /// Does what time has made due.
    pub(super) fn tick(&mut self, now: Instant, happened: &mut impl FnMut(Happening)) {
        self.handle(Input::Timeout(now), happened);
    }

    /// Puts packets of a stream on its m-line; a [`Session::tick`] sends them.
    pub(super) fn write(&mut self, mid: Mid, kind: Kind, packet: impl FnOnce(u8) -> RtpWrite) {
        let Some(payload_type) = self.types.of(kind) else { return };
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, None) {
            stream.write_rtp(packet(payload_type));
        }
    }

    /// Ends it without another word, for a reason.
    pub(super) fn fail(&mut self, reason: impl ToString) {
        self.failure.get_or_insert_with(|| reason.to_string());
        self.rtc.disconnect();
        self.due = Instant::now() + NEVER;
    }

    fn handle(&mut self, input: Input<'_>, happened: &mut impl FnMut(Happening)) {
        if self.failure.is_some() {
            return;
        }
        if let Err(error) = self.rtc.handle_input(input) {
            return self.fail(error);
        }
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(due)) => {
                    self.due = due;
                    return;
                }
                Ok(Output::Transmit(datagram)) => {
                    // What the network does not take is lost, as on any network.
                    let _ = self.socket.send_to(&datagram.contents, datagram.destination);
                }
                Ok(Output::Event(event)) => match event {
                    Event::RtpPacket(packet) => happened(Happening::Packet(packet.payload)),
                    Event::KeyframeRequest(_) => happened(Happening::KeyframeWanted),
                    Event::Connected => self.connected = true,
                    Event::MediaAdded(added) => say_nothing_unsent(&mut self.rtc, &added),
                    Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                        return self.fail("its media path is lost");
                    }
                    _ => {}
                },
                Err(error) => return self.fail(error),
            }
        }
    }
}

/// The numbers that a server's description has for the two codecs.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct PayloadTypes {
    video: Vec<u8>,
    audio: Vec<u8>,
}

impl PayloadTypes {
    /// By its `a=rtpmap` lines (RFC 8866 §6.6).
    fn read(sdp: &str) -> PayloadTypes {
        let mut types = PayloadTypes::default();
        for line in sdp.lines() {
            let mapped = line.strip_prefix("a=rtpmap:").and_then(|line| line.split_once(' '));
            let Some((number, codec)) = mapped else { continue };
            let name = codec.split('/').next().unwrap_or_default().to_ascii_lowercase();
            let numbers = match name.as_str() {
                "vp8" => &mut types.video,
                "opus" => &mut types.audio,
                _ => continue,
            };
            if let Ok(number) = number.parse()
                && !numbers.contains(&number)
            {
                numbers.push(number);
            }
        }
        types
    }

    fn of(&self, kind: Kind) -> Option<u8> {
        match kind {
            Kind::Video => self.video.first().copied(),
            Kind::Audio => self.audio.first().copied(),
        }
    }

    fn kind(&self, number: u8) -> Option<Kind> {
        if self.video.contains(&number) {
            Some(Kind::Video)
        } else {
            self.audio.contains(&number).then_some(Kind::Audio)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payload_types_are_the_servers() {
        let sdp = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 opus/48000/2\r\n\
                   m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:96 VP8/90000\r\n\
                   a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:96 VP8/90000\r\n";
        let types = PayloadTypes::read(sdp);
        assert_eq!(types, PayloadTypes { video: vec![96], audio: vec![111] });
        assert_eq!((types.kind(96), types.kind(111)), (Some(Kind::Video), Some(Kind::Audio)));
        assert_eq!((types.kind(97), types.of(Kind::Video)), (None, Some(96)));
        assert_eq!(PayloadTypes::read("").of(Kind::Audio), None);
    }
}
