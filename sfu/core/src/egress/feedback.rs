//! What receivers report on the streams that they are sent (RFC 3550 §6.4, RFC 4585 §6, RFC 5104
//! §4.3.1, RFC 3611 §4.4). Only what the egress acts on is read.

use crate::quality::Report;

/// Packet types.
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const TRANSPORT_FEEDBACK: u8 = 205;
const PAYLOAD_FEEDBACK: u8 = 206;
const EXTENDED_REPORT: u8 = 207;

/// Formats of feedback.
const NACK: u8 = 1;
const PLI: u8 = 1;
const FIR: u8 = 4;

/// Blocks of extended reports: the time at a receiver, and how long ago its sender was told of it.
const REFERENCE_TIME: u8 = 4;
const SINCE_REFERENCE_TIME: u8 = 5;

/// Where in a sender report its stream's packets are counted, from its SSRC on.
const PACKETS_SENT: usize = 16;

/// The length of a report block.
const REPORT_BLOCK: usize = 24;

/// One thing that a receiver says of one of our streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Feedback {
    /// It has received packets of the stream.
    Received { ssrc: u32, report: Report },
    /// It misses the packet `first`, and those after it whose bits are set.
    Missing { ssrc: u32, first: u16, following: u16 },
    /// It needs a keyframe.
    KeyframeWanted { ssrc: u32 },
    /// Under this SSRC it tells the middle of the time that it has, and wants to hear how long ago
    /// that came: without a stream of its own it has no other way to measure the round trip.
    ReferenceTime { ssrc: u32, middle: u32 },
}

impl Feedback {
    /// The missed packets' sequence numbers.
    pub(crate) fn missing(first: u16, following: u16) -> impl Iterator<Item = u16> {
        let others = (0..16).filter(move |bit| following & 1 << bit != 0);
        std::iter::once(first).chain(others.map(move |bit| first.wrapping_add(bit + 1)))
    }
}

/// Reads a compound packet, and gives `each` what it says of our streams. True if it also speaks
/// of the streams that its sender sends.
pub(crate) fn read(compound: &[u8], mut each: impl FnMut(Feedback)) -> bool {
    let mut speaks_of_its_own = false;
    let mut rest = compound;
    while let Some(([first, kind, ..], body, after)) = split(rest) {
        rest = after;
        // A count, or the format of feedback.
        let count = first & 0x1f;
        match kind {
            RECEIVER_REPORT => report_blocks(body, 4, &mut each),
            SENDER_REPORT => {
                // Of a stream that has not begun it tells nothing.
                speaks_of_its_own |= word(body, PACKETS_SENT) != Some(0);
                report_blocks(body, 24, &mut each);
            }
            TRANSPORT_FEEDBACK if count == NACK => {
                let Some(ssrc) = word(body, 4) else { continue };
                for entry in body.get(8..).unwrap_or_default().chunks_exact(4) {
                    let first = u16::from_be_bytes([entry[0], entry[1]]);
                    let following = u16::from_be_bytes([entry[2], entry[3]]);
                    each(Feedback::Missing { ssrc, first, following });
                }
            }
            PAYLOAD_FEEDBACK if count == PLI => {
                if let Some(ssrc) = word(body, 4) {
                    each(Feedback::KeyframeWanted { ssrc });
                }
            }
            PAYLOAD_FEEDBACK if count == FIR => {
                for entry in body.get(8..).unwrap_or_default().chunks_exact(8) {
                    if let Some(ssrc) = word(entry, 0) {
                        each(Feedback::KeyframeWanted { ssrc });
                    }
                }
            }
            EXTENDED_REPORT => {
                let Some(ssrc) = word(body, 0) else { continue };
                for (kind, block) in extended_blocks(body.get(4..).unwrap_or_default()) {
                    match (kind, word(block, 0), word(block, 4)) {
                        (REFERENCE_TIME, Some(seconds), Some(fraction)) => {
                            let middle = seconds << 16 | fraction >> 16;
                            each(Feedback::ReferenceTime { ssrc, middle });
                        }
                        // It answers what we have told of streams that it sends.
                        (SINCE_REFERENCE_TIME, ..) => speaks_of_its_own = true,
                        _ => {}
                    }
                }
            }
            DESCRIPTION | TRANSPORT_FEEDBACK | PAYLOAD_FEEDBACK => {}
            _ => speaks_of_its_own = true,
        }
    }
    speaks_of_its_own
}

fn report_blocks(body: &[u8], from: usize, each: &mut impl FnMut(Feedback)) {
    for block in body.get(from..).unwrap_or_default().chunks_exact(REPORT_BLOCK) {
        if let (Some(ssrc), Some(lost), Some(last_report), Some(delay)) =
            (word(block, 0), word(block, 4), word(block, 16), word(block, 20))
        {
            // 24 bits with a sign, behind the share of late.
            let lost = (lost << 8).cast_signed() >> 8;
            each(Feedback::Received { ssrc, report: Report { lost, last_report, delay } });
        }
    }
}

/// The blocks of an extended report: the type of each, and what follows its first word.
fn extended_blocks(mut rest: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let ([kind, ..], block, after) = split(rest)?;
        rest = after;
        Some((kind, block))
    })
}

/// The first of several packets or blocks: its first word, which ends with how many follow it, those,
/// and the others.
fn split(several: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let (header, _) = several.split_first_chunk::<4>()?;
    let words = u16::from_be_bytes([header[2], header[3]]);
    let length = 4 + 4 * usize::from(words);
    Some((*header, several.get(4..length)?, &several[length..]))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(count: u8, kind: u8, words: &[u32]) -> Vec<u8> {
        let mut packet = vec![0x80 | count, kind, 0, words.len() as u8];
        words.iter().for_each(|word| packet.extend(word.to_be_bytes()));
        packet
    }

    fn all(compound: &[u8]) -> (Vec<Feedback>, bool) {
        let mut found = Vec::new();
        let speaks = read(compound, |feedback| found.push(feedback));
        (found, speaks)
    }

    #[test]
    fn a_compound_packet_tells_all_that_is_in_it() {
        let mut compound = packet(1, RECEIVER_REPORT, &[1, 7, 0x80ff_fffe, 0, 0, 5, 6]);
        compound.extend(packet(NACK, TRANSPORT_FEEDBACK, &[1, 7, 0xffff_0003, 0x0010_8000]));
        compound.extend(packet(PLI, PAYLOAD_FEEDBACK, &[1, 7]));
        compound.extend(packet(FIR, PAYLOAD_FEEDBACK, &[1, 0, 8, 0, 9, 0]));
        let (found, speaks) = all(&compound);
        assert_eq!(
            found,
            [
                Feedback::Received {
                    ssrc: 7,
                    report: Report { lost: -2, last_report: 5, delay: 6 }
                },
                Feedback::Missing { ssrc: 7, first: 0xffff, following: 3 },
                Feedback::Missing { ssrc: 7, first: 0x10, following: 0x8000 },
                Feedback::KeyframeWanted { ssrc: 7 },
                Feedback::KeyframeWanted { ssrc: 8 },
                Feedback::KeyframeWanted { ssrc: 9 },
            ]
        );
        assert!(!speaks);
        assert_eq!(Feedback::missing(0xffff, 3).collect::<Vec<_>>(), [0xffff, 0, 1]);
        assert_eq!(Feedback::missing(16, 0x8000).collect::<Vec<_>>(), [16, 32]);
    }

    #[test]
    fn who_only_receives_may_tell_the_time() {
        let reference = [7, 4 << 24 | 2, 0x1234_5678, 0x9abc_def0];
        let (found, speaks) = all(&packet(0, EXTENDED_REPORT, &reference));
        assert_eq!(found, [Feedback::ReferenceTime { ssrc: 7, middle: 0x5678_9abc }]);
        assert!(!speaks);
        let answer = [7, 9 << 24, 5 << 24 | 3, 1, 2, 3];
        assert_eq!(all(&packet(0, EXTENDED_REPORT, &answer)), (vec![], true));
    }

    #[test]
    fn who_sends_streams_speaks_of_them() {
        assert!(all(&packet(0, SENDER_REPORT, &[1, 0, 0, 0, 5, 6])).1);
        assert!(!all(&packet(0, SENDER_REPORT, &[1, 0, 0, 0, 0, 0])).1);
        assert!(all(&packet(1, 203, &[1])).1);
        assert!(!all(&packet(0, RECEIVER_REPORT, &[1])).1);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_borne(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80)) {
            let _ = all(&bytes);
            // With a length that fits, so that the bodies are read.
            for count in [1, 4, 5] {
                for kind in [200, 201, 205, 206, 207] {
                    let words = bytes.len() / 4;
                    let mut whole = vec![0x80 | count, kind, 0, words as u8];
                    whole.extend(&bytes[..4 * words]);
                    let _ = all(&whole);
                }
            }
        }
    }
}
