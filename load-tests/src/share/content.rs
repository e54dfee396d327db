//! A file that is made up: the same bytes of a block each time it is asked for, and nothing is kept. Pure.

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

use super::control::{BLOCK, Manifest};
use super::tree::{self, Tree};

/// A file of random bytes, which follow from its seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content {
    seed: u64,
    size: u64,
}

impl Content {
    pub(super) fn new(seed: u64, size: u64) -> Content {
        Content { seed, size }
    }

    /// A block's bytes; none beyond the end.
    pub(super) fn block(&self, number: u32) -> Vec<u8> {
        let begin = u64::from(number) * BLOCK;
        let mut bytes = vec![0; self.size.saturating_sub(begin).min(BLOCK) as usize];
        StdRng::seed_from_u64(self.seed.wrapping_mul(0x9e37_79b9).wrapping_add(number.into()))
            .fill_bytes(&mut bytes);
        bytes
    }

    /// What it is verified by. Takes the time of reading all of it.
    pub(super) fn tree(&self) -> Tree {
        let blocks = self.size.div_ceil(BLOCK) as u32;
        Tree::over((0..blocks).map(|number| tree::leaf(&self.block(number))).collect())
    }

    /// As it is offered.
    pub(super) fn manifest(&self, tree: &Tree) -> Manifest {
        Manifest::of(&format!("made-up-{:016x}.bin", self.seed), self.size, self.seed, &tree.root())
    }
}
