import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { toHex, type Bytes } from '../src/bytes.ts';
import { isProven, leafOf, proofLength, Tree } from '../src/merkle.ts';

const blocks = (count: number): Bytes[] => Array.from({ length: count }, (_, at) => new Uint8Array([at, at >> 8]));
const leavesOf = (all: Bytes[]): Promise<Bytes[]> => Promise.all(all.map(leafOf));

/** RFC 9162 §2.1.1, written as it stands there. */
function rootByTheBook(leaves: readonly Uint8Array[]): Buffer {
  const hash = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
  if (leaves.length === 0) return hash();
  if (leaves.length === 1) return Buffer.from(leaves[0]!);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return hash(new Uint8Array([1]), rootByTheBook(leaves.slice(0, split)), rootByTheBook(leaves.slice(split)));
}

describe('the tree over blocks', () => {
  it.each([0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 33, 100])('has the root of RFC 9162 over %i blocks', async (count) => {
    const leaves = await leavesOf(blocks(count));
    expect(toHex((await Tree.over(leaves)).root)).toBe(rootByTheBook(leaves).toString('hex'));
  });

  it.each([1, 2, 3, 5, 8, 13])('proves each of %i blocks and no other', async (count) => {
    const leaves = await leavesOf(blocks(count));
    const tree = await Tree.over(leaves);
    for (let block = 0; block < count; block += 1) {
      const proof = tree.proof(block);
      expect(proof).toHaveLength(proofLength(block, count));
      expect(await isProven(leaves[block]!, block, count, proof, tree.root)).toBe(true);
      for (let other = 0; other < count; other += 1) {
        if (other !== block) expect(await isProven(leaves[other]!, block, count, proof, tree.root)).toBe(false);
      }
    }
  });

  it('takes no proof of another length, for another place or with a changed hash', async () => {
    const leaves = await leavesOf(blocks(5));
    const tree = await Tree.over(leaves);
    const proof = tree.proof(1);
    expect(await isProven(leaves[1]!, 1, 5, proof.slice(1), tree.root)).toBe(false);
    expect(await isProven(leaves[1]!, 1, 5, [...proof, proof[0]!], tree.root)).toBe(false);
    expect(await isProven(leaves[1]!, 3, 5, proof, tree.root)).toBe(false);
    expect(await isProven(leaves[1]!, 5, 5, proof, tree.root)).toBe(false);
    const changed = proof.map((hash) => hash.slice());
    changed[2]![7]! ^= 1;
    expect(await isProven(leaves[1]!, 1, 5, changed, tree.root)).toBe(false);
  });

  it('does not take two children for a block', async () => {
    const leaves = await leavesOf(blocks(2));
    const tree = await Tree.over(leaves);
    const children = new Uint8Array([1, ...leaves[0]!, ...leaves[1]!]);
    expect(await isProven(await leafOf(children), 0, 1, [], tree.root)).toBe(false);
  });
});
