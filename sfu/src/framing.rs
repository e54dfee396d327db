//! Datagrams on a TCP connection: each with its length in front, two bytes (RFC 4571 §2). Pure.

use std::collections::VecDeque;
use std::io::IoSlice;

/// Bytes of the longest frame that is taken. What goes over ICE-TCP is made for UDP; nobody has a
/// reason for more than an Ethernet packet.
pub(crate) const MAX_FRAME: usize = 2_048;

/// A frame is longer than [`MAX_FRAME`]. Where the next one begins cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameTooLong;

/// Cuts a stream of bytes into frames. Keeps less than one frame.
#[derive(Debug, Default)]
pub(crate) struct Deframer {
    partial: Vec<u8>,
}

impl Deframer {
    /// Takes the stream's next bytes and gives each frame that they complete, without its length.
    /// Empty ones, which keep a path open, are left out.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), FrameTooLong> {
        while !bytes.is_empty() {
            if self.partial.is_empty()
                && let Some((frame, rest)) = split_frame(bytes)?
            {
                bytes = rest;
                if !frame.is_empty() {
                    each(frame);
                }
                continue;
            }
            let missing = match frame_length(&self.partial)? {
                Some(length) => 2 + length - self.partial.len(),
                None => 2 - self.partial.len(),
            };
            let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
            self.partial.extend_from_slice(taken);
            bytes = rest;
            if let Some((frame, _)) = split_frame(&self.partial)? {
                if !frame.is_empty() {
                    each(frame);
                }
                self.partial.clear();
            }
        }
        Ok(())
    }
}

/// The length that a frame begins with, once it is there.
fn frame_length(bytes: &[u8]) -> Result<Option<usize>, FrameTooLong> {
    let [high, low, ..] = bytes else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if length > MAX_FRAME { Err(FrameTooLong) } else { Ok(Some(length)) }
}

/// A frame without its length, and the bytes that follow it.
type FrameAndRest<'a> = (&'a [u8], &'a [u8]);

/// The frame that the bytes begin with, if it is whole.
fn split_frame(bytes: &[u8]) -> Result<Option<FrameAndRest<'_>>, FrameTooLong> {
    let Some(length) = frame_length(bytes)? else { return Ok(None) };
    Ok(bytes[2..].split_at_checked(length))
}

/// Frames that wait until the connection takes them, up to a number of bytes.
///
/// When it is full the oldest go: of live media the newest is worth most, and a gap is repaired
/// like any other loss. A frame that has been begun stays, or the stream could not be read any
/// more.
#[derive(Debug)]
pub(crate) struct FrameQueue {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Bytes of the first frame that are gone.
    written: usize,
    limit: usize,
}

impl FrameQueue {
    /// An empty queue for `limit` bytes.
    pub(crate) fn new(limit: usize) -> FrameQueue {
        FrameQueue { frames: VecDeque::new(), bytes: 0, written: 0, limit }
    }

    /// Adds a datagram of up to 65,535 bytes. Returns how many older ones had to go for it.
    pub(crate) fn push(&mut self, datagram: &[u8]) -> usize {
        let Ok(length) = u16::try_from(datagram.len()) else { return 0 };
        let mut frame = Vec::with_capacity(2 + datagram.len());
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(datagram);
        self.bytes += frame.len();
        self.frames.push_back(frame);
        let begun = usize::from(self.written > 0);
        let mut dropped = 0;
        // The new one stays in any case.
        while self.bytes > self.limit && self.frames.len() > begun + 1 {
            if let Some(oldest) = self.frames.remove(begun) {
                self.bytes -= oldest.len();
                dropped += 1;
            }
        }
        dropped
    }

    /// Nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The first bytes that wait, in up to as many pieces as `slices` has room for.
    pub(crate) fn pieces<'a>(&'a self, slices: &mut Vec<IoSlice<'a>>, most: usize) {
        for (index, frame) in self.frames.iter().take(most).enumerate() {
            let from = if index == 0 { self.written } else { 0 };
            slices.push(IoSlice::new(&frame[from..]));
        }
    }

    /// So many bytes are gone.
    pub(crate) fn advance(&mut self, mut count: usize) {
        while let Some(first) = self.frames.front() {
            let rest = first.len() - self.written;
            if count < rest {
                self.written += count;
                return;
            }
            count -= rest;
            self.bytes -= first.len();
            self.written = 0;
            self.frames.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(datagrams: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for datagram in datagrams {
            bytes.extend((datagram.len() as u16).to_be_bytes());
            bytes.extend(datagram);
        }
        bytes
    }

    fn pushed(deframer: &mut Deframer, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        deframer.push(bytes, |frame| frames.push(frame.to_vec())).unwrap();
        frames
    }

    #[test]
    fn frames_are_the_same_however_the_stream_is_cut() {
        let datagrams = vec![vec![1, 2, 3], vec![4], vec![5; 300], vec![6; MAX_FRAME]];
        let bytes = framed(&datagrams);
        for at in 0..=bytes.len() {
            let mut deframer = Deframer::default();
            let mut frames = pushed(&mut deframer, &bytes[..at]);
            frames.extend(pushed(&mut deframer, &bytes[at..]));
            assert_eq!(frames, datagrams, "cut at {at}");
        }
        let mut deframer = Deframer::default();
        let one_by_one: Vec<_> = bytes.chunks(1).flat_map(|b| pushed(&mut deframer, b)).collect();
        assert_eq!(one_by_one, datagrams);
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_before_it_comes() {
        let length = (MAX_FRAME as u16 + 1).to_be_bytes();
        assert_eq!(Deframer::default().push(&length, |_| ()), Err(FrameTooLong));
        let mut deframer = Deframer::default();
        assert_eq!(deframer.push(&length[..1], |_| ()), Ok(()));
        assert_eq!(deframer.push(&length[1..], |_| ()), Err(FrameTooLong));
    }

    proptest! {
        #[test]
        fn any_stream_in_any_pieces_gives_the_same_frames_and_keeps_less_than_one(
            datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20),
            pieces in prop::collection::vec(1usize..50, 1..200),
        ) {
            let bytes = framed(&datagrams);
            let mut deframer = Deframer::default();
            let mut frames = Vec::new();
            let mut rest = bytes.as_slice();
            for size in pieces.into_iter().cycle().take(bytes.len()) {
                let (piece, after) = rest.split_at(size.min(rest.len()));
                rest = after;
                frames.extend(pushed(&mut deframer, piece));
                prop_assert!(deframer.partial.len() < 2 + 60);
            }
            let whole: Vec<_> = datagrams.into_iter().filter(|d| !d.is_empty()).collect();
            prop_assert_eq!(frames, whole);
        }

        #[test]
        fn any_bytes_are_borne(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..99), 0..9)) {
            let mut deframer = Deframer::default();
            for piece in pieces {
                if deframer.push(&piece, |frame| assert!(frame.len() <= MAX_FRAME)).is_err() {
                    break;
                }
                prop_assert!(deframer.partial.len() < 2 + MAX_FRAME);
            }
        }

        /// However little the connection takes, what comes out at the other end are whole frames
        /// in order, the newest among them, and no more than the limit waits.
        #[test]
        fn a_queue_loses_whole_frames_only(
            steps in prop::collection::vec((0usize..200, 0usize..300), 1..100),
        ) {
            const LIMIT: usize = 1_000;
            let mut queue = FrameQueue::new(LIMIT);
            let mut taken = Vec::new();
            let mut dropped = 0;
            let mut take = |queue: &mut FrameQueue, most: usize| {
                let mut slices = Vec::new();
                queue.pieces(&mut slices, 3);
                let bytes: Vec<u8> =
                    slices.iter().flat_map(|s| s.iter().copied()).take(most).collect();
                drop(slices);
                queue.advance(bytes.len());
                taken.extend(bytes);
            };
            let count = steps.len();
            for (index, (size, takes)) in steps.into_iter().enumerate() {
                let mut datagram = vec![0; size + 2];
                datagram[..2].copy_from_slice(&(index as u16).to_be_bytes());
                dropped += queue.push(&datagram);
                prop_assert!(queue.bytes <= LIMIT);
                take(&mut queue, takes);
            }
            while !queue.is_empty() {
                take(&mut queue, usize::MAX);
            }
            prop_assert_eq!(queue.bytes, 0);
            let numbers: Vec<u16> = pushed(&mut Deframer::default(), &taken)
                .iter()
                .map(|frame| u16::from_be_bytes([frame[0], frame[1]]))
                .collect();
            prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(numbers.last().copied(), Some(count as u16 - 1));
            prop_assert_eq!(numbers.len() + dropped, count);
        }
    }
}
