//! The task that drives the stack: datagrams in and out, and the clips in time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use str0m::media::{Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Event, IceConnectionState, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::sync::oneshot;
use tokio::time::sleep_until;

use super::reception::Reception;
use super::{LightError, Presence, Reading, codec_of};
use crate::media::Codec;
use crate::media::player::Player;
use crate::receiving::say_nothing_unsent;

/// The largest datagram that is read.
const LARGEST_DATAGRAM: usize = 2_000;

/// Datagrams that are read before the clock is looked at again.
const BATCH: usize = 64;

/// How loud a packet of speech is said to be, in dBov (RFC 6464).
const LOUDNESS: i8 = -30;

/// An m-line that is sent on.
pub(super) struct Line {
    pub(super) mid: Mid,
    pub(super) payload_type: Pt,
    pub(super) player: Player,
}

pub(super) struct Session {
    pub(super) rtc: Rtc,
    pub(super) socket: UdpSocket,
    pub(super) local: SocketAddr,
    pub(super) lines: Vec<Line>,
    pub(super) reading: Reading,
    pub(super) reception: Reception,
    pub(super) presence: Arc<Presence>,
    /// Told once.
    pub(super) is_connected: Option<oneshot::Sender<()>>,
}

impl Session {
    pub(super) async fn run(mut self) -> Result<(), LightError> {
        let mut buffer = vec![0; LARGEST_DATAGRAM];
        while let Some(due) = self.drain().await? {
            let plays = self.is_connected.is_none();
            let next = self.lines.iter().map(|line| line.player.due()).min().filter(|_| plays);
            let wake = next.map_or(due, |next| next.min(due));
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    let (length, source) = received?;
                    self.receive(source, &buffer[..length]).await?;
                    for _ in 0..BATCH {
                        let Ok((length, source)) = self.socket.try_recv_from(&mut buffer) else { break };
                        self.receive(source, &buffer[..length]).await?;
                    }
                }
                () = sleep_until(wake.into()) => {
                    let now = Instant::now();
                    if plays {
                        self.play(now).await?;
                    }
                    if due <= now {
                        self.rtc.handle_input(Input::Timeout(now)).map_err(LightError::session)?;
                    }
                }
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
                Output::Event(event) => {
                    if !self.take(event) {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Takes what happened; returns whether it goes on.
    fn take(&mut self, event: Event) -> bool {
        match event {
            Event::Connected => {
                if let Some(is_connected) = self.is_connected.take() {
                    let now = Instant::now();
                    self.lines.iter_mut().for_each(|line| line.player.begin(now));
                    let _ = is_connected.send(());
                }
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => return false,
            Event::KeyframeRequest(request) => {
                self.presence.recorder.keyframes_asked.one();
                let line = self.lines.iter_mut().find(|line| line.mid == request.mid);
                if let Some(line) = line {
                    line.player.skip_to_keyframe();
                }
            }
            Event::RtpPacket(packet) => self.heard(packet),
            Event::MediaAdded(added) => say_nothing_unsent(&mut self.rtc, &added),
            _ => {}
        }
        true
    }

    fn heard(&mut self, packet: RtpPacket) {
        // Padding that probes the path has no payload.
        if packet.payload.is_empty() {
            return;
        }
        self.presence.packets.fetch_add(1, Ordering::Relaxed);
        let payload_type = packet.header.payload_type;
        let config = self.rtc.codec_config();
        let codec_of = || config.find(|params| params.pt() == payload_type).and_then(codec_of);
        self.reception.packet(Instant::now(), &packet, codec_of);
    }

    /// Takes one datagram, and does what the stack wants done after it: it keeps but one packet.
    async fn receive(&mut self, source: SocketAddr, contents: &[u8]) -> Result<(), LightError> {
        if self.reading == Reading::Headers
            && self.is_connected.is_none()
            && let Some((ssrc, sequence)) = rtp(contents)
        {
            self.presence.packets.fetch_add(1, Ordering::Relaxed);
            self.reception.header(ssrc, sequence, contents.len());
            return Ok(());
        }
        // What is no datagram of ours is dropped.
        let Ok(receive) = Receive::new(Protocol::Udp, source, self.local, contents) else {
            return Ok(());
        };
        let input = Input::Receive(Instant::now(), receive);
        self.rtc.handle_input(input).map_err(LightError::session)?;
        self.drain().await?;
        Ok(())
    }

    /// Sends what is due on all lines.
    async fn play(&mut self, now: Instant) -> Result<(), LightError> {
        for line in &mut self.lines {
            // A delayed packet is followed by the next ones at once: the stream's clock stays true.
            while line.player.due() <= now {
                let is_sound = line.player.codec() == Codec::Opus;
                let mut api = self.rtc.direct_api();
                let stream = api
                    .stream_tx_by_mid(line.mid, None)
                    .ok_or_else(|| LightError::session("a line that is sent on has no stream"))?;
                for packet in line.player.tick(Instant::now()) {
                    self.presence.recorder.sent.one();
                    let extensions = ExtensionValues {
                        audio_level: is_sound.then_some(LOUDNESS),
                        voice_activity: is_sound.then_some(true),
                        ..ExtensionValues::default()
                    };
                    let write = RtpWrite::new(
                        line.payload_type,
                        packet.sequence.into(),
                        packet.timestamp,
                        now,
                        packet.payload,
                    );
                    stream.write_rtp(
                        write.marker(packet.marker).nackable(!is_sound).ext_vals(extensions),
                    );
                }
            }
        }
        self.rtc.handle_input(Input::Timeout(Instant::now())).map_err(LightError::session)
    }
}

/// The stream and the number of an RTP packet (RFC 3550 §5.1), told from what else comes to the port
/// (RFC 7983 §7, RFC 5761 §4).
fn rtp(datagram: &[u8]) -> Option<(u32, u16)> {
    let (header, _) = datagram.split_first_chunk::<12>()?;
    if !(128..192).contains(&header[0]) || (192..224).contains(&header[1]) {
        return None;
    }
    let ssrc = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    Some((ssrc, u16::from_be_bytes([header[2], header[3]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rtp_is_told_from_the_rest() {
        let mut packet = [0x90, 0xe0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 7, 9, 9];
        assert_eq!(rtp(&packet), Some((7, 0x0102)));
        packet[1] = 200;
        assert_eq!(rtp(&packet), None);
        packet[0] = 1;
        assert_eq!(rtp(&packet), None);
        assert_eq!(rtp(&[0x90; 11]), None);
    }
}
