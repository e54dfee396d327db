//! The pieces that blocks are sent in (docs/transfer.md "Pieces"). Pure.

use super::tree::Hash;

/// Bytes before the proof.
const HEAD: usize = 20;
const VERSION: u8 = 1;

/// One binary message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// The beginning of the transfer's id.
    pub(super) transfer: [u8; 8],
    /// The block's number.
    pub(super) block: u32,
    /// Bytes of the block before this piece.
    pub(super) offset: u32,
    /// Of the block; in its first piece only.
    pub(super) proof: Vec<Hash>,
    /// At least one byte.
    pub(super) bytes: &'a [u8],
}

impl<'a> Piece<'a> {
    /// As it is sent.
    pub(super) fn write(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(HEAD + 32 * self.proof.len() + self.bytes.len());
        message.extend([VERSION, self.proof.len() as u8, 0, 0]);
        message.extend(self.transfer);
        message.extend(self.block.to_be_bytes());
        message.extend(self.offset.to_be_bytes());
        self.proof.iter().for_each(|hash| message.extend(hash));
        message.extend(self.bytes);
        message
    }

    /// `None` for what is no piece.
    pub(super) fn read(message: &'a [u8]) -> Option<Piece<'a>> {
        let (head, rest) = message.split_first_chunk::<HEAD>()?;
        let word =
            |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (proof, bytes) = rest.split_at_checked(32 * usize::from(head[1]))?;
        let (hashes, _) = proof.as_chunks::<32>();
        let offset = word(16);
        let is_right =
            head[0] == VERSION && !bytes.is_empty() && (offset == 0 || hashes.is_empty());
        is_right.then(|| Piece {
            transfer: std::array::from_fn(|at| head[4 + at]),
            block: word(12),
            offset,
            proof: hashes.to_vec(),
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_piece_is_refused() {
        let piece =
            Piece { transfer: [1; 8], block: 2, offset: 0, proof: vec![[3; 32]], bytes: b"x" };
        let whole = piece.write();
        assert_eq!(Piece::read(&whole), Some(piece));
        for length in 0..whole.len() {
            assert_eq!(Piece::read(&whole[..length]), None, "{length}");
        }
        let late =
            Piece { transfer: [1; 8], block: 2, offset: 9, proof: vec![[3; 32]], bytes: b"x" };
        assert_eq!(Piece::read(&late.write()), None);
        let other = [&[2], &whole[1..]].concat();
        assert_eq!(Piece::read(&other), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_borne(message: Vec<u8>) {
            let _ = Piece::read(&message);
        }
    }
}
