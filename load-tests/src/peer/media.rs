//! What publishers send: payloads that are VP8 and Opus as far as a server looks, with a stamp that
//! tells who sent them when, and a filling that shows whether a byte was changed.
//!
//! Frames differ in size and the packets of one frame by at most a byte, smaller ones first, as
//! browsers cut them: packets all alike would flatter a server that joins them into one send.

use std::time::Duration;

/// Video frames in a second.
pub(super) const FRAMES_PER_SECOND: u32 = 30;

/// Audio packets in a second, 20 ms each.
pub(super) const SOUNDS_PER_SECOND: u32 = 50;

/// Packets of a frame that is no keyframe.
const FRAME_PACKETS: usize = 5;

/// Packets of a keyframe.
const KEYFRAME_PACKETS: usize = 20;

/// Bytes of a video payload on average: with all headers 1.5 Mbit/s.
const VIDEO_BYTES: usize = 1_160;

/// By how many bytes per packet a frame may be larger or smaller than the average.
const SPREAD: usize = 50;

/// Bytes of an audio payload: Opus at 48 kbit/s.
const SOUND_BYTES: usize = 120;

/// Where the stamp begins. Servers rewrite the VP8 descriptor before it.
const STAMP_AT: usize = 14;

/// Bytes of a stamp.
const STAMP_BYTES: usize = 25;

/// Begins every stamp.
const MARK: u32 = 0x4f72_6965;

/// Video or audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Video,
    Audio,
}

/// Who sent a packet, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) room: u16,
    pub(super) publisher: u16,
    pub(super) kind: Kind,
    /// Counts the packets of a stream.
    pub(super) packet: u64,
    /// Since the beginning of 1970.
    pub(super) sent: Duration,
}

/// Why a payload is not what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Corrupt;

/// The lengths of the payloads of a stream's frame number `frame`.
pub(super) fn frame_lengths(frame: u64, keyframe: bool) -> impl Iterator<Item = usize> {
    let packets = if keyframe { KEYFRAME_PACKETS } else { FRAME_PACKETS };
    let range = (2 * SPREAD * packets + 1) as u64;
    let total = (VIDEO_BYTES - SPREAD) * packets + (scatter(frame) % range) as usize;
    let (each, larger) = (total / packets, total % packets);
    (0..packets).map(move |packet| each + usize::from(packet >= packets - larger))
}

/// A packet of a VP8 frame: the payload descriptor with a 15-bit picture id (RFC 7741 §4.2), and
/// at the start of a frame its header (RFC 6386 §9.1).
pub(super) fn video(
    length: usize,
    frame: u64,
    start: bool,
    keyframe: bool,
    stamp: &Stamp,
) -> Vec<u8> {
    let mut payload = vec![0; length];
    let picture = (frame as u16 & 0x7fff | 0x8000).to_be_bytes();
    payload[..4].copy_from_slice(&[if start { 0x90 } else { 0x80 }, 0x80, picture[0], picture[1]]);
    if start {
        // Not an interframe, shown, a first partition of 500 bytes.
        let tag = u32::from(!keyframe) | 1 << 4 | 500 << 5;
        payload[4..7].copy_from_slice(&tag.to_le_bytes()[..3]);
        if keyframe {
            // The start code, 640 by 360.
            payload[7..14].copy_from_slice(&[0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]);
        }
    }
    seal(&mut payload, stamp);
    payload
}

/// An Opus packet: one mono frame of 20 ms (RFC 6716 §3.1).
pub(super) fn sound(stamp: &Stamp) -> Vec<u8> {
    let mut payload = vec![0; SOUND_BYTES];
    payload[0] = 0x78;
    seal(&mut payload, stamp);
    payload
}

fn seal(payload: &mut [u8], stamp: &Stamp) {
    let body = &mut payload[STAMP_AT..];
    body[..4].copy_from_slice(&MARK.to_be_bytes());
    body[4..6].copy_from_slice(&stamp.room.to_be_bytes());
    body[6..8].copy_from_slice(&stamp.publisher.to_be_bytes());
    body[8] = u8::from(stamp.kind == Kind::Audio);
    body[9..17].copy_from_slice(&stamp.packet.to_be_bytes());
    body[17..25].copy_from_slice(&(stamp.sent.as_nanos() as u64).to_be_bytes());
    let filling = fillings(stamp);
    for (bytes, word) in body[STAMP_BYTES..].chunks_mut(8).zip(filling) {
        bytes.copy_from_slice(&word[..bytes.len()]);
    }
}

/// Reads the stamp, and looks at every byte after it.
///
/// # Errors
///
/// [`Corrupt`] when there is none, or a byte is not the one that was sent.
pub(super) fn verify(payload: &[u8]) -> Result<Stamp, Corrupt> {
    let body = payload.get(STAMP_AT..).ok_or(Corrupt)?;
    let (stamp, filling) = body.split_at_checked(STAMP_BYTES).ok_or(Corrupt)?;
    let number = |from: usize, to: usize| {
        stamp[from..to].iter().fold(0, |number: u64, byte| number << 8 | u64::from(*byte))
    };
    if number(0, 4) != u64::from(MARK) {
        return Err(Corrupt);
    }
    let stamp = Stamp {
        room: number(4, 6) as u16,
        publisher: number(6, 8) as u16,
        kind: if stamp[8] == 0 { Kind::Video } else { Kind::Audio },
        packet: number(9, 17),
        sent: Duration::from_nanos(number(17, 25)),
    };
    let mut pairs = filling.chunks(8).zip(fillings(&stamp));
    if pairs.all(|(bytes, word)| *bytes == word[..bytes.len()]) { Ok(stamp) } else { Err(Corrupt) }
}

/// What follows a stamp, eight bytes at a time.
fn fillings(stamp: &Stamp) -> impl Iterator<Item = [u8; 8]> {
    let stream = u64::from(stamp.room) << 32 | u64::from(stamp.publisher) << 16;
    let seed = scatter(stream | u64::from(stamp.kind == Kind::Audio)) ^ stamp.packet;
    (0..).map(move |word: u64| scatter(seed.wrapping_add(word << 40)).to_be_bytes())
}

/// Numbers that look random, from numbers that do not: the finisher of SplitMix64 (Steele, Lea,
/// Flood: Fast Splittable Pseudorandom Number Generators, 2014).
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(kind: Kind, packet: u64) -> Stamp {
        Stamp { room: 3, publisher: 500, kind, packet, sent: Duration::from_nanos(1_760_000_001) }
    }

    #[test]
    fn what_was_sent_is_known_again() {
        for packet in [0, 1, 70_000] {
            let sent = stamp(Kind::Audio, packet);
            assert_eq!(verify(&sound(&sent)), Ok(sent));
            for (start, keyframe) in [(true, true), (true, false), (false, false)] {
                let sent = stamp(Kind::Video, packet);
                assert_eq!(verify(&video(1_163, packet, start, keyframe, &sent)), Ok(sent));
            }
        }
    }

    #[test]
    fn a_changed_byte_is_noticed_and_a_rewritten_descriptor_is_not() {
        let sent = stamp(Kind::Video, 9);
        let payload = video(1_100, 9, false, false, &sent);
        for at in STAMP_AT..payload.len() {
            let mut changed = payload.clone();
            changed[at] ^= 0x10;
            assert_ne!(verify(&changed), Ok(sent), "byte {at}");
        }
        let mut rewritten = payload;
        rewritten[2..4].copy_from_slice(&[0x80, 0x01]);
        assert_eq!(verify(&rewritten), Ok(sent));
        assert_eq!(verify(&rewritten[..STAMP_AT + STAMP_BYTES - 1]), Err(Corrupt));
        assert_eq!(verify(&[]), Err(Corrupt));
    }

    #[test]
    fn frames_differ_and_their_packets_hardly() {
        let mut totals = Vec::new();
        for frame in 0..1_000 {
            let lengths: Vec<usize> = frame_lengths(frame, false).collect();
            assert_eq!(lengths.len(), FRAME_PACKETS);
            assert!(lengths.is_sorted() && lengths[4] - lengths[0] <= 1, "{lengths:?}");
            totals.push(lengths.iter().sum::<usize>());
        }
        let mean = totals.iter().sum::<usize>() / totals.len() / FRAME_PACKETS;
        assert!((VIDEO_BYTES - 5..=VIDEO_BYTES + 5).contains(&mean), "{mean}");
        totals.sort_unstable();
        totals.dedup();
        assert!(totals.len() > 300, "{} sizes", totals.len());
        assert_eq!(frame_lengths(7, true).count(), KEYFRAME_PACKETS);
    }

    #[test]
    fn a_keyframe_can_be_told_by_its_first_bytes() {
        let sent = stamp(Kind::Video, 0);
        let (key, inter) = (video(900, 5, true, true, &sent), video(900, 5, true, false, &sent));
        assert_eq!((key[0], key[4] & 1, inter[4] & 1), (0x90, 0, 1));
        assert_eq!(key[7..10], [0x9d, 0x01, 0x2a]);
        assert_eq!((key[2], key[3]), (0x80, 5));
    }
}
