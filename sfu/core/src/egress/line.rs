//! The sending side of one slot line: its streams, and what was sent on them.

use std::time::{Duration, Instant};

use super::history::History;
use super::report::{Sender, WallClock};
use super::train::{self, Train};
use super::{Company, transmit};
use crate::codec::vp8;
use crate::header::{ExtensionIds, Header};
use crate::packet::Outgoing;
use crate::path::Route;
use crate::quality::Report;
use crate::session::Outbox;
use crate::srtp::Srtp;
use crate::srtp::used::Used;

/// The first sequence number of resends.
const FIRST_RESEND: u64 = 1;

/// The length of the original sequence number in a resent packet (RFC 4588 §4).
const ORIGINAL_SEQUENCE: usize = 2;

/// What the last offer and its answer say of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The `a=mid`.
    pub(crate) mid: String,
    pub(crate) ssrc: u32,
    /// The stream of resends (RFC 4588), where the receiver takes them.
    pub(crate) resend_ssrc: Option<u32>,
    pub(crate) extensions: ExtensionIds,
    pub(crate) cname: String,
}

/// How a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// On the line's own stream.
    First,
    /// On its stream of resends (RFC 4588).
    Again,
}

/// How packets are sealed.
pub(crate) struct Seal<'a> {
    pub(crate) srtp: &'a Srtp,
    pub(crate) send_time: u32,
    pub(crate) now: Instant,
    pub(crate) kind: Kind,
    pub(crate) company: Company,
}

#[derive(Debug, Clone, Copy)]
struct LastSent {
    timestamp: u32,
    captured: Instant,
    clock_rate: u32,
}

/// One line that is sent on. Before its first packet it says nothing at all: a stream that has
/// not begun has no time to report.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) terms: Terms,
    /// What the receiver has asked for, and gets with the next flush.
    pub(crate) resends: Vec<Outgoing>,
    used: Used,
    history: History,
    next_resend: u64,
    last: Option<LastSent>,
    packets: u32,
    octets: u32,
    /// Something was sent since the last report.
    is_news: bool,
    /// The receiver has told that it gets the stream: it knows which m-line it belongs to.
    reported: Option<Report>,
}

impl Line {
    pub(crate) fn new(terms: Terms) -> Line {
        Line {
            terms,
            resends: Vec::new(),
            used: Used::default(),
            history: History::default(),
            next_resend: FIRST_RESEND,
            last: None,
            packets: 0,
            octets: 0,
            is_news: false,
            reported: None,
        }
    }

    /// Takes the sequence number of a packet that is to be sent. False if it was used before.
    pub(crate) fn take(&mut self, sequence: u64) -> bool {
        self.used.take(sequence)
    }

    /// Whether anything was ever sent on the line.
    pub(crate) fn has_begun(&self) -> bool {
        self.last.is_some()
    }

    /// The receiver gets the stream; returns what it had said of it before.
    pub(crate) fn on_received(&mut self, report: Report) -> Option<Report> {
        self.reported.replace(report)
    }

    /// Has the memory fetched of what was sent, once its own is here.
    pub(crate) fn fetch_history(&self) {
        self.history.fetch();
    }

    /// A packet that the receiver misses and that may go again.
    pub(crate) fn resend(&mut self, sequence: u16, now: Instant) -> Option<Outgoing> {
        self.terms.resend_ssrc?;
        self.history.resend(sequence, now)
    }

    /// Writes and seals packets, those together that can leave in one call, and leaves none of
    /// them in `packets`. Returns the place of the last transmit that they are in.
    pub(crate) fn seal(
        &mut self,
        packets: &mut Vec<Outgoing>,
        with: &Seal<'_>,
        route: Route,
        out: &mut Outbox,
    ) -> Option<usize> {
        let mut sizes = std::mem::take(&mut out.sizes);
        sizes.clear();
        sizes.extend(packets.iter().map(|packet| self.size(packet, with.kind)));
        let overhead = with.srtp.overhead();
        let mut rest = sizes.as_slice();
        let mut packets = packets.drain(..);
        let mut last = None;
        if let Some(place) = with.company.before
            && let Some(open) = out.transmits.get_mut(place)
            && open.goes(route)
            && train::takes(open, rest, overhead)
        {
            let segment = *open.segment_size.get_or_insert(open.contents.len());
            self.seal_train(rest, segment - overhead, &mut packets, with, &mut open.contents);
            (rest, last) = (&[], Some(place));
        }
        while !rest.is_empty() {
            let train = Train::of(rest);
            let (wagons, after) = rest.split_at(train.count);
            rest = after;
            let mut contents = out.spare.pop().unwrap_or_default();
            contents.clear();
            self.seal_train(wagons, train.size, &mut packets, with, &mut contents);
            if !contents.is_empty() {
                let segment = (train.count > 1).then(|| train.size + overhead);
                last = Some(out.transmits.len());
                out.transmits.push(transmit(route, contents, segment));
            }
        }
        drop(packets);
        out.sizes = sizes;
        last
    }

    /// Writes and seals the next packets, which have these sizes, so that each is as long as the train's are,
    /// save the last.
    fn seal_train(
        &mut self,
        sizes: &[usize],
        train_size: usize,
        packets: &mut impl Iterator<Item = Outgoing>,
        with: &Seal<'_>,
        out: &mut Vec<u8>,
    ) {
        for (at, (size, packet)) in sizes.iter().zip(packets).enumerate() {
            let is_last = at + 1 == sizes.len();
            let missing = train_size - size;
            // A train that ends with a short packet takes no more.
            let is_open = with.company.is_followed && missing <= train::MAX_PADDING;
            let padding = if is_last && !is_open { 0 } else { missing };
            self.seal_one(packet, padding, with, out);
        }
    }

    /// How long a packet is before it is sealed.
    fn size(&self, packet: &Outgoing, kind: Kind) -> usize {
        let original = if kind == Kind::Again { ORIGINAL_SEQUENCE } else { 0 };
        self.terms.extensions.header_len(self.mid(kind), &packet.content.extensions)
            + original
            + packet.content.payload.len()
    }

    /// Writes and seals a packet at the end of `out`, with `padding` bytes more than it needs.
    /// Leaves `out` as it was if there are no means to: a resend without its stream.
    fn seal_one(&mut self, packet: Outgoing, padding: usize, with: &Seal<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        let kind = with.kind;
        let (ssrc, payload_type, index) = match kind {
            Kind::First => (self.terms.ssrc, packet.payload_type, packet.sequence),
            Kind::Again => {
                let (Some(ssrc), Some(payload_type)) = (self.terms.resend_ssrc, packet.resend_type)
                else {
                    return;
                };
                self.next_resend += 1;
                (ssrc, payload_type, self.next_resend - 1)
            }
        };
        let header = Header {
            has_padding: padding > 0,
            marker: packet.content.marker,
            payload_type,
            sequence: index as u16,
            timestamp: packet.timestamp,
            ssrc,
            mid: self.mid(kind),
            extensions: packet.content.extensions,
            send_time: with.send_time,
        };
        let header_len = header.write(&self.terms.extensions, out);
        if kind == Kind::Again {
            out.extend_from_slice(&(packet.sequence as u16).to_be_bytes());
        }
        let payload = out.len();
        out.extend_from_slice(&packet.content.payload);
        if let Some(ids) = packet.picture_ids {
            vp8::renumber(&mut out[payload..], ids);
        }
        if padding > 0 {
            out.resize(out.len() + padding - 1, 0);
            out.push(padding as u8);
        }
        if with.srtp.seal(out, start, header_len, ssrc, index).is_err() {
            // Only what is longer than any datagram cannot be sealed.
            out.truncate(start);
            return;
        }
        if kind == Kind::First {
            self.on_sent(packet, with.now);
        }
    }

    fn on_sent(&mut self, packet: Outgoing, now: Instant) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(packet.content.payload.len() as u32);
        self.is_news = true;
        self.last = Some(LastSent {
            timestamp: packet.timestamp,
            captured: packet.content.captured,
            clock_rate: packet.content.clock_rate,
        });
        if self.terms.resend_ssrc.is_some() && packet.resend_type.is_some() {
            self.history.keep(packet, now);
        }
    }

    /// What a report says of the line, if something was sent since the last one.
    pub(crate) fn report(&mut self, now: Instant) -> Option<Sender<'_>> {
        if !std::mem::take(&mut self.is_news) {
            return None;
        }
        let last = self.last?;
        let since = now.saturating_duration_since(last.captured);
        Some(Sender {
            ssrc: self.terms.ssrc,
            timestamp: last.timestamp.wrapping_add(ticks(since, last.clock_rate)),
            packets: self.packets,
            octets: self.octets,
            cname: &self.terms.cname,
        })
    }

    /// Resends are rare, and their stream is not always reported on: they always tell.
    fn mid(&self, kind: Kind) -> Option<&[u8]> {
        (kind == Kind::Again || self.reported.is_none()).then_some(self.terms.mid.as_bytes())
    }
}

impl<'a> Seal<'a> {
    /// For packets that go for the first time.
    pub(crate) fn first(
        srtp: &'a Srtp,
        clock: &WallClock,
        now: Instant,
        company: Company,
    ) -> Seal<'a> {
        Seal { srtp, send_time: clock.send_time(now), now, kind: Kind::First, company }
    }

    /// For resends.
    pub(crate) fn again(srtp: &'a Srtp, clock: &WallClock, now: Instant) -> Seal<'a> {
        Seal { kind: Kind::Again, ..Seal::first(srtp, clock, now, Company::default()) }
    }
}

fn ticks(time: Duration, clock_rate: u32) -> u32 {
    (time.as_nanos() * u128::from(clock_rate) / 1_000_000_000) as u32
}
