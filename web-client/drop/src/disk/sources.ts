/** Files to be sent: hashed once, then read block by block. */
import type { Bytes } from '../bytes.ts';
import { BLOCK } from '../limits.ts';
import { blocksIn } from '../manifest.ts';
import { leafOf, Tree } from '../merkle.ts';
import { cutBlock, type CutBlock } from '../piece.ts';

/** Blocks that are read and hashed at a time. */
const ABREAST = 4;

interface HashedFile {
  readonly file: Blob;
  readonly tree: Tree;
}

export class Sources {
  readonly #sources = new Map<number, readonly HashedFile[]>();
  #last = 0;

  /** Hashes files; `hashed` hears of each block. Rejects when one cannot be read. */
  async hash(files: readonly Blob[], hashed: (bytes: number) => void): Promise<{ source: number; roots: Bytes[] }> {
    const all: HashedFile[] = [];
    for (const file of files) all.push({ file, tree: await Tree.over(await leavesOf(file, hashed)) });
    const source = (this.#last += 1);
    this.#sources.set(source, all);
    return { source, roots: all.map(({ tree }) => tree.root) };
  }

  /** Reads a block. Rejects when the file is gone or has changed. */
  async cut(source: number, file: number, index: number, id: string, block: number, most: number): Promise<CutBlock> {
    const hashed = this.#sources.get(source)?.[file];
    if (!hashed) throw new Error('These files are no longer offered.');
    return cutBlock(id, block, await readBlock(hashed.file, index), hashed.tree.proof(index), most);
  }

  forget(source: number): void {
    this.#sources.delete(source);
  }
}

async function readBlock(file: Blob, index: number): Promise<Bytes> {
  return new Uint8Array(await file.slice(index * BLOCK, (index + 1) * BLOCK).arrayBuffer());
}

async function leavesOf(file: Blob, hashed: (bytes: number) => void): Promise<Bytes[]> {
  const count = blocksIn(file.size);
  const leaves = new Array<Bytes>(count);
  let next = 0;
  const walk = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const bytes = await readBlock(file, index);
      leaves[index] = await leafOf(bytes);
      hashed(bytes.length);
    }
  };
  await Promise.all(Array.from({ length: ABREAST }, walk));
  return leaves;
}
