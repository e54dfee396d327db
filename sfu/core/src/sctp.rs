//! What a remote side's SCTP may ask of ours (RFC 9260): looked at before the SCTP stack sees it.
//!
//! The stack keeps something for every stream that it hears of, for every fragment of a message
//! that is not whole, and for every TSN beyond a gap. Its credit counts the bytes of messages alone,
//! so a few megabytes of one-byte chunks could make it hold gigabytes, and search through them for
//! every further one. No client of ours has a reason to come near to these limits.

use crate::data::Channel;

/// Streams that may be named: the two data channels, and some more so that a page that opens another
/// channel has it closed and learns of its mistake.
const STREAMS: u16 = 8;

/// Chunks on streams that are not the data channels': enough to open a few channels and lose packets.
const FOREIGN_CHUNKS: u32 = 64;

/// TSNs beyond the last one that was acknowledged cumulatively. At the rate that a session
/// may send, 2,000 messages and 1 MiB a second, these are more than a second's. Beyond it a packet is
/// as good as lost: its sender sends it again.
const WINDOW: u32 = 4_096;

/// INIT and INIT ACK chunks of one session. They are sent again until they are answered; the stack
/// begins an association with each INIT that differs.
const INITS: u32 = 16;

/// Bytes that a fragment of a message should have. One may be smaller, where it fills up a packet.
const FRAGMENT: usize = 64;

/// Bytes by which all fragments together may fall short of that.
const SHORTFALL: usize = 64 << 10;

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The stack gets it.
    Pass,
    /// It is as good as lost.
    Drop,
    /// The session ends, for this reason.
    End(&'static str),
}

/// Looks at the packets of one association.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// The last TSN of the remote side's that was acknowledged with all before it.
    acknowledged: Option<u32>,
    inits: u32,
    foreign: u32,
    shortfall: usize,
}

impl Gate {
    /// Looks at a packet from the remote side. What cannot be read passes: the stack refuses it.
    pub(crate) fn receive(&mut self, packet: &[u8]) -> Verdict {
        let mut verdict = Verdict::Pass;
        for chunk in chunks(packet) {
            // The stack goes on where it believes that a chunk ends: another could hide in there.
            if !chunk.is_exact() {
                return Verdict::Drop;
            }
            match self.receive_chunk(&chunk) {
                Verdict::Pass => {}
                Verdict::Drop => verdict = Verdict::Drop,
                end @ Verdict::End(_) => return end,
            }
        }
        verdict
    }

    /// Looks at a packet to the remote side.
    pub(crate) fn send(&mut self, packet: &[u8]) {
        for chunk in chunks(packet).filter(|chunk| chunk.kind == kind::SACK) {
            self.acknowledged = chunk.number(0).or(self.acknowledged);
        }
    }

    fn receive_chunk(&mut self, chunk: &Chunk<'_>) -> Verdict {
        match chunk.kind {
            kind::DATA => self.receive_data(chunk),
            kind::INIT | kind::INIT_ACK => {
                self.inits += 1;
                let before_first = chunk.number(12).map(|initial| initial.wrapping_sub(1));
                self.acknowledged = self.acknowledged.or(before_first);
                match self.inits {
                    0..=INITS => Verdict::Pass,
                    _ => Verdict::End("it begins SCTP associations without end"),
                }
            }
            kind::FORWARD_TSN | kind::I_FORWARD_TSN => {
                let size = if chunk.kind == kind::FORWARD_TSN { 4 } else { 8 };
                let named = chunk.value.get(4..).unwrap_or_default().chunks_exact(size);
                if named.clone().any(|entry| u16::from_be_bytes([entry[0], entry[1]]) >= STREAMS) {
                    return Verdict::End(OTHER_STREAM);
                }
                self.within_window(chunk.number(0))
            }
            _ => Verdict::Pass,
        }
    }

    fn receive_data(&mut self, chunk: &Chunk<'_>) -> Verdict {
        let Some((header, data)) = chunk.value.split_at_checked(12) else { return Verdict::Pass };
        let stream = u16::from_be_bytes([header[4], header[5]]);
        self.foreign += u32::from(stream > Channel::Lossy.stream());
        if stream >= STREAMS || self.foreign > FOREIGN_CHUNKS {
            return Verdict::End(OTHER_STREAM);
        }
        // RFC 9260 §6.2 asks for the end, too.
        if data.is_empty() {
            return Verdict::End("it sends SCTP data without data");
        }
        let is_whole = chunk.flags & 0b11 == 0b11;
        if !is_whole {
            self.shortfall = (self.shortfall + FRAGMENT).saturating_sub(data.len());
        }
        if self.shortfall > SHORTFALL {
            return Verdict::End("it sends its messages in crumbs");
        }
        self.within_window(chunk.number(0))
    }

    fn within_window(&self, tsn: Option<u32>) -> Verdict {
        match (self.acknowledged, tsn) {
            (Some(acknowledged), Some(tsn))
                if tsn.wrapping_sub(acknowledged).cast_signed() > WINDOW.cast_signed() =>
            {
                Verdict::Drop
            }
            _ => Verdict::Pass,
        }
    }
}

const OTHER_STREAM: &str = "it uses SCTP streams without end; 0 and 1 are the data channels";

/// Chunk types (RFC 9260 §3.2, RFC 3758 §3.2, RFC 6525 §3.1, RFC 8260 §2.3.1).
mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const INIT: u8 = 1;
    pub(super) const INIT_ACK: u8 = 2;
    pub(super) const SACK: u8 = 3;
    pub(super) const HEARTBEAT: u8 = 4;
    pub(super) const SHUTDOWN_ACK: u8 = 8;
    pub(super) const COOKIE_ACK: u8 = 11;
    pub(super) const SHUTDOWN_COMPLETE: u8 = 14;
    pub(super) const RE_CONFIG: u8 = 130;
    pub(super) const FORWARD_TSN: u8 = 192;
    pub(super) const I_FORWARD_TSN: u8 = 194;
}

/// Parameter types (RFC 9260 §3.3.5, RFC 6525 §4).
const HEARTBEAT_INFO: u16 = 1;
const OUTGOING_RESET: u16 = 13;
const RESET_RESPONSE: u16 = 16;

struct Chunk<'a> {
    kind: u8,
    flags: u8,
    value: &'a [u8],
}

impl Chunk<'_> {
    /// Whether the value is as long as what it is made of. The kinds that are left out are read by
    /// their length, or nothing behind them is acted on.
    fn is_exact(&self) -> bool {
        match self.kind {
            kind::SACK => {
                let counts = self.number(8).unwrap_or_default();
                self.value.len() == 12 + 4 * ((counts >> 16) + (counts & 0xffff)) as usize
            }
            kind::COOKIE_ACK | kind::SHUTDOWN_ACK | kind::SHUTDOWN_COMPLETE => {
                self.value.is_empty()
            }
            kind::HEARTBEAT => {
                self.parameters().is_some_and(|all| matches!(all[..], [(HEARTBEAT_INFO, _)]))
            }
            kind::RE_CONFIG => self.parameters().is_some_and(|all| {
                all.len() <= 2
                    && all.iter().all(|(kind, length)| match *kind {
                        OUTGOING_RESET => *length >= 16 && length.is_multiple_of(2),
                        RESET_RESPONSE => *length == 12,
                        _ => false,
                    })
            }),
            _ => true,
        }
    }

    /// Kinds and lengths of the parameters, if they are all that there is (RFC 9260 §3.2.1).
    fn parameters(&self) -> Option<Vec<(u16, usize)>> {
        let (mut rest, mut all) = (self.value, Vec::new());
        while let [a, b, c, d, ..] = *rest {
            let length = usize::from(u16::from_be_bytes([c, d]));
            all.push((u16::from_be_bytes([a, b]), length));
            rest.get(4..length)?;
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        rest.is_empty().then_some(all)
    }

    /// The 32 bits at an offset of the value.
    fn number(&self, at: usize) -> Option<u32> {
        self.value.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

/// The chunks of a packet, up to the first that is not whole.
fn chunks(packet: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    const HEADER: usize = 12;
    let mut rest = packet.get(HEADER..).unwrap_or_default();
    std::iter::from_fn(move || {
        let [kind, flags, high, low, ..] = *rest else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(Chunk { kind, flags, value })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WHOLE: u8 = 0b11;

    fn packet(chunks: &[(u8, u8, Vec<u8>)]) -> Vec<u8> {
        let mut packet = vec![0; 12];
        for (kind, flags, value) in chunks {
            packet.extend([*kind, *flags]);
            packet.extend((value.len() as u16 + 4).to_be_bytes());
            packet.extend(value);
            packet.resize(packet.len().next_multiple_of(4), 0);
        }
        packet
    }

    fn data(tsn: u32, stream: u16, flags: u8, length: usize) -> Vec<u8> {
        let mut value = tsn.to_be_bytes().to_vec();
        value.extend(stream.to_be_bytes());
        value.extend([0, 0, 0, 0, 0, 53]);
        value.resize(value.len() + length, 7);
        packet(&[(kind::DATA, flags, value)])
    }

    fn init(first: u32) -> Vec<u8> {
        let mut value = vec![1; 12];
        value.extend(first.to_be_bytes());
        packet(&[(kind::INIT, 0, value)])
    }

    fn sack(acknowledged: u32) -> Vec<u8> {
        let mut value = acknowledged.to_be_bytes().to_vec();
        value.resize(12, 0);
        packet(&[(kind::SACK, 0, value)])
    }

    #[test]
    fn what_is_too_far_ahead_is_as_good_as_lost() {
        let mut gate = Gate::default();
        let first = u32::MAX - 10;
        assert_eq!(gate.receive(&init(first)), Verdict::Pass);
        let last = first.wrapping_add(WINDOW - 1);
        assert_eq!(gate.receive(&data(last, 0, WHOLE, 9)), Verdict::Pass);
        let beyond = last.wrapping_add(1);
        assert_eq!(gate.receive(&data(beyond, 0, WHOLE, 9)), Verdict::Drop);
        let forward = packet(&[(kind::FORWARD_TSN, 0, beyond.to_be_bytes().to_vec())]);
        assert_eq!(gate.receive(&forward), Verdict::Drop);
        gate.send(&sack(first));
        assert_eq!(gate.receive(&data(beyond, 0, WHOLE, 9)), Verdict::Pass);
        assert_eq!(gate.receive(&forward), Verdict::Pass);
        // What is older than that has come before, or was lost on its way.
        assert_eq!(gate.receive(&data(first.wrapping_sub(5), 0, WHOLE, 9)), Verdict::Pass);
    }

    #[test]
    fn few_streams_beyond_the_channels_are_borne_and_little_on_them() {
        let mut gate = Gate::default();
        for stream in 0..STREAMS {
            assert_eq!(gate.receive(&data(1, stream, WHOLE, 9)), Verdict::Pass);
        }
        let end = Verdict::End(OTHER_STREAM);
        let mut busy = Gate::default();
        for _ in 0..FOREIGN_CHUNKS {
            assert_eq!(busy.receive(&data(1, 2, WHOLE, 9)), Verdict::Pass);
            assert_eq!(busy.receive(&data(1, 1, WHOLE, 9)), Verdict::Pass);
        }
        assert_eq!(busy.receive(&data(1, 2, WHOLE, 9)), end);
        assert_eq!(gate.receive(&data(1, STREAMS, WHOLE, 9)), end);
        let entries = |size: usize| {
            let mut value = vec![0; 4 + 2 * size];
            value[4 + size..][..2].copy_from_slice(&STREAMS.to_be_bytes());
            value
        };
        let forward = |kind, size| packet(&[(kind, 0, entries(size))]);
        assert_eq!(gate.receive(&forward(kind::FORWARD_TSN, 4)), end);
        assert_eq!(gate.receive(&forward(kind::I_FORWARD_TSN, 8)), end);
        // A later chunk counts like the first.
        let mut both = packet(&[(kind::SACK, 0, vec![0; 12])]);
        both.extend(&data(1, STREAMS, WHOLE, 9)[12..]);
        assert_eq!(gate.receive(&both), end);
    }

    #[test]
    fn nothing_is_hidden_inside_other_chunks() {
        let hidden = data(1, STREAMS, WHOLE, 8)[12..].to_vec();
        let reset = [&[0, 13, 0, 18][..], &[7; 12], &[0, 2, 0, 0]].concat();
        let response = [&[0, 16, 0, 12][..], &[7; 8]].concat();
        let sack = [&[0; 8][..], &[0, 1, 0, 1], &[9; 8]].concat();
        for (kind, value) in [
            (kind::SACK, sack),
            (kind::HEARTBEAT, vec![0, 1, 0, 8, 9, 9, 9, 9]),
            (kind::SHUTDOWN_ACK, Vec::new()),
            (kind::COOKIE_ACK, Vec::new()),
            (kind::SHUTDOWN_COMPLETE, Vec::new()),
            (kind::RE_CONFIG, reset[..18].to_vec()),
            (kind::RE_CONFIG, response.clone()),
            (kind::RE_CONFIG, [&response[..], &reset[..18]].concat()),
            (kind::RE_CONFIG, [&reset[..], &response[..]].concat()),
        ] {
            let exact = packet(&[(kind, 0, value.clone())]);
            assert_eq!(Gate::default().receive(&exact), Verdict::Pass, "{kind}");
            let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
            let stuffed = packet(&[(kind, 0, [&value[..], &padding, &hidden].concat())]);
            assert_eq!(Gate::default().receive(&stuffed), Verdict::Drop, "{kind}");
        }
        // The stack reads twelve bytes of a response, whatever its length says.
        let long = [&[0, 16, 0, 12 + 28][..], &[7; 8], &hidden].concat();
        let long = packet(&[(kind::RE_CONFIG, 0, long)]);
        assert_eq!(Gate::default().receive(&long), Verdict::Drop);
    }

    #[test]
    fn fragments_are_to_be_worth_their_while() {
        let end = Verdict::End("it sends its messages in crumbs");
        let mut gate = Gate::default();
        // Every second one fills up a packet.
        for tsn in 0..100_000 {
            let length = if tsn % 2 == 0 { 1 } else { 1_100 };
            assert_eq!(gate.receive(&data(tsn, 0, 0, length)), Verdict::Pass);
            assert_eq!(gate.receive(&data(tsn, 0, WHOLE, 1)), Verdict::Pass);
        }
        let crumbs = (0..2_000).position(|tsn| gate.receive(&data(tsn, 0, 0b10, 1)) == end);
        assert_eq!(crumbs, Some(SHORTFALL / (FRAGMENT - 1)));
        let nothing = Verdict::End("it sends SCTP data without data");
        assert_eq!(Gate::default().receive(&data(1, 0, WHOLE, 0)), nothing);
    }

    #[test]
    fn associations_are_not_begun_without_end() {
        let mut gate = Gate::default();
        for _ in 0..INITS {
            assert_eq!(gate.receive(&init(5)), Verdict::Pass);
        }
        assert!(matches!(gate.receive(&init(5)), Verdict::End(_)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_borne(
            packets in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..60),
                    prop::collection::vec(
                        (0u8..12, any::<u8>(), prop::collection::vec(any::<u8>(), 0..30)), 0..4
                    ).prop_map(|chunks| packet(&chunks)),
                ],
                0..20,
            ),
        ) {
            let mut gate = Gate::default();
            for packet in packets {
                gate.receive(&packet);
                gate.send(&packet);
            }
        }
    }
}
