//! A peer connection between two participants, with the two channels of a transfer (docs/transfer.md "Lanes").
//!
//! Nothing of it goes by the server but the descriptions, which is for others to do.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use tokio::time::{sleep_until, timeout_at};

use super::control::Control;

/// The largest datagram that is read.
const LARGEST_DATAGRAM: usize = 2_000;
/// Nothing is due; looked at again after that.
const IDLE: Duration = Duration::from_secs(1);
/// How long SCTP may put off a confirmation, and what it takes to send it.
const CONFIRMING: Duration = Duration::from_millis(700);
/// How long the last word may take.
const LAST_WORD: Duration = Duration::from_secs(10);
/// SCTP takes another piece while no more than this waits in it.
const MOST_BUFFERED: usize = 64 * 1_024;
/// The channels, by the number that both sides give them.
const CONTROL: u16 = 0;
const BLOCKS: u16 = 1;

/// What came from the other side.
#[derive(Debug)]
pub(super) enum Message {
    Control(Control),
    /// How many bytes have arrived there.
    Word(String),
    Piece(Vec<u8>),
}

/// One lane. Dropping it ends the connection.
pub(super) struct Lane {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    control: ChannelId,
    blocks: ChannelId,
    /// Of the two channels.
    open: u8,
    /// When the stack wants to be woken.
    wake: Instant,
    came: VecDeque<Message>,
    buffer: Vec<u8>,
}

impl Lane {
    /// Begins one from a local address: what is to be offered, and what the answer is for.
    pub(super) async fn offer(address: IpAddr) -> anyhow::Result<(Lane, SdpPendingOffer, String)> {
        let (mut rtc, socket, local) = begin(address).await?;
        let mut lines = rtc.sdp_api();
        let control = lines.add_channel_with_config(channel(CONTROL));
        let blocks = lines.add_channel_with_config(channel(BLOCKS));
        let (offer, pending) = lines.apply().context("there is nothing to offer")?;
        let lane = Lane::new(rtc, socket, local, control, blocks);
        Ok((lane, pending, offer.to_sdp_string()))
    }

    /// Takes the answer to what was offered.
    pub(super) fn accept(&mut self, pending: SdpPendingOffer, answer: &str) -> anyhow::Result<()> {
        let answer = SdpAnswer::from_sdp_string(answer).context("the answer")?;
        Ok(self.rtc.sdp_api().accept_answer(pending, answer)?)
    }

    /// Answers an offer, from a local address.
    pub(super) async fn answer(address: IpAddr, offer: &str) -> anyhow::Result<(Lane, String)> {
        let (mut rtc, socket, local) = begin(address).await?;
        let offer = SdpOffer::from_sdp_string(offer).context("the offer")?;
        let control = rtc.direct_api().create_data_channel(channel(CONTROL));
        let blocks = rtc.direct_api().create_data_channel(channel(BLOCKS));
        let answer = rtc.sdp_api().accept_offer(offer)?;
        Ok((Lane::new(rtc, socket, local, control, blocks), answer.to_sdp_string()))
    }

    fn new(
        rtc: Rtc,
        socket: UdpSocket,
        local: SocketAddr,
        control: ChannelId,
        blocks: ChannelId,
    ) -> Lane {
        Lane {
            rtc,
            socket,
            local,
            control,
            blocks,
            open: 0,
            wake: Instant::now(),
            came: VecDeque::new(),
            buffer: vec![0; LARGEST_DATAGRAM],
        }
    }

    /// Takes a candidate of the other side; one that this lane cannot use is passed over.
    pub(super) fn add(&mut self, candidate: &str) {
        if let Ok(candidate) = Candidate::from_sdp_string(candidate) {
            self.rtc.add_remote_candidate(candidate);
        }
    }

    /// Whether both channels are open on this side.
    pub(super) fn is_open(&self) -> bool {
        self.open == 2
    }

    /// Says something on the control channel.
    pub(super) async fn say(&mut self, control: &Control) -> anyhow::Result<()> {
        self.write(self.control, false, serde_json::to_string(control)?.as_bytes()).await
    }

    /// Says how many bytes have arrived.
    pub(super) async fn word(&mut self, word: &str) -> anyhow::Result<()> {
        self.write(self.blocks, false, word.as_bytes()).await
    }

    /// Sends a piece, after [`Lane::has_room`].
    pub(super) async fn send(&mut self, piece: &[u8]) -> anyhow::Result<()> {
        self.write(self.blocks, true, piece).await
    }

    /// Whether a piece would be taken.
    pub(super) fn has_room(&mut self) -> bool {
        self.rtc.channel(self.blocks).is_some_and(|mut c| c.buffered_amount() < MOST_BUFFERED)
    }

    /// Stays long enough for SCTP to confirm what has come, which it may put off (RFC 9260 §6.2).
    pub(super) async fn linger(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + CONFIRMING;
        while Instant::now() < until {
            timeout_at(until.into(), self.turn()).await.unwrap_or(Ok(()))?;
        }
        Ok(())
    }

    /// Waits until the other side has taken all that was said; false if it does not within some seconds.
    pub(super) async fn rest(&mut self) -> anyhow::Result<bool> {
        let until = Instant::now() + LAST_WORD;
        loop {
            let mut waits =
                |channel| self.rtc.channel(channel).map_or(0, |mut c| c.buffered_amount());
            if [self.control, self.blocks].map(&mut waits) == [0, 0] {
                return Ok(true);
            }
            if Instant::now() > until {
                return Ok(false);
            }
            self.turn().await?;
        }
    }

    async fn write(&mut self, id: ChannelId, binary: bool, message: &[u8]) -> anyhow::Result<()> {
        let mut channel = self.rtc.channel(id).context("the channel is closed")?;
        ensure!(channel.write(binary, message)?, "the channel takes no more");
        self.drain().await
    }

    /// What has come, if anything has.
    pub(super) fn heard(&mut self) -> Option<Message> {
        self.came.pop_front()
    }

    /// Takes a datagram, or does what is due.
    pub(super) async fn turn(&mut self) -> anyhow::Result<()> {
        let wake = self.wake.min(Instant::now() + IDLE);
        tokio::select! {
            received = self.socket.recv_from(&mut self.buffer) => {
                let (length, source) = received.context("the socket")?;
                self.take(length, source)?;
                // What else is there already comes with it.
                while let Ok((length, source)) = self.socket.try_recv_from(&mut self.buffer) {
                    self.take(length, source)?;
                    self.drain().await?;
                }
            }
            () = sleep_until(wake.into()) => {
                let now = Instant::now();
                if self.wake <= now {
                    self.rtc.handle_input(Input::Timeout(now))?;
                }
            }
        }
        self.drain().await
    }

    fn take(&mut self, length: usize, source: SocketAddr) -> anyhow::Result<()> {
        // What is no datagram of ours is dropped.
        if let Ok(receive) = Receive::new(Protocol::Udp, source, self.local, &self.buffer[..length])
        {
            self.rtc.handle_input(Input::Receive(Instant::now(), receive))?;
        }
        Ok(())
    }

    /// Does what the stack wants done.
    pub(super) async fn drain(&mut self) -> anyhow::Result<()> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(wake) => {
                    self.wake = wake;
                    return Ok(());
                }
                // What the network does not take is lost, as on any network.
                Output::Transmit(datagram) => {
                    let _ = self.socket.send_to(&datagram.contents, datagram.destination).await;
                }
                Output::Event(Event::ChannelOpen(..)) => self.open += 1,
                Output::Event(Event::ChannelClose(_)) => bail!("the other side closed a channel"),
                Output::Event(Event::ChannelData(data)) => {
                    let message = match (data.id == self.control, data.binary) {
                        (true, false) => Message::Control(serde_json::from_slice(&data.data)?),
                        (false, false) => Message::Word(String::from_utf8(data.data)?),
                        (false, true) => Message::Piece(data.data),
                        (true, true) => bail!("bytes came on the control channel"),
                    };
                    self.came.push_back(message);
                }
                Output::Event(Event::IceConnectionStateChange(
                    IceConnectionState::Disconnected,
                )) => bail!("the other side does not answer any more"),
                Output::Event(_) => {}
            }
        }
    }
}

async fn begin(address: IpAddr) -> anyhow::Result<(Rtc, UdpSocket, SocketAddr)> {
    let socket = UdpSocket::bind((address, 0)).await.context("no UDP socket")?;
    let local = socket.local_addr()?;
    let mut rtc = RtcConfig::new().clear_codecs().build(Instant::now());
    rtc.add_local_candidate(Candidate::host(local, "udp")?);
    Ok((rtc, socket, local))
}

fn channel(stream: u16) -> ChannelConfig {
    ChannelConfig {
        label: String::new(),
        ordered: true,
        reliability: Reliability::Reliable,
        negotiated: Some(stream),
        protocol: String::new(),
    }
}
