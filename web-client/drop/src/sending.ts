/** The sender's end of a transfer with one receiver. */
import { Bitmap } from './bitmap.ts';
import type { Disk } from './disk/disk.ts';
import { MANIFEST_PART, MAX_WANTED } from './limits.ts';
import type { Manifest } from './manifest.ts';
import type { Message } from './messages.ts';
import type { CutBlock } from './piece.ts';
import { Transfer, type Wire } from './transfer.ts';

export class Sending extends Transfer {
  readonly #disk: Disk;
  readonly #source: number;
  /** Blocks that were asked for, oldest first. */
  readonly #queue = new Set<number>();
  #files: Bitmap | undefined;

  /** `source` names the files at the disk. */
  constructor(manifest: Manifest, wire: Wire, disk: Disk, source: number) {
    super(manifest, wire);
    this.#disk = disk;
    this.#source = source;
  }

  /** How many files were accepted. */
  get acceptedFiles(): number {
    return this.#files?.count ?? 0;
  }

  /** @internal Tells what there is. */
  offer(): void {
    const text = new TextDecoder().decode(this.manifest.bytes);
    this.wire?.say({ type: 'offer', id: this.id, length: this.manifest.bytes.length });
    for (let at = 0; at < text.length; at += MANIFEST_PART) {
      const last = at + MANIFEST_PART >= text.length;
      this.wire?.say({ type: 'manifest', id: this.id, part: text.slice(at, at + MANIFEST_PART), last });
    }
  }

  /** @internal The next block that was asked for, cut to messages. */
  async next(messageSize: number): Promise<CutBlock | undefined> {
    if (this.isOver || this.isPaused || this.isInterrupted) return undefined;
    for (const block of this.#queue) {
      this.#queue.delete(block);
      const { file, index } = this.manifest.place(block)!;
      try {
        return await this.#disk.ask('cut', { source: this.#source, file, index, id: this.id, block, most: messageSize });
      } catch {
        this.end('source');
      }
    }
    return undefined;
  }

  protected override heard(message: Message): void {
    switch (message.type) {
      case 'accept':
        return this.#accepted(message.files, message.have);
      case 'decline':
        return this.settle('declined');
      case 'want':
        return this.#wanted(message.blocks);
      case 'progress':
        if (this.state === 'active') this.progress(Math.min(message.bytes, this.total));
        return;
      case 'done':
        if (this.state !== 'active') return;
        this.progress(this.total);
        return this.settle('done');
      default:
        this.wire?.broken();
    }
  }

  protected override moved(): void {
    if (!this.isPaused) this.wire?.feed();
  }

  protected override over(): void {
    this.#queue.clear();
  }

  #accepted(files: string, have: string): void {
    const accepted = Bitmap.parse(files, this.manifest.files.length);
    const had = Bitmap.parse(have, this.manifest.blocks);
    if (!accepted || !had || accepted.count === 0) {
      this.wire?.broken();
      return;
    }
    this.#files = accepted;
    let [total, bytes] = [0, 0];
    for (let block = 0; block < this.manifest.blocks; block += 1) {
      const { file, length } = this.manifest.place(block)!;
      if (!accepted.has(file)) continue;
      total += length;
      if (had.has(block)) bytes += length;
    }
    this.begin(total, bytes);
    if (this.pausedHere) this.wire?.say({ type: 'paused', id: this.id, paused: true });
  }

  #wanted(blocks: readonly number[]): void {
    for (const block of blocks) {
      const place = this.manifest.place(block);
      if (!place || !this.#files?.has(place.file) || this.#queue.size >= MAX_WANTED) {
        this.wire?.broken();
        return;
      }
      this.#queue.add(block);
    }
    this.wire?.feed();
  }
}
