//! What can be known of a datagram without a key: the clear header of RTP, and by its sequence numbers
//! whether anything is missing.

/// Streams of one session that are told apart; more are counted as one packet each.
const MOST_STREAMS: usize = 64;

/// The part of an RTP header that is looked at (RFC 3550 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClearHeader {
    pub(super) payload_type: u8,
    pub(super) sequence: u16,
    pub(super) ssrc: u32,
}

impl ClearHeader {
    /// `None` for what is no RTP: STUN and DTLS by the first byte (RFC 7983), RTCP by the payload type
    /// (RFC 5761 §4).
    pub(super) fn read(datagram: &[u8]) -> Option<ClearHeader> {
        let header: &[u8; 12] = datagram.first_chunk()?;
        let payload_type = header[1] & 0x7f;
        if header[0] >> 6 != 2 || (64..96).contains(&payload_type) {
            return None;
        }
        Some(ClearHeader {
            payload_type,
            sequence: u16::from_be_bytes([header[2], header[3]]),
            ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
        })
    }
}

/// The sequence numbers of a session's streams since the window began.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    streams: Vec<Stream>,
}

#[derive(Debug)]
struct Stream {
    ssrc: u32,
    /// The numbers are extended to 64 bits, and begin in the middle.
    before: i64,
    highest: i64,
    received: u64,
}

impl Arrivals {
    pub(super) fn note(&mut self, header: &ClearHeader) {
        let known = self.streams.iter_mut().find(|stream| stream.ssrc == header.ssrc);
        if let Some(stream) = known {
            let ahead = header.sequence.wrapping_sub(stream.highest as u16) as i16;
            stream.highest += i64::from(ahead.max(0));
            stream.received += 1;
        } else if self.streams.len() < MOST_STREAMS {
            let number = i64::from(header.sequence);
            let stream =
                Stream { ssrc: header.ssrc, before: number - 1, highest: number, received: 1 };
            self.streams.push(stream);
        }
    }

    /// Begins a new window: what comes next follows what came last.
    pub(super) fn restart(&mut self) {
        for stream in &mut self.streams {
            stream.before = stream.highest;
            stream.received = 0;
        }
    }

    /// How many sequence numbers the window spans.
    pub(super) fn spanned(&self) -> u64 {
        self.streams.iter().map(|stream| (stream.highest - stream.before) as u64).sum()
    }

    /// How many of those did not come. What came twice makes up for one that did not.
    pub(super) fn missing(&self) -> u64 {
        let missing = |stream: &Stream| {
            ((stream.highest - stream.before) as u64).saturating_sub(stream.received)
        };
        self.streams.iter().map(missing).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(ssrc: u32, sequence: u16) -> ClearHeader {
        ClearHeader { payload_type: 96, sequence, ssrc }
    }

    #[test]
    fn rtp_is_told_from_the_rest() {
        let mut datagram = [0x80, 0xe0, 1, 2, 0, 0, 0, 0, 0, 0, 1, 0];
        assert_eq!(ClearHeader::read(&datagram), Some(header(256, 258)));
        assert_eq!(ClearHeader::read(&datagram[..11]), None);
        datagram[1] = 201;
        assert_eq!(ClearHeader::read(&datagram), None, "a receiver report");
        datagram[..2].copy_from_slice(&[0, 1]);
        assert_eq!(ClearHeader::read(&datagram), None, "STUN");
    }

    #[test]
    fn gaps_are_counted_by_stream_across_the_end_of_the_numbers() {
        let mut arrivals = Arrivals::default();
        for (ssrc, sequence) in [(1, 65_534), (2, 10), (1, 65_535), (1, 2), (2, 12), (2, 11)] {
            arrivals.note(&header(ssrc, sequence));
        }
        assert_eq!((arrivals.spanned(), arrivals.missing()), (5 + 3, 2));
        arrivals.restart();
        assert_eq!((arrivals.spanned(), arrivals.missing()), (0, 0));
        for sequence in [4, 5] {
            arrivals.note(&header(1, sequence));
        }
        assert_eq!((arrivals.spanned(), arrivals.missing()), (3, 1));
    }

    #[test]
    fn streams_are_bounded() {
        let mut arrivals = Arrivals::default();
        for ssrc in 0..1_000 {
            arrivals.note(&header(ssrc, 7));
        }
        assert_eq!(arrivals.streams.len(), MOST_STREAMS);
    }
}
