/** The disk without a worker: what it does is done here, in memory. */
import { Bitmap } from '../../src/bitmap.ts';
import type { Bytes } from '../../src/bytes.ts';
import type { Disk } from '../../src/disk/disk.ts';
import { Keeper } from '../../src/disk/keeper.ts';
import { MemoryStore } from '../../src/disk/memory-store.ts';
import type { DiskRequests } from '../../src/disk/requests.ts';
import { Sources } from '../../src/disk/sources.ts';
import { FullError, type Store } from '../../src/disk/store.ts';
import { Manifest } from '../../src/manifest.ts';
import type { CutBlock } from '../../src/piece.ts';

export class FakeDisk {
  readonly sources = new Sources();
  readonly removed: string[] = [];
  /** Changes what is read before it is sent. */
  spoil: (block: number, cut: CutBlock) => CutBlock = (_, cut) => cut;
  /** How many blocks can be written. */
  space = Infinity;
  readonly #keepers = new Map<string, Keeper>();
  /** What a reload finds. */
  accepted = new Map<string, string>();
  #stores = new Map<string, Store>();

  get asDisk(): Disk {
    return this as unknown as Disk;
  }

  async ask(request: keyof DiskRequests, ask: never): Promise<unknown> {
    switch (request) {
      case 'hash': {
        const { files } = ask as DiskRequests['hash'][0];
        return this.sources.hash(files, () => {});
      }
      case 'cut': {
        const { source, file, index, id, block, most } = ask as DiskRequests['cut'][0];
        return this.spoil(block, await this.sources.cut(source, file, index, id, block, most));
      }
      case 'find': {
        const { id } = await Manifest.parse((ask as DiskRequests['find'][0]).manifest as Bytes);
        const files = this.accepted.get(id);
        return files === undefined ? undefined : { files };
      }
      case 'open': {
        const { manifest: bytes, files } = ask as DiskRequests['open'][0];
        const manifest = await Manifest.parse(bytes as Bytes);
        const store = this.#stores.get(manifest.id) ?? new ResumableStore(this);
        this.#stores.set(manifest.id, store);
        this.accepted.set(manifest.id, files);
        const keeper = await Keeper.open(manifest, Bitmap.parse(files, manifest.files.length)!, store);
        this.#keepers.set(manifest.id, keeper);
        return { have: String(keeper.have) };
      }
      case 'put': {
        const { id, block, bytes, proof } = ask as DiskRequests['put'][0];
        return this.#keepers.get(id)!.put(block, bytes as Bytes, proof);
      }
      case 'take': {
        const { id, file } = ask as DiskRequests['take'][0];
        return this.#keepers.get(id)!.take(file);
      }
      case 'archive':
        return this.#keepers.get((ask as DiskRequests['archive'][0]).id)!.archive();
      case 'remove':
        this.removed.push((ask as DiskRequests['remove'][0]).id);
        return undefined;
      default:
        throw new Error(`nobody asks this in a test: ${request}`);
    }
  }
}

/** One that keeps its leaves too, as a file system does. */
class ResumableStore extends MemoryStore {
  readonly #leaves = new Map<number, Bytes>();
  readonly #disk: FakeDisk;

  constructor(disk: FakeDisk) {
    super();
    this.#disk = disk;
  }

  override leaves(): Promise<ReadonlyMap<number, Bytes>> {
    return Promise.resolve(this.#leaves);
  }

  override async write(block: number, file: number, offset: number, bytes: Bytes, leaf?: Bytes): Promise<void> {
    if ((this.#disk.space -= 1) < 0) throw new FullError('full');
    await super.write(block, file, offset, bytes);
    if (leaf) this.#leaves.set(block, leaf);
  }
}
