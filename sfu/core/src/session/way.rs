//! Where a session sends to: str0m chooses, `path` has the last word.

use std::time::Instant;

use str0m::net::Protocol;

use super::{Happened, Outbox, Session};
use crate::demux::{self, Endpoint, Transport};
use crate::engine::Transmit;
use crate::path::Route;
use crate::sources;
use crate::stats::DropReason;

/// Sender and subject of feedback that is not for the network.
const NOBODY: u32 = 1;

impl Session {
    /// A check from elsewhere may have changed where str0m sends to, and str0m does not tell: it is made to send
    /// something there, which goes no further than [`Session::transmit`].
    pub(super) fn ask_for_the_way(&mut self) {
        self.rtc.direct_api().send_pli_feedback(NOBODY.into(), NOBODY.into());
    }

    /// Where everything but checks goes now; `None` without a path, or consent to use it.
    pub(super) fn route(&mut self, now: Instant) -> Option<Route> {
        if self.way.is_none_or(|(_, until)| until <= now) {
            self.way = self.chosen.and_then(|chosen| self.paths.route(chosen, now));
        }
        self.way.map(|(route, _)| route)
    }

    /// Sends checks and their answers where str0m wants them, and everything else along the path
    /// in use.
    pub(super) fn transmit(
        &mut self,
        transmit: str0m::net::Transmit,
        now: Instant,
        out: &mut Outbox,
    ) {
        let transport = match transmit.proto {
            Protocol::Udp => Transport::Udp,
            Protocol::Tcp | Protocol::SslTcp | Protocol::Tls => Transport::Tcp,
        };
        let remote = Endpoint { transport, address: transmit.destination };
        let chosen = Route { local: transmit.source, remote };
        let contents: Vec<u8> = transmit.contents.into();
        let is_stun = demux::Protocol::of(&contents) == Some(demux::Protocol::Stun);
        if !is_stun && self.chosen != Some(chosen) {
            self.chosen = Some(chosen);
            self.way = None;
        }
        if is_for_nobody(&contents) {
            return;
        }
        match if is_stun { Some(chosen) } else { self.route(now) } {
            Some(route) => out.transmits.push(Transmit {
                transport: route.remote.transport,
                source: route.local,
                destination: route.remote.address,
                contents,
                segment_size: None,
            }),
            None => out.happened.push(Happened::Dropped(DropReason::NoConsent)),
        }
    }
}

/// Whether a datagram is [`Session::ask_for_the_way`]'s: a keyframe request alone, with its SRTCP
/// index and either tag. The first header and SSRC of SRTCP are in the clear.
fn is_for_nobody(datagram: &[u8]) -> bool {
    const LENGTHS: [usize; 2] = [12 + 4 + 10, 12 + 4 + 16];
    LENGTHS.contains(&datagram.len())
        && demux::Protocol::of(datagram) == Some(demux::Protocol::Rtp)
        && sources::is_rtcp(datagram)
        && datagram[4..8] == NOBODY.to_be_bytes()
}
