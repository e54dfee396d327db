//! The tree over the blocks of a file (docs/transfer.md, RFC 9162 §2.1): what a block is verified by. Pure.

use aws_lc_rs::digest::{Context, SHA256, digest};

/// A SHA-256.
pub(super) type Hash = [u8; 32];

/// What stands before a block in its hash, and before two hashes in theirs.
const LEAF: u8 = 0;
const NODE: u8 = 1;

/// The tree, level by level: the leaves first, the root last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// Over the leaves of a file's blocks, in their order.
    pub(super) fn over(leaves: Vec<Hash>) -> Tree {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            let above = level.chunks(2).map(|pair| match pair {
                [left, right] => node(left, right),
                alone => alone[0],
            });
            let above = above.collect();
            levels.push(above);
        }
        Tree { levels }
    }

    /// The root; for no blocks, the hash of nothing.
    pub(super) fn root(&self) -> Hash {
        match self.levels.last().and_then(|level| level.first()) {
            Some(root) => *root,
            None => hash(&[]),
        }
    }

    /// The siblings on the way from a block's leaf to the root, from below.
    pub(super) fn proof(&self, block: usize) -> Vec<Hash> {
        let siblings = self.levels.iter().enumerate();
        siblings.filter_map(|(height, level)| level.get((block >> height) ^ 1).copied()).collect()
    }
}

/// The leaf of a block.
pub(super) fn leaf(block: &[u8]) -> Hash {
    hash(&[&[LEAF], block])
}

/// Whether a block is the one that stands at `index` of `count` under `root`.
pub(super) fn is_under(
    root: &Hash,
    index: usize,
    count: usize,
    block: &[u8],
    proof: &[Hash],
) -> bool {
    let (mut at, mut level, mut here) = (index, count, leaf(block));
    let mut proof = proof.iter();
    while level > 1 {
        if at ^ 1 < level {
            let Some(sibling) = proof.next() else { return false };
            here = if at % 2 == 0 { node(&here, sibling) } else { node(sibling, &here) };
        }
        (at, level) = (at / 2, level.div_ceil(2));
    }
    proof.next().is_none() && here == *root
}

fn node(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[NODE], left, right])
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    bytes_of(context.finish().as_ref())
}

/// The hash of some bytes as they are: a manifest's id.
pub(super) fn plain(bytes: &[u8]) -> Hash {
    bytes_of(digest(&SHA256, bytes).as_ref())
}

fn bytes_of(digest: &[u8]) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest);
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn blocks(count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|number| format!("block {number}").into_bytes()).collect()
    }

    #[test]
    fn an_empty_file_has_the_root_of_nothing() {
        assert_eq!(Tree::over(Vec::new()).root(), plain(b""));
    }

    #[test]
    fn one_block_is_its_own_root_without_a_proof() {
        let tree = Tree::over(vec![leaf(b"one")]);
        assert_eq!((tree.root(), tree.proof(0)), (leaf(b"one"), Vec::new()));
    }

    proptest! {
        #[test]
        fn each_block_is_under_the_root_in_its_place_alone(count in 1_usize..70, at in 0_usize..70, other in 0_usize..70) {
            let (at, other) = (at % count, other % count);
            let blocks = blocks(count);
            let tree = Tree::over(blocks.iter().map(|block| leaf(block)).collect());
            let (root, proof) = (tree.root(), tree.proof(at));
            prop_assert!(is_under(&root, at, count, &blocks[at], &proof));
            prop_assert_eq!(is_under(&root, other, count, &blocks[at], &proof), at == other);
            prop_assert_eq!(is_under(&root, at, count, &blocks[other], &proof), at == other);
            let longer = [&proof[..], &[root]].concat();
            prop_assert!(!is_under(&root, at, count, &blocks[at], &longer));
            if let Some((_, shorter)) = proof.split_last() {
                prop_assert!(!is_under(&root, at, count, &blocks[at], shorter));
            }
        }
    }
}
