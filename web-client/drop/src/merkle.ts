/**
 * The tree of hashes over a file's blocks, by RFC 9162 §2.1: a leaf is SHA-256 of 0x00 and the block, a node SHA-256
 * of 0x01 and its two children, and what has no sibling goes up as it is. The number of blocks follows from the size
 * of the file, so the length of a proof does, too.
 */
import { sha256, type Bytes } from './bytes.ts';

/** Bytes of a hash. */
export const HASH = 32;

/** The leaf of a block. */
export function leafOf(block: Uint8Array): Promise<Bytes> {
  const marked = new Uint8Array(1 + block.length);
  marked.set(block, 1);
  return sha256(marked);
}

function node(left: Uint8Array, right: Uint8Array): Promise<Bytes> {
  const marked = new Uint8Array(1 + 2 * HASH);
  marked[0] = 1;
  marked.set(left, 1);
  marked.set(right, 1 + HASH);
  return sha256(marked);
}

/** All hashes over one file. */
export class Tree {
  /** From the leaves up to the root; none for an empty file. */
  readonly #levels: readonly (readonly Bytes[])[];
  readonly root: Bytes;

  private constructor(levels: readonly (readonly Bytes[])[], root: Bytes) {
    this.#levels = levels;
    this.root = root;
  }

  /** The tree over these leaves. */
  static async over(leaves: readonly Bytes[]): Promise<Tree> {
    const levels = [leaves];
    let level = leaves;
    while (level.length > 1) {
      const pairs: Promise<Bytes>[] = [];
      for (let at = 0; at < level.length; at += 2) {
        const [left, right] = [level[at]!, level[at + 1]];
        pairs.push(right ? node(left, right) : Promise.resolve(left));
      }
      levels.push((level = await Promise.all(pairs)));
    }
    return new Tree(levels, level[0] ?? (await sha256(new Uint8Array())));
  }

  /** What leads from the block to the root: the siblings, from below. */
  proof(block: number): Bytes[] {
    const siblings: Bytes[] = [];
    let at = block;
    for (const level of this.#levels) {
      const sibling = level[at ^ 1];
      if (sibling) siblings.push(sibling);
      at >>= 1;
    }
    return siblings;
  }
}

/** Hashes in the proof of a block, of `count` in the file. */
export function proofLength(block: number, count: number): number {
  let length = 0;
  for (let at = block, width = count; width > 1; at >>= 1, width = (width + 1) >> 1) if ((at ^ 1) < width) length += 1;
  return length;
}

/** Whether the leaf is that of the block, of `count`, in the file with this root. */
export async function isProven(leaf: Bytes, block: number, count: number, proof: readonly Uint8Array[], root: Uint8Array): Promise<boolean> {
  if (block >= count || proof.length !== proofLength(block, count)) return false;
  let hash = leaf;
  let used = 0;
  for (let at = block, width = count; width > 1; at >>= 1, width = (width + 1) >> 1) {
    if ((at ^ 1) >= width) continue;
    const sibling = proof[used]!;
    used += 1;
    hash = await (at % 2 === 0 ? node(hash, sibling) : node(sibling, hash));
  }
  return hash.length === root.length && hash.every((byte, at) => byte === root[at]);
}
