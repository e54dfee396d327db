/** Both ends of a transfer, with everything between them but the browser's connection. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Bytes } from '../src/bytes.ts';
import { BLOCK, PIECE } from '../src/limits.ts';
import { Manifest } from '../src/manifest.ts';
import { decodeMessage, encodeMessage, type Message } from '../src/messages.ts';
import { Assembly, readPiece } from '../src/piece.ts';
import { Receiving } from '../src/receiving.ts';
import { Sending } from '../src/sending.ts';
import type { Transfer } from '../src/transfer.ts';
import { FakeDisk } from './fakes/disk.ts';

const SIZES = [3 * BLOCK + 5, 0, 10, BLOCK];

/** A sender and a receiver who hear each other. */
class Pair {
  readonly here = new FakeDisk();
  there = new FakeDisk();
  sending!: Sending;
  receiving!: Receiving;
  /** Blocks that were sent, in order. */
  readonly sent: number[] = [];
  readonly said: Message[] = [];
  broken = 0;
  contents: Bytes[] = [];
  manifest!: Manifest;
  #source = 0;
  #isCut = false;

  async prepare(): Promise<void> {
    this.contents = SIZES.map((size) => new Uint8Array(size).map((_, at) => at * 31 + size));
    const files = this.contents.map((bytes, at) => new File([bytes], `${at}.bin`, { lastModified: 1000 * (at + 1) }));
    const { source, roots } = await this.here.sources.hash(files, () => {});
    this.#source = source;
    this.manifest = await Manifest.of(files.map(({ name, size, lastModified: modified }, at) => ({ path: name, size, modified, root: roots[at]! })));
    this.connect();
  }

  connect(): void {
    this.#isCut = false;
    this.sending = new Sending(this.manifest, this.#wire(() => this.receiving), this.here.asDisk, this.#source);
    this.receiving = new Receiving(this.manifest, this.#wire(() => this.sending), this.there.asDisk);
  }

  cut(): void {
    this.#isCut = true;
    this.sending.interrupt();
    this.receiving.interrupt();
  }

  /** The receiver offers itself anew at a sender that is new to it. */
  reattach(): void {
    this.#isCut = false;
    this.sending = new Sending(this.manifest, this.#wire(() => this.receiving), this.here.asDisk, this.#source);
    this.receiving.reattach(this.#wire(() => this.sending));
  }

  /** Sends what was asked for, `most` blocks at most. */
  async flow(most = Infinity): Promise<void> {
    const assembly = new Assembly();
    for (let count = 0; count < most; count += 1) {
      const cut = await this.sending.next(PIECE);
      if (!cut) return;
      for (const [at, end] of cut.ends.entries()) {
        const piece = readPiece(cut.buffer.slice(cut.ends[at - 1] ?? 0, end))!;
        if (piece.offset === 0) this.sent.push(piece.block);
        const length = this.receiving.expected(piece.block);
        if (length === undefined) throw new Error('a block that nobody asked for');
        if (length === 0) continue;
        const added = assembly.add(piece, length);
        if (added === 'bad') throw new Error('a piece that does not fit');
        if (added) await this.receiving.arrived(added);
      }
    }
  }

  #wire(to: () => Transfer) {
    return {
      say: (message: Message) => {
        const read = decodeMessage(encodeMessage(message));
        if (read === undefined || read === 'bad') throw new Error('a message that nobody can read');
        this.said.push(read);
        if (!this.#isCut && read.type !== 'offer' && read.type !== 'manifest') to().take(read);
      },
      feed: () => {},
      broken: () => (this.broken += 1),
    };
  }
}

let pair: Pair;

beforeEach(async () => {
  pair = new Pair();
  await pair.prepare();
});

/** Whether a file that was received has the bytes that were sent. */
async function isAsSent(file: number): Promise<boolean> {
  const received = await (await pair.receiving.file(file)).file.arrayBuffer();
  return Buffer.from(received).equals(pair.contents[file]!);
}

describe('a transfer', () => {
  it('brings every file as it was, with its name and time', async () => {
    await pair.receiving.accept();
    expect(pair.sending).toMatchObject({ state: 'active', total: SIZES.reduce((sum, size) => sum + size) });
    await pair.flow();
    expect([pair.sending.state, pair.receiving.state]).toEqual(['done', 'done']);
    expect(pair.sending.bytes).toBe(pair.sending.total);
    for (const at of SIZES.keys()) expect(await isAsSent(at)).toBe(true);
    const { path, file } = await pair.receiving.file(2);
    expect([path, file.name, file.lastModified]).toEqual(['2.bin', '2.bin', 3000]);
    expect(pair.broken).toBe(0);
  });

  it('brings what was chosen only', async () => {
    await pair.receiving.accept([1, 2]);
    expect(pair.sending).toMatchObject({ total: 10, acceptedFiles: 2 });
    await pair.flow();
    expect([pair.sending.state, pair.receiving.state, pair.sent]).toEqual(['done', 'done', [4]]);
    await expect(pair.receiving.file(0)).rejects.toThrow('not complete');
  });

  it('is declined without a byte', async () => {
    await pair.receiving.accept([]);
    expect([pair.sending.state, pair.receiving.state, pair.sent]).toEqual(['declined', 'declined', []]);
  });

  it('of nothing but an empty file is done at once', async () => {
    await pair.receiving.accept([1]);
    expect([pair.sending.state, pair.receiving.state]).toEqual(['done', 'done']);
    expect(await isAsSent(1)).toBe(true);
  });

  it('asks again for a block that came spoiled, and stores nothing of it', async () => {
    let spoiled = 0;
    pair.here.spoil = (block, cut) => {
      if (block === 2 && (spoiled += 1) === 1) new Uint8Array(cut.buffer)[cut.ends[0]! - 1]! ^= 1;
      return cut;
    };
    await pair.receiving.accept();
    await pair.flow();
    expect(pair.receiving.state).toBe('done');
    expect(pair.sent.filter((block) => block === 2)).toHaveLength(2);
    expect(await isAsSent(0)).toBe(true);
  });

  it('ends when a block is wrong every time, and says so on both sides', async () => {
    pair.here.spoil = (block, cut) => {
      if (block === 2) new Uint8Array(cut.buffer)[cut.ends[0]! - 1]! ^= 1;
      return cut;
    };
    await pair.receiving.accept();
    await pair.flow();
    expect(pair.receiving).toMatchObject({ state: 'ended', endReason: 'unverified', endedByThem: false });
    expect(pair.sending).toMatchObject({ state: 'ended', endReason: 'unverified', endedByThem: true });
    expect(pair.there.removed).toEqual([pair.manifest.id]);
    expect(pair.sent.filter((block) => block === 2)).toHaveLength(5);
  });

  it('ends when the disk is full, and leaves nothing behind', async () => {
    pair.there.space = 2;
    await pair.receiving.accept();
    await pair.flow();
    expect(pair.sending).toMatchObject({ state: 'ended', endReason: 'space', endedByThem: true });
    expect(pair.there.removed).toEqual([pair.manifest.id]);
  });

  it('ends when a file can no longer be read', async () => {
    pair.here.spoil = () => {
      throw new Error('gone');
    };
    await pair.receiving.accept();
    await pair.flow();
    expect(pair.receiving).toMatchObject({ state: 'ended', endReason: 'source', endedByThem: true });
  });

  it.each(['sending', 'receiving'] as const)('rests while the %s side has paused it, and goes on', async (side) => {
    await pair.receiving.accept();
    await pair.flow(1);
    pair[side].pause();
    expect([pair.sending.isPaused, pair.receiving.isPaused]).toEqual([true, true]);
    await pair.flow();
    expect(pair.sent).toHaveLength(1);
    expect(pair.receiving.bytesPerSecond).toBe(0);
    pair[side].resume();
    await pair.flow();
    expect([pair.sending.state, pair.receiving.state]).toEqual(['done', 'done']);
  });

  it.each(['sending', 'receiving'] as const)('ends when the %s side cancels it', async (side) => {
    await pair.receiving.accept();
    await pair.flow(1);
    pair[side].cancel();
    await pair.flow();
    expect([pair.sending.state, pair.receiving.state, pair.sent.length]).toEqual(['ended', 'ended', 1]);
    expect(pair[side]).toMatchObject({ endReason: 'stopped', endedByThem: false });
    expect(pair.there.removed).toEqual([pair.manifest.id]);
  });

  it('goes on after a lost connection with what is missing', async () => {
    await pair.receiving.accept();
    await pair.flow(2);
    pair.cut();
    expect([pair.sending.isInterrupted, pair.receiving.isInterrupted]).toEqual([true, true]);
    pair.reattach();
    expect(pair.sending.bytes).toBe(2 * BLOCK);
    await pair.flow();
    expect([pair.sending.state, pair.receiving.state]).toEqual(['done', 'done']);
    expect(pair.sent).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await isAsSent(0)).toBe(true);
  });

  it('goes on after a reload, with the files that were accepted', async () => {
    await pair.receiving.accept([0, 2]);
    await pair.flow(2);
    pair.cut();
    pair.connect();
    await pair.receiving.goOn();
    expect(pair.sending).toMatchObject({ state: 'active', bytes: 2 * BLOCK, total: SIZES[0]! + 10 });
    await pair.flow();
    expect([pair.sending.state, pair.sent]).toEqual(['done', [0, 1, 2, 3, 4]]);
  });

  it('is not accepted by itself when it is new', async () => {
    await pair.receiving.goOn();
    expect(pair.receiving.state).toBe('offered');
  });

  it('asks again for what was on a channel that is gone', async () => {
    await pair.receiving.accept();
    await pair.sending.next(PIECE);
    pair.receiving.lostLane();
    await pair.flow();
    expect([pair.sending.state, [...pair.sent].sort()]).toEqual(['done', [0, 1, 2, 3, 4, 5]]);
  });

  it('says how far it is and how long it will take', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      await pair.receiving.accept();
      for (let block = 0; block < 3; block += 1) {
        vi.advanceTimersByTime(1000);
        await pair.flow(1);
      }
      expect(pair.receiving.bytes).toBe(3 * BLOCK);
      expect(pair.receiving.bytesPerSecond).toBeCloseTo(BLOCK, -3);
      expect(pair.receiving.secondsLeft).toBeCloseTo(1, 0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a receiver that does not keep to the protocol', () => {
  const id = (): string => pair.manifest.id;

  it.each([
    ['wants a block that there is not', () => ({ type: 'want', id: id(), blocks: [99] })],
    ['wants a block of a file that it did not accept', () => ({ type: 'want', id: id(), blocks: [4] })],
    ['accepts nothing', () => ({ type: 'accept', id: id(), files: 'AA', have: 'AA' })],
    ['accepts with a bitmap of another length', () => ({ type: 'accept', id: id(), files: 'AQ', have: 'AAAAAA' })],
    ['offers what we offer', () => ({ type: 'offer', id: id(), length: 1 })],
  ] as const)('%s', async (_, message) => {
    await pair.receiving.accept([0]);
    pair.sending.take(message() as Message);
    expect(pair.broken).toBe(1);
  });

  it('wants a block before it accepts', () => {
    pair.sending.take({ type: 'want', id: id(), blocks: [0] });
    expect(pair.broken).toBe(1);
  });
});

describe('a sender that does not keep to the protocol', () => {
  it('sends a block that nobody asked for', async () => {
    expect(pair.receiving.expected(0)).toBeUndefined();
    await pair.receiving.accept([2]);
    expect(pair.receiving.expected(0)).toBeUndefined();
    expect(pair.receiving.expected(4)).toBe(10);
    expect(pair.receiving.expected(99)).toBeUndefined();
  });

  it('leaves nothing behind', async () => {
    await pair.receiving.accept();
    await pair.flow(2);
    pair.receiving.abandon();
    expect(pair.receiving).toMatchObject({ state: 'ended', endReason: 'protocol' });
    expect(pair.there.removed).toEqual([pair.manifest.id]);
  });

  it('accepts its own offer', () => {
    pair.receiving.take({ type: 'accept', id: pair.manifest.id, files: 'AQ', have: 'AA' });
    expect(pair.broken).toBe(1);
  });
});
