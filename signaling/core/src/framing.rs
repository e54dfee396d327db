//! Frames on a stream of bytes: each is its length as four bytes, big endian, and then so many bytes.
//!
//! WebTransport's signaling stream is made of them (`docs/protocol.md`, "WebTransport").

/// Bytes before each frame.
pub const HEAD: usize = 4;
/// Room for a frame is made as it comes, not as it is announced: so much at first.
const FIRST_ROOM: usize = 4096;

/// A frame was announced that is longer than may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {length} bytes was announced, {most} is the most")]
pub struct TooLong {
    /// As announced.
    pub length: usize,
    /// What may be.
    pub most: usize,
}

/// What goes before a frame of `length` bytes. `None` for one that no length can be written of.
pub fn head(length: usize) -> Option<[u8; HEAD]> {
    u32::try_from(length).ok().map(u32::to_be_bytes)
}

/// Frames out of the pieces that a stream is read in.
#[derive(Debug)]
pub struct Frames {
    most: usize,
    head: [u8; HEAD],
    /// How much of the head is there.
    heads: usize,
    body: Vec<u8>,
}

impl Frames {
    /// None of more than `most` bytes.
    pub fn new(most: usize) -> Frames {
        Frames { most, head: [0; HEAD], heads: 0, body: Vec::new() }
    }

    /// From the next head on, none of more than `most` bytes.
    pub fn allow(&mut self, most: usize) {
        self.most = most;
    }

    /// Takes bytes off the front of `bytes` until a frame is whole, or none are left. `None` when more
    /// must come.
    ///
    /// # Errors
    /// [`TooLong`]: there is no going on after that.
    pub fn take(&mut self, bytes: &mut &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        if self.heads < HEAD {
            let piece = cut(bytes, HEAD - self.heads);
            self.head[self.heads..self.heads + piece.len()].copy_from_slice(piece);
            self.heads += piece.len();
            if self.heads < HEAD {
                return Ok(None);
            }
            let length = self.length();
            if length > self.most {
                return Err(TooLong { length, most: self.most });
            }
            self.body.reserve_exact(length.min(FIRST_ROOM));
        }
        let length = self.length();
        self.body.extend_from_slice(cut(bytes, length - self.body.len()));
        if self.body.len() < length {
            return Ok(None);
        }
        self.heads = 0;
        Ok(Some(std::mem::take(&mut self.body)))
    }

    fn length(&self) -> usize {
        u32::from_be_bytes(self.head) as usize
    }
}

/// At most `most` bytes off the front.
fn cut<'a>(bytes: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (front, rest) = bytes.split_at(most.min(bytes.len()));
    *bytes = rest;
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(frames: &mut Frames, pieces: &[&[u8]]) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut found = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while let Some(frame) = frames.take(&mut rest)? {
                found.push(frame);
            }
            assert!(rest.is_empty(), "nothing is left behind");
        }
        Ok(found)
    }

    fn written(bodies: &[Vec<u8>]) -> Vec<u8> {
        bodies.iter().flat_map(|body| [&head(body.len()).unwrap()[..], body].concat()).collect()
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_by_its_head() {
        let mut frames = Frames::new(3);
        assert_eq!(all(&mut frames, &[&[0, 0, 0, 3, 1, 2, 3]]).unwrap(), [[1, 2, 3]]);
        let refused = all(&mut frames, &[&[0, 0, 0], &[4]]);
        assert_eq!(refused, Err(TooLong { length: 4, most: 3 }));
        let mut frames = Frames::new(usize::MAX);
        assert_eq!(all(&mut frames, &[&[0xff; 4]]).unwrap(), Vec::<Vec<u8>>::new());
        assert!(frames.body.capacity() <= FIRST_ROOM, "an announcement costs no memory");
    }

    proptest::proptest! {
        #[test]
        fn frames_are_the_same_however_the_stream_is_cut(
            bodies in proptest::collection::vec(proptest::collection::vec(0_u8.., 0..40), 0..8),
            cuts in proptest::collection::vec(0_usize..400, 0..12),
        ) {
            let stream = written(&bodies);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            proptest::prop_assert_eq!(all(&mut Frames::new(64), &pieces).unwrap(), bodies);
        }
    }
}
