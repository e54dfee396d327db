//! All RTP that leaves for one session: packets, resends, reports on them, and what the receiver
//! reports back.
//!
//! str0m keeps ICE, DTLS, SCTP and what the remote side sends. It has no stream for any slot
//! line, so that no packet is ever sealed by two senders with one key and one SSRC: the nonces
//! would repeat (RFC 3711 §9.1). Its own RTCP goes under an SSRC that is none of these.

mod feedback;
mod history;
mod line;
mod report;
mod train;

use std::time::{Duration, Instant};

pub(crate) use line::Terms;
pub(crate) use report::WallClock;

use crate::cache;
use crate::engine::Transmit;
use crate::packet::Outgoing;
use crate::path::Route;
use crate::quality::Leaving;
use crate::session::Outbox;
use crate::srtp::Srtp;
use crate::srtp::keys::Cell;
use crate::stats::DropReason;
use feedback::Feedback;
use line::{Line, Seal};
use report::ReferenceTime;

/// How often a stream that is sent on is reported on. The receiver's lip sync begins with the
/// first report, and a new source's with the next.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How long a report waits for a packet to leave with: then the session is looked at already, and what
/// leaves does so in one call.
const REPORT_PATIENCE: Duration = Duration::from_millis(100);

/// Resends that one report of the receiver can ask for. More is no loss, but an attack or a path
/// that a keyframe serves better.
const MAX_RESENDS: usize = 512;

/// What came of a packet of RTCP.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Slot lines that need a keyframe.
    pub(crate) keyframes: Vec<usize>,
    /// It also says something of what the remote side sends, which is for str0m.
    pub(crate) speaks_of_its_own: bool,
}

/// What was sent on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) packets: usize,
    /// Of payload.
    pub(crate) bytes: usize,
    /// The transmit that the last of them is in: its place among those that have not left yet.
    pub(crate) last: Option<usize>,
}

/// What leaves with what is sealed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Company {
    /// The transmit of the same session that it can go along with: its place among those that have not left
    /// yet.
    pub(crate) before: Option<usize>,
    /// More for the same session may follow before they leave.
    pub(crate) is_followed: bool,
}

/// The sending half of one session.
#[derive(Debug)]
pub(crate) struct Egress {
    keys: Cell,
    srtp: Option<Srtp>,
    clock: WallClock,
    /// By the slot line's index.
    lines: Vec<Option<Line>>,
    last_report: Option<Instant>,
    next_report: Option<Instant>,
    /// What the next report answers.
    reference: Option<ReferenceTime>,
    /// What was opened last.
    clear: Vec<u8>,
    /// What is told of the session's quality.
    pub(crate) leaving: Leaving,
}

impl Egress {
    /// Without lines. The session's keys will be in `keys`.
    pub(crate) fn new(keys: Cell, clock: WallClock) -> Egress {
        Egress {
            keys,
            srtp: None,
            clock,
            lines: Vec::new(),
            last_report: None,
            next_report: None,
            reference: None,
            clear: Vec::new(),
            leaving: Leaving::default(),
        }
    }

    /// Makes use of the keys, which DTLS has left by now. False if there are none.
    pub(crate) fn begin(&mut self) -> bool {
        if self.srtp.is_none() {
            self.srtp = self.keys.get().and_then(|keying| Srtp::new(keying).ok());
        }
        self.srtp.is_some()
    }

    /// The terms of a line, if it has any.
    pub(crate) fn terms(&self, line: usize) -> Option<&Terms> {
        self.lines.get(line)?.as_ref().map(|line| &line.terms)
    }

    /// The terms of all lines.
    pub(crate) fn all_terms(&self) -> impl Iterator<Item = &Terms> {
        self.lines.iter().flatten().map(|line| &line.terms)
    }

    /// Sets the terms of a line. One that keeps its SSRC goes on as it was.
    pub(crate) fn set_terms(&mut self, line: usize, terms: Terms) {
        if self.lines.len() <= line {
            self.lines.resize_with(line + 1, || None);
        }
        match &mut self.lines[line] {
            Some(same) if same.terms.ssrc == terms.ssrc => same.terms = terms,
            other => *other = Some(Line::new(terms)),
        }
    }

    /// Forgets the lines of which this is not true. They are never sent on again.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(usize, &Terms) -> bool) {
        for (index, line) in self.lines.iter_mut().enumerate() {
            line.take_if(|line| !keep(index, &line.terms));
        }
    }

    /// Has the memory fetched that tells where the rest is.
    pub(crate) fn fetch(&self) {
        cache::fetch(&self.lines);
        cache::fetch(&self.leaving);
        cache::fetch(&self.next_report);
        cache::fetch_start(&self.srtp);
    }

    /// Has the memory of a line fetched, and of the key, once that is here.
    pub(crate) fn fetch_line(&self, line: usize) {
        if let Some(line) = self.lines.get(line) {
            cache::fetch(line);
        }
        if let Some(srtp) = &self.srtp {
            srtp.fetch();
        }
    }

    /// Has the memory fetched of what was sent on a line, once that of the line is here.
    pub(crate) fn fetch_history(&self, line: usize) {
        if let Some(Some(line)) = self.lines.get(line) {
            line.fetch_history();
        }
    }

    /// Seals packets of a slot line, and leaves none of them in `packets`. Those whose sequence
    /// number was used before are left out.
    pub(crate) fn send(
        &mut self,
        line: usize,
        packets: &mut Vec<Outgoing>,
        company: Company,
        now: Instant,
        route: Route,
        out: &mut Outbox,
    ) -> Result<Sent, DropReason> {
        let line = self.lines.get_mut(line).and_then(Option::as_mut);
        let (Some(srtp), Some(line)) = (&self.srtp, line) else {
            packets.clear();
            return Err(DropReason::NotConnected);
        };
        packets.retain(|packet| line.take(packet.sequence));
        let bytes = packets.iter().map(|packet| packet.content.payload.len()).sum();
        let mut sent = Sent { packets: packets.len(), bytes, last: None };
        self.leaving.count(sent.packets, sent.bytes);
        if !packets.is_empty() {
            let with = Seal::first(srtp, &self.clock, now, company);
            sent.last = line.seal(packets, &with, route, out);
            let next = self.last_report.map_or(now, |last| last + REPORT_INTERVAL);
            self.next_report.get_or_insert(next);
            // It is small: it leaves with what comes last.
            if !company.is_followed {
                self.report_if_due(now, route, sent.last, &mut out.transmits);
            }
        }
        Ok(sent)
    }

    /// Whether packets wait to be sent again.
    pub(crate) fn has_resends(&self) -> bool {
        self.lines.iter().flatten().any(|line| !line.resends.is_empty())
    }

    /// When there is a report to send that has found no packet to leave with.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.next_report.map(|at| at + REPORT_PATIENCE)
    }

    /// Forgets what waits to be sent again, for which there is no way, and says how much it was.
    pub(crate) fn discard(&mut self) -> usize {
        self.lines.iter_mut().flatten().map(|line| line.resends.drain(..).len()).sum()
    }

    /// Seals what is to be sent again, and the report if it is due.
    pub(crate) fn flush(&mut self, now: Instant, route: Route, out: &mut Outbox) {
        let Some(srtp) = &self.srtp else {
            self.discard();
            return;
        };
        let with = Seal::again(srtp, &self.clock, now);
        let mut last = None;
        for line in self.lines.iter_mut().flatten().filter(|line| !line.resends.is_empty()) {
            let mut resends = std::mem::take(&mut line.resends);
            last = line.seal(&mut resends, &with, route, out);
        }
        self.report_if_due(now, route, last, &mut out.transmits);
    }

    /// Reports with the transmit at `last`, where there is room.
    fn report_if_due(
        &mut self,
        now: Instant,
        route: Route,
        last: Option<usize>,
        out: &mut Vec<Transmit>,
    ) {
        if self.next_report.is_none_or(|at| at > now) {
            return;
        }
        self.next_report = None;
        self.last_report = Some(now);
        let ntp = self.clock.ntp(now);
        let senders: Vec<_> =
            self.lines.iter_mut().flatten().filter_map(|line| line.report(now)).collect();
        let Some(srtp) = &mut self.srtp else { return };
        for senders in senders.chunks(report::STREAMS_PER_REPORT) {
            let mut packet = report::report(ntp, senders);
            if let Some(time) = self.reference.take() {
                report::answer(time, senders[0].ssrc, now, &mut packet);
            }
            if srtp.seal_rtcp(&mut packet).is_err() {
                continue;
            }
            match last.and_then(|last| out.get_mut(last)) {
                Some(open) if train::takes(open, &[packet.len()], 0) => {
                    open.segment_size.get_or_insert(open.contents.len());
                    open.contents.append(&mut packet);
                }
                _ => out.push(transmit(route, packet, None)),
            }
        }
    }

    /// Takes RTCP of the remote side that came at `now`.
    pub(crate) fn receive(&mut self, packet: &[u8], now: Instant) -> Result<Heard, DropReason> {
        let srtp = self.srtp.as_mut().ok_or(DropReason::BeforeKeys)?;
        srtp.open_rtcp(packet, &mut self.clear).map_err(|_| DropReason::Discarded)?;
        let mut heard = Heard::default();
        let lines = &mut self.lines;
        let (leaving, ntp) = (&mut self.leaving, self.clock.ntp(now));
        let reference = &mut self.reference;
        let mut resends = 0;
        heard.speaks_of_its_own = feedback::read(&self.clear, |feedback| match feedback {
            Feedback::Received { ssrc, report } => {
                if let Some((_, line)) = line_of(lines, ssrc) {
                    let before = line.on_received(report);
                    leaving.on_report(report, before, ntp);
                }
            }
            Feedback::KeyframeWanted { ssrc } => {
                if let Some((index, _)) = line_of(lines, ssrc)
                    && !heard.keyframes.contains(&index)
                {
                    heard.keyframes.push(index);
                }
            }
            Feedback::Missing { ssrc, first, following } => {
                let Some((_, line)) = line_of(lines, ssrc) else { return };
                for sequence in Feedback::missing(first, following) {
                    if resends < MAX_RESENDS
                        && let Some(packet) = line.resend(sequence, now)
                    {
                        resends += 1;
                        line.resends.push(packet);
                    }
                }
            }
            Feedback::ReferenceTime { ssrc, middle } => {
                *reference = Some(ReferenceTime { ssrc, middle, at: now });
            }
        });
        Ok(heard)
    }

    /// Says that the streams have ended.
    pub(crate) fn close(&mut self, route: Route, out: &mut Vec<Transmit>) {
        let Some(srtp) = &mut self.srtp else { return };
        let begun = self.lines.iter().flatten().filter(|line| line.has_begun());
        let ssrcs: Vec<u32> =
            begun.flat_map(|l| [Some(l.terms.ssrc), l.terms.resend_ssrc]).flatten().collect();
        for ssrcs in ssrcs.chunks(31) {
            let mut packet = report::goodbye(ssrcs);
            if srtp.seal_rtcp(&mut packet).is_ok() {
                out.push(transmit(route, packet, None));
            }
        }
    }
}

fn line_of(lines: &mut [Option<Line>], ssrc: u32) -> Option<(usize, &mut Line)> {
    let mut lines = lines.iter_mut().enumerate().filter_map(|(i, line)| Some((i, line.as_mut()?)));
    lines.find(|(_, line)| line.terms.ssrc == ssrc)
}

fn transmit(route: Route, contents: Vec<u8>, segment_size: Option<usize>) -> Transmit {
    Transmit {
        transport: route.remote.transport,
        source: route.local,
        destination: route.remote.address,
        contents,
        segment_size,
    }
}

#[cfg(test)]
mod tests {
    // What leaves is opened by another implementation's hands.
    use std::collections::HashSet;
    use std::net::SocketAddr;
    use std::sync::{Arc, OnceLock};

    use proptest::prelude::*;
    use rtc_srtp::context::Context;
    use rtc_srtp::protection_profile::ProtectionProfile;

    use super::*;
    use crate::demux::{Endpoint, Transport};
    use crate::header::ExtensionIds;
    use crate::packet::{Content, Extensions};
    use crate::srtp::keys::{Keying, Profile};

    const MEDIA: u32 = 7;
    const RESENDS: u32 = 8;

    #[allow(clippy::disallowed_methods)]
    fn epoch() -> Instant {
        Instant::now()
    }

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    fn route() -> Route {
        let remote = Endpoint { transport: Transport::Udp, address: address(2) };
        Route { local: address(1), remote }
    }

    /// An egress with one video line, and its receiver.
    struct Pair {
        egress: Egress,
        receiver: Context,
        sender: Context,
        now: Instant,
        out: Outbox,
        /// Of the transmits, how many were counted.
        counted: usize,
    }

    impl Pair {
        fn new() -> Pair {
            let now = epoch();
            let material: Vec<u8> = (0..56).collect();
            let crypto = rtc_crypto::default_provider().unwrap();
            let context = |key: std::ops::Range<usize>, salt: std::ops::Range<usize>| {
                let profile = ProtectionProfile::AeadAes128Gcm;
                let (key, salt) = (&material[key], &material[salt]);
                Context::new(key, salt, profile, None, None, crypto.crypto()).unwrap()
            };
            let (receiver, sender) = (context(0..16, 32..44), context(16..32, 44..56));
            let keying = Keying { profile: Profile::Gcm128, material, is_client: true };
            let clock = WallClock::new(now, std::time::UNIX_EPOCH);
            let mut egress = Egress::new(Arc::new(OnceLock::from(keying)), clock);
            assert!(egress.begin());
            egress.set_terms(
                0,
                Terms {
                    mid: "0".into(),
                    ssrc: MEDIA,
                    resend_ssrc: Some(RESENDS),
                    extensions: ExtensionIds { mid: Some(4), ..ExtensionIds::default() },
                    cname: "slot-0".into(),
                },
            );
            Pair { egress, receiver, sender, now, out: Outbox::default(), counted: 0 }
        }

        fn send(&mut self, sequence: u64, size: usize, is_whole: bool) -> Result<(), DropReason> {
            let sent = self.send_all(&[(sequence, size, is_whole)])?;
            if sent.packets == 1 { Ok(()) } else { Err(DropReason::Repeated) }
        }

        /// Sends packets with these numbers, sizes and markers at once.
        fn send_all(&mut self, packets: &[(u64, usize, bool)]) -> Result<Sent, DropReason> {
            self.send_with(packets, Company::default())
        }

        fn send_with(
            &mut self,
            packets: &[(u64, usize, bool)],
            company: Company,
        ) -> Result<Sent, DropReason> {
            let outgoing = |&(sequence, size, marker): &(u64, usize, bool)| Outgoing {
                content: Arc::new(Content {
                    marker,
                    clock_rate: 90_000,
                    captured: self.now,
                    extensions: Extensions::default(),
                    payload: body(sequence, size).into(),
                }),
                sequence,
                timestamp: 1_000,
                payload_type: 96,
                resend_type: Some(97),
                picture_ids: None,
            };
            let mut packets: Vec<Outgoing> = packets.iter().map(outgoing).collect();
            let sent = self.egress.send(0, &mut packets, company, self.now, route(), &mut self.out);
            assert!(packets.is_empty());
            sent
        }

        /// Flushes, and returns how many system calls it took for what was sent since the last time.
        fn flush(&mut self) -> usize {
            self.egress.flush(self.now, route(), &mut self.out);
            let before = std::mem::replace(&mut self.counted, self.out.transmits.len());
            self.counted - before
        }

        /// Everything that was sent: RTP opened, and then RTCP opened.
        fn opened(&mut self) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
            let (mut rtp, mut rtcp) = (Vec::new(), Vec::new());
            self.counted = 0;
            for transmit in self.out.transmits.drain(..) {
                for datagram in transmit.datagrams() {
                    if datagram[1] == 200 || datagram[1] == 203 {
                        rtcp.push(self.receiver.decrypt_rtcp(datagram).unwrap().to_vec());
                    } else {
                        rtp.push(self.receiver.decrypt_rtp(datagram).unwrap().to_vec());
                    }
                }
            }
            (rtp, rtcp)
        }

        fn nack(&mut self, entries: &[(u16, u16)]) {
            let mut packet = vec![0x81, 205, 0, 2 + entries.len() as u8, 0, 0, 0, 9, 0, 0, 0, 7];
            for (first, following) in entries {
                packet.extend(first.to_be_bytes());
                packet.extend(following.to_be_bytes());
            }
            self.receive(&packet);
        }

        /// Has the receiver say this.
        fn receive(&mut self, packet: &[u8]) {
            let sealed = self.sender.encrypt_rtcp(packet).unwrap();
            assert!(self.egress.receive(&sealed, self.now).is_ok());
        }
    }

    fn body(sequence: u64, size: usize) -> Vec<u8> {
        (0..size).map(|at| (sequence as usize + at) as u8).collect()
    }

    fn word(packet: &[u8], at: usize) -> u32 {
        u32::from_be_bytes(packet[at..at + 4].try_into().unwrap())
    }

    fn sequence(packet: &[u8]) -> u16 {
        u16::from_be_bytes([packet[2], packet[3]])
    }

    /// The payload of an opened packet, without padding.
    fn payload(packet: &[u8]) -> &[u8] {
        let start = 16 + 4 * usize::from(u16::from_be_bytes([packet[14], packet[15]]));
        let padding = if packet[0] & 0x20 != 0 { *packet.last().unwrap() } else { 0 };
        &packet[start..packet.len() - usize::from(padding)]
    }

    #[test]
    fn a_packet_goes_along_with_what_goes_its_way_and_with_nothing_else() {
        let mut pair = Pair::new();
        let other = Route {
            local: route().local,
            remote: Endpoint { address: route().local, ..route().remote },
        };
        pair.out.transmits.push(transmit(other, vec![0; 1_000], None));
        let behind = |place| Company { before: Some(place), is_followed: true };
        let sent = pair.send_with(&[(1, 500, true)], behind(0)).unwrap();
        assert_eq!((sent.last, pair.out.transmits[0].contents.len()), (Some(1), 1_000));
        let repeated = pair.send_with(&[(1, 500, true)], behind(0)).unwrap();
        assert_eq!((repeated.packets, repeated.last), (0, None), "it is in none");
        let sent = pair.send_with(&[(2, 100, true)], behind(1)).unwrap();
        assert_eq!((sent.last, pair.out.transmits.len()), (Some(1), 2));
        assert_eq!(pair.out.transmits[1].datagrams().len(), 2);
        // Behind a short one nothing goes along.
        let sent = pair.send_with(&[(3, 100, true)], behind(1)).unwrap();
        assert_eq!((sent.last, pair.out.transmits.len()), (Some(2), 3));
    }

    #[test]
    fn a_picture_leaves_in_one_call_and_arrives_unchanged() {
        let mut pair = Pair::new();
        let sizes = [1_101, 1_100, 1_101, 1_100, 1_100];
        let picture: Vec<_> = (1..).zip(sizes).map(|(n, size)| (n, size, n == 5)).collect();
        let sent = pair.send_all(&picture).unwrap();
        assert_eq!((sent.packets, sent.bytes), (5, sizes.iter().sum()));
        // The picture, and the first report of the stream.
        assert_eq!(pair.flush(), 2);
        let (rtp, rtcp) = pair.opened();
        assert_eq!(rtp.len(), 5);
        for (packet, (number, size)) in rtp.iter().zip((1..).zip(sizes)) {
            assert_eq!(payload(packet), body(number, size));
            assert_eq!(u64::from(sequence(packet)), number);
        }
        assert_eq!(rtcp.len(), 1);
    }

    #[test]
    fn reports_tie_the_stream_to_its_capture_and_stop_with_it() {
        let mut pair = Pair::new();
        assert_eq!(pair.flush(), 0, "a stream that has not begun says nothing");
        pair.send(1, 500, true).unwrap();
        pair.flush();
        let (_, rtcp) = pair.opened();
        assert_eq!((rtcp[0][1], word(&rtcp[0], 4), word(&rtcp[0], 16)), (200, MEDIA, 1_000));
        assert_eq!((word(&rtcp[0], 20), word(&rtcp[0], 24)), (1, 500));
        assert_eq!(pair.egress.deadline(), None, "nothing was sent since");

        pair.now += REPORT_INTERVAL / 4;
        pair.send(2, 500, true).unwrap();
        pair.flush();
        let due = pair.egress.deadline().unwrap();
        assert_eq!(due, pair.now + REPORT_INTERVAL * 3 / 4 + REPORT_PATIENCE);
        // No packet comes that it could leave with.
        pair.now = due;
        pair.flush();
        let (_, rtcp) = pair.opened();
        assert_eq!(rtcp.len(), 1);
        let ntp = |packet: &[u8]| (u64::from(word(packet, 8)) << 32) | u64::from(word(packet, 12));
        // The last packet was captured so long before.
        let since = REPORT_INTERVAL * 3 / 4 + REPORT_PATIENCE;
        assert_eq!(word(&rtcp[0], 16), 1_000 + 90 * since.as_millis() as u32);
        assert!(ntp(&rtcp[0]) > 0);

        pair.now += 10 * REPORT_INTERVAL;
        assert_eq!(pair.flush(), 0, "an idle stream says nothing");
    }

    #[test]
    fn a_report_leaves_with_the_packet_that_is_sent_when_it_is_due() {
        let mut pair = Pair::new();
        let mut reported = Vec::new();
        for number in 0..150 {
            pair.send(number + 1, 500, true).unwrap();
            let (rtp, rtcp) = pair.opened();
            assert_eq!(rtp.len(), 1);
            reported.extend(rtcp.iter().map(|_| number));
            pair.now += Duration::from_millis(20);
        }
        assert_eq!(reported, [0, 50, 100]);
    }

    #[test]
    fn who_tells_the_time_hears_how_long_ago_once() {
        let mut pair = Pair::new();
        pair.receive(&[0x80, 207, 0, 4, 0, 0, 0, 9, 4, 0, 0, 2, 0, 0, 1, 2, 3, 4, 0, 0]);
        pair.now += Duration::from_millis(500);
        pair.send(1, 500, true).unwrap();
        let (_, rtcp) = pair.opened();
        let answer = &rtcp[0][rtcp[0].len() - 24..];
        assert_eq!(answer[..4], [0x80, 207, 0, 5]);
        let words: Vec<u32> = (1..6).map(|at| word(answer, 4 * at)).collect();
        assert_eq!(words, [MEDIA, 5 << 24 | 3, 9, 0x0102_0304, 65_536 / 2]);

        pair.now += REPORT_INTERVAL;
        pair.send(2, 500, true).unwrap();
        let (_, rtcp) = pair.opened();
        assert!(rtcp.iter().all(|packet| !packet.ends_with(&[0, 0, 128, 0])), "{rtcp:?}");
    }

    #[test]
    fn what_is_missed_comes_again_under_its_own_stream() {
        let mut pair = Pair::new();
        // Across the sixteen bits.
        for sequence in 65_530..65_545u64 {
            pair.send(sequence, 300, true).unwrap();
        }
        pair.flush();
        pair.opened();
        pair.now += Duration::from_millis(50);
        pair.nack(&[(65_534, 0b11), (4, 0)]);
        assert!(pair.egress.has_resends());
        pair.flush();
        let (rtp, _) = pair.opened();
        let again: Vec<u64> = rtp
            .iter()
            .map(|packet| {
                assert_eq!((word(packet, 8), packet[1] & 0x7f), (RESENDS, 97));
                let payload = payload(packet);
                let original = u64::from(u16::from_be_bytes([payload[0], payload[1]]));
                let original = if original < 100 { original + 65_536 } else { original };
                assert_eq!(&payload[2..], body(original, 300));
                original
            })
            .collect();
        assert_eq!(again, [65_534, 65_535, 65_536, 65_540]);
        assert_eq!(rtp.iter().map(|p| sequence(p)).collect::<Vec<_>>(), [1, 2, 3, 4]);
    }

    #[test]
    fn feedback_that_cannot_be_opened_is_none_of_ours() {
        let mut pair = Pair::new();
        let short = [0x81, 206, 0, 2, 1, 2, 3, 4];
        assert_eq!(pair.egress.receive(&short, pair.now).unwrap_err(), DropReason::Discarded);
        assert!(pair.egress.receive(&[0x81; 200], pair.now).is_err());
        let request = [0x81, 206, 0, 2, 0, 0, 0, 9, 0, 0, 0, 7];
        let mut sealed = pair.sender.encrypt_rtcp(&request).unwrap().to_vec();
        let heard = pair.egress.receive(&sealed, pair.now).unwrap();
        assert_eq!((heard.keyframes, heard.speaks_of_its_own), (vec![0], false));
        sealed[9] ^= 1;
        assert!(pair.egress.receive(&sealed, pair.now).is_err());
    }

    #[test]
    fn a_line_that_is_left_sends_nothing_more() {
        let mut pair = Pair::new();
        pair.send(1, 100, true).unwrap();
        pair.nack(&[(1, 0)]);
        pair.flush();
        pair.egress.retain(|_, _| false);
        assert_eq!(pair.flush(), 0);
        assert_eq!(pair.send(2, 100, true), Err(DropReason::NotConnected));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is sent, missed and sent again, no two packets have one SSRC and index, which is
        /// what their nonces are made of; and everything that leaves can be opened.
        #[test]
        fn no_nonce_comes_twice(
            first in 1u64..60_000,
            steps in prop::collection::vec((0u64..8, 1usize..1_300, any::<bool>(), any::<u16>()), 1..120),
        ) {
            let mut pair = Pair::new();
            let mut next = first;
            let mut used = HashSet::new();
            let mut accepted = HashSet::new();
            for (step, size, is_whole, missing) in steps {
                pair.now += Duration::from_millis(step * 5);
                // Numbers repeat, come late, and leave gaps.
                let sequence = if step < 3 { next.saturating_sub(step) } else { next + step };
                next = next.max(sequence + 1);
                let is_new = accepted.insert(sequence);
                let outcome = pair.send(sequence, size, is_whole);
                prop_assert_eq!(outcome.is_ok(), is_new);
                if missing % 3 == 0 {
                    pair.nack(&[(sequence as u16, missing), (missing, 0xffff)]);
                }
                if is_whole {
                    pair.flush();
                }
            }
            pair.flush();
            let (rtp, _) = pair.opened();
            for packet in &rtp {
                // The rollover counter did not move more than once.
                prop_assert!(used.insert((word(packet, 8), sequence(packet))));
            }
            let media = rtp.iter().filter(|packet| word(packet, 8) == MEDIA).count();
            prop_assert_eq!(media, accepted.len());
        }
    }
}
