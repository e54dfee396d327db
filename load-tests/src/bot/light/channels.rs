//! A participant that has data channels and no media: what comes and goes is data messages.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use signaling_core::request::{Join, Offer};
use str0m::change::SdpAnswer;
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use super::{Leave, LightError, MEDIA_TIMEOUT, Signal};

/// The largest datagram that is read.
const LARGEST_DATAGRAM: usize = 2_000;

/// Nothing is due; looked at again after that.
const IDLE: Duration = Duration::from_secs(1);

/// A participant with both data channels open, of which the lossy one is used. Dropping it cuts its
/// connections.
pub struct Channels {
    signal: Signal,
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    lossy: ChannelId,
    is_open: bool,
    /// When the stack wants to be woken.
    wake: Instant,
    came: VecDeque<Vec<u8>>,
    buffer: Vec<u8>,
    _life: JoinSet<()>,
}

impl Channels {
    /// Enters a room by the signaling door at `url`, and waits until the channels are open.
    ///
    /// # Errors
    ///
    /// When any step of it fails; each is bounded in time.
    pub async fn join(url: &str, join: Join) -> Result<Channels, LightError> {
        let (signal, mut events) = Signal::connect(url).await?;
        let mut life = JoinSet::new();
        // Unread events would end the connection.
        life.spawn(async move { while events.recv().await.is_some() {} });
        signal.request(join).await?;
        let socket = UdpSocket::bind((signal.local_address(), 0)).await?;
        let local = socket.local_addr()?;
        let mut rtc = RtcConfig::new().clear_codecs().build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, "udp").map_err(LightError::session)?);
        let mut lines = rtc.sdp_api();
        lines.add_channel_with_config(channel(0, true, Reliability::Reliable));
        let retransmits = Reliability::MaxRetransmits { retransmits: 0 };
        let lossy = lines.add_channel_with_config(channel(1, false, retransmits));
        let (offer, pending) =
            lines.apply().ok_or_else(|| LightError::session("there is nothing to offer"))?;
        let answer = signal.request(Offer { sdp: offer.to_sdp_string() }).await?;
        let answer = SdpAnswer::from_sdp_string(&answer.sdp).map_err(LightError::session)?;
        rtc.sdp_api().accept_answer(pending, answer).map_err(LightError::session)?;
        let mut channels = Channels {
            signal,
            rtc,
            socket,
            local,
            lossy,
            is_open: false,
            wake: Instant::now(),
            came: VecDeque::new(),
            buffer: vec![0; LARGEST_DATAGRAM],
            _life: life,
        };
        let opened = async {
            while !channels.is_open {
                channels.turn(Instant::now() + IDLE).await?;
            }
            Ok(channels)
        };
        timeout(MEDIA_TIMEOUT, opened).await.map_err(|_| LightError::NoMediaPath)?
    }

    /// The next message, or `None` at `due`. May be cancelled.
    ///
    /// # Errors
    ///
    /// When the peer connection ends.
    pub async fn next(&mut self, due: Option<Instant>) -> Result<Option<Vec<u8>>, LightError> {
        loop {
            if let Some(message) = self.came.pop_front() {
                return Ok(Some(message));
            }
            if due.is_some_and(|due| due <= Instant::now()) {
                return Ok(None);
            }
            self.turn(due.unwrap_or_else(|| Instant::now() + IDLE)).await?;
        }
    }

    /// Sends a message on the lossy channel. False if there is no room for it in SCTP.
    ///
    /// # Errors
    ///
    /// When the peer connection is over.
    pub fn send(&mut self, message: &[u8]) -> Result<bool, LightError> {
        let mut channel = self
            .rtc
            .channel(self.lossy)
            .ok_or_else(|| LightError::session("the lossy channel is closed"))?;
        let taken = channel.write(true, message).map_err(LightError::session)?;
        self.drain()?;
        Ok(taken)
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

    /// Takes a datagram, or does what is due by `until`.
    async fn turn(&mut self, until: Instant) -> Result<(), LightError> {
        self.drain()?;
        let wake = self.wake.min(until);
        tokio::select! {
            received = self.socket.recv_from(&mut self.buffer) => {
                let (length, source) = received?;
                // What is no datagram of ours is dropped.
                let contents = &self.buffer[..length];
                if let Ok(receive) = Receive::new(Protocol::Udp, source, self.local, contents) {
                    let input = Input::Receive(Instant::now(), receive);
                    self.rtc.handle_input(input).map_err(LightError::session)?;
                }
            }
            () = sleep_until(wake.into()) => {
                let now = Instant::now();
                if self.wake <= now {
                    self.rtc.handle_input(Input::Timeout(now)).map_err(LightError::session)?;
                }
            }
        }
        self.drain()
    }

    /// Does what the stack wants done.
    fn drain(&mut self) -> Result<(), LightError> {
        loop {
            match self.rtc.poll_output().map_err(LightError::session)? {
                Output::Timeout(wake) => {
                    self.wake = wake;
                    return Ok(());
                }
                Output::Transmit(datagram) => {
                    // What the network does not take at once is lost, as on any network.
                    let _ = self.socket.try_send_to(&datagram.contents, datagram.destination);
                }
                Output::Event(Event::ChannelOpen(id, _)) if id == self.lossy => self.is_open = true,
                Output::Event(Event::ChannelData(data)) => self.came.push_back(data.data),
                Output::Event(Event::IceConnectionStateChange(
                    IceConnectionState::Disconnected,
                )) => return Err(LightError::session("the server does not answer any more")),
                Output::Event(_) => {}
            }
        }
    }
}

fn channel(stream: u16, ordered: bool, reliability: Reliability) -> ChannelConfig {
    ChannelConfig {
        label: String::new(),
        ordered,
        reliability,
        negotiated: Some(stream),
        protocol: String::new(),
    }
}
