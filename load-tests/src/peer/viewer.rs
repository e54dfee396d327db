//! A bot that receives. All viewers count what comes by its clear header; sampled ones look at every
//! byte, and at how long it took.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use str0m::media::Direction;

use super::arrivals::{Arrivals, ClearHeader};
use super::media::{self, Kind};
use super::session::{Happening, Session};
use super::socket::Datagram;

/// A viewer of a room, or one of its sessions.
pub(super) struct Viewer {
    pub(super) session: Session,
    pub(super) room: u16,
    /// Whom it views; `None` for everybody in the room.
    pub(super) publisher: Option<u16>,
    decrypts: bool,
    checks: Option<Checks>,
    counts: Counts,
    arrivals: Arrivals,
}

/// What came in the window.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    /// Media packets, without retransmissions and probes.
    pub(super) packets: u64,
    /// Bytes of their datagrams.
    pub(super) bytes: u64,
}

/// What a sampled viewer saw in the window.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// Payloads that were as they had been sent.
    pub(super) intact: u64,
    /// Payloads that were not.
    pub(super) corrupt: u64,
    /// Payloads of a room or a publisher that it does not view.
    pub(super) misrouted: u64,
    /// Payloads that came after a later one of their stream.
    pub(super) reordered: u64,
    /// From before encryption at the publisher until the kernel had the datagram for the viewer.
    pub(super) delays: Vec<Duration>,
    /// The last packet of each stream, by publisher and kind.
    last: Vec<(u16, Kind, u64)>,
}

impl Viewer {
    /// `decrypts`: everything goes through the stack, which also answers with all that a browser would.
    pub(super) fn open(
        ip: IpAddr,
        room: u16,
        publisher: Option<u16>,
        decrypts: bool,
        sampled: bool,
        now: Instant,
    ) -> anyhow::Result<Viewer> {
        Ok(Viewer {
            session: Session::open(ip, sampled, now)?,
            room,
            publisher,
            decrypts: decrypts || sampled,
            checks: sampled.then(Checks::default),
            counts: Counts::default(),
            arrivals: Arrivals::default(),
        })
    }

    /// Its offer, of so many pairs of m-lines.
    pub(super) fn offer(&mut self, pairs: u16) -> anyhow::Result<String> {
        Ok(self.session.offer(Direction::RecvOnly, pairs)?.0)
    }

    /// Begins a new window.
    pub(super) fn restart(&mut self) {
        self.counts = Counts::default();
        self.arrivals.restart();
        if let Some(checks) = &mut self.checks {
            *checks = Checks { last: std::mem::take(&mut checks.last), ..Checks::default() };
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    pub(super) fn checks(&self) -> Option<&Checks> {
        self.checks.as_ref()
    }

    pub(super) fn tick(&mut self, now: Instant) {
        self.session.tick(now, &mut |_| {});
    }

    pub(super) fn receive(&mut self, now: Instant, datagram: &Datagram<'_>) {
        let header = ClearHeader::read(datagram.contents);
        if let Some(header) = &header
            && self.session.kind(header.payload_type).is_some()
        {
            self.counts.packets += 1;
            self.counts.bytes += datagram.contents.len() as u64;
            self.arrivals.note(header);
        }
        // Checks of the path, the handshake and reports are always answered.
        if header.is_some() && !self.decrypts {
            return;
        }
        let Viewer { session, room, publisher, checks, .. } = self;
        let Datagram { contents, source, arrived } = datagram;
        session.receive(now, *source, contents, &mut |happening| {
            if let (Some(checks), Happening::Packet(payload)) = (checks.as_mut(), happening) {
                checks.look(&payload, *room, *publisher, *arrived);
            }
        });
    }
}

impl Checks {
    fn look(
        &mut self,
        payload: &[u8],
        room: u16,
        publisher: Option<u16>,
        arrived: Option<Duration>,
    ) {
        let Ok(stamp) = media::verify(payload) else {
            self.corrupt += 1;
            return;
        };
        if stamp.room != room || publisher.is_some_and(|publisher| stamp.publisher != publisher) {
            self.misrouted += 1;
            return;
        }
        self.intact += 1;
        self.delays.extend(arrived.map(|arrived| arrived.saturating_sub(stamp.sent)));
        let stream = (stamp.publisher, stamp.kind);
        match self.last.iter_mut().find(|last| (last.0, last.1) == stream) {
            Some(last) if stamp.packet <= last.2 => self.reordered += 1,
            Some(last) => last.2 = stamp.packet,
            // There are as many as there are publishers: others are misrouted, or corrupt.
            None => self.last.push((stamp.publisher, stamp.kind, stamp.packet)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::media::Stamp;

    #[test]
    fn checks_tell_what_is_wrong_with_a_payload() {
        let ms = Duration::from_millis;
        let stamp = |room, publisher, packet| Stamp {
            room,
            publisher,
            kind: Kind::Audio,
            packet,
            sent: ms(1_000),
        };
        let mut checks = Checks::default();
        for packet in [5, 6, 9, 7] {
            let payload = media::sound(&stamp(1, 2, packet));
            checks.look(&payload, 1, Some(2), Some(ms(1_000 + packet)));
        }
        checks.look(&media::sound(&stamp(1, 3, 0)), 1, Some(2), Some(ms(1_000)));
        checks.look(&media::sound(&stamp(2, 2, 0)), 1, None, Some(ms(1_000)));
        let mut broken = media::sound(&stamp(1, 2, 10));
        broken[100] ^= 1;
        checks.look(&broken, 1, Some(2), Some(ms(1_000)));
        assert_eq!((checks.intact, checks.misrouted, checks.corrupt), (4, 2, 1));
        assert_eq!(checks.reordered, 1);
        assert_eq!(checks.delays, [ms(5), ms(6), ms(9), ms(7)]);
    }
}
