/** The receiver's end of a transfer. */
import { Bitmap } from './bitmap.ts';
import type { Disk } from './disk/disk.ts';
import type { Into, Place, StoreKind } from './disk/requests.ts';
import type { Download } from './downloads/download.ts';
import { MEMORY_LIMIT } from './limits.ts';
import type { Manifest } from './manifest.ts';
import { storedPaths } from './names.ts';
import type { ArrivedBlock } from './piece.ts';
import { Schedule } from './schedule.ts';
import { Transfer, type Wire } from './transfer.ts';

/** Milliseconds between two words on how far it is. */
const PROGRESS = 200;

/** A file that is there and verified. */
export interface ReceivedFile {
  /** Relative, with names that every file system takes. */
  readonly path: string;
  /** Its name is the path's last; its time is the sender's. */
  readonly file: File;
}

export class Receiving extends Transfer {
  readonly #disk: Disk;
  readonly #paths: readonly string[];
  #schedule: Schedule | undefined;
  #files = new Bitmap(0);
  #kind: StoreKind | undefined;
  #isOpening = false;
  #isDiscarded = false;
  #isLost = false;
  #limit: number | undefined;
  #download: Download | undefined;
  #saidAt = 0;

  constructor(manifest: Manifest, wire: Wire, disk: Disk) {
    super(manifest, wire);
    this.#disk = disk;
    this.#paths = storedPaths(manifest.files.map(({ path }) => path));
  }

  /** Which files were accepted, by their numbers. */
  get acceptedFiles(): Bitmap {
    return this.#files;
  }

  /** Whether what was received is no longer kept here. */
  get isDiscarded(): boolean {
    return this.#isDiscarded;
  }

  /** Where they are kept, once they were accepted. */
  get keptIn(): StoreKind | undefined {
    return this.#kind;
  }

  /** Under which names the files are stored: such that every file system takes them, no two alike. */
  get paths(): readonly string[] {
    return this.#paths;
  }

  /** Whether it ended because it could no longer be written where it should go. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Bytes that could have been accepted, where it ended because these were too many. */
  get limit(): number | undefined {
    return this.#limit;
  }

  /**
   * Accepts all files, or those with these numbers. They go to `place`, if the person has chosen one: a file for one, else a
   * folder. Else the browser keeps them until they are saved; where it cannot, it downloads them as they come; and where it
   * cannot do that either, a little is kept in memory.
   */
  async accept(files?: Iterable<number>, place?: Place): Promise<void> {
    if (this.state !== 'offered' || this.#isOpening) return;
    const count = this.manifest.files.length;
    const chosen = files === undefined ? Bitmap.full(count) : new Bitmap(count);
    for (const file of files ?? []) chosen.add(file);
    if (chosen.count === 0) return this.decline();
    await this.#open(chosen, place);
  }

  /** Wants nothing of it. */
  decline(): void {
    if (this.state !== 'offered') return;
    this.wire?.say({ type: 'decline', id: this.id });
    this.settle('declined');
  }

  /** A file that was accepted and is complete. */
  async file(number: number): Promise<ReceivedFile> {
    const content = await this.#disk.ask('take', { id: this.id, file: number });
    const path = this.#paths[number]!;
    const { modified } = this.manifest.files[number]!;
    return { path, file: new File([content], path.slice(path.lastIndexOf('/') + 1), { lastModified: modified }) };
  }

  /** All files that were accepted as one ZIP archive, when all are there. */
  archive(): Promise<Blob> {
    return this.#disk.ask('archive', { id: this.id });
  }

  /** Deletes what is kept here: the files were saved, or nobody wants them. */
  async discard(): Promise<void> {
    this.cancel();
    this.#isDiscarded = true;
    this.emit('changed');
    await this.#disk.ask('remove', { id: this.id });
  }

  /** @internal Goes on with what was accepted before a reload. */
  async goOn(): Promise<void> {
    const found = await this.#disk.ask('find', { manifest: this.manifest.bytes });
    const files = found && Bitmap.parse(found.files, this.manifest.files.length);
    if (files && this.state === 'offered' && !this.#isOpening) await this.#open(files);
  }

  /** @internal The other side is back and offers it again. */
  reattach(wire: Wire): void {
    this.wire = wire;
    if (this.#schedule) this.#say(this.#schedule);
    else this.emit('changed');
  }

  /** @internal How long the block is, if it may come; undefined for one that nobody asked for, 0 for one that is here. */
  expected(block: number): number | undefined {
    if (this.isOver) return 0;
    const what = this.#schedule?.whatIs(block) ?? 'foreign';
    if (what === 'foreign') return undefined;
    return what === 'late' ? 0 : this.manifest.place(block)!.length;
  }

  /** @internal A block has come whole. */
  async arrived({ block, bytes, proof }: ArrivedBlock): Promise<void> {
    const schedule = this.#schedule;
    if (!schedule || this.isOver) return;
    let verdict;
    try {
      verdict = await this.#disk.ask('put', { id: this.id, block, bytes, proof }, { transfer: [bytes.buffer] });
    } catch {
      // The worker is gone, or can no longer reach the place where it writes.
      verdict = 'full' as const;
    }
    if (this.isOver) return;
    if (verdict === 'full') return this.end('space');
    if (verdict === 'lost') {
      this.#isLost = true;
      return this.end('stopped');
    }
    if (verdict === 'unverified') {
      if (schedule.failed(block) === 'given up') return this.end('unverified');
    } else {
      schedule.stored(block);
      this.progress(schedule.gotBytes);
    }
    this.#want(schedule);
  }

  /** @internal A channel is gone: whatever had not come whole is asked for again. */
  lostLane(): void {
    if (!this.#schedule) return;
    this.#schedule.lost(this.#schedule.asked);
    this.#want(this.#schedule);
  }

  protected override heard(): void {
    this.wire?.broken();
  }

  protected override moved(): void {
    if (!this.isPaused && this.#schedule) this.#want(this.#schedule);
  }

  protected override over(): void {
    this.#download?.release();
    // What was stopped is of no use to anybody; what was completed is taken from there.
    if (this.state === 'ended') void this.#disk.ask('remove', { id: this.id }).catch(() => {});
  }

  async #open(files: Bitmap, place?: Place): Promise<void> {
    this.#isOpening = true;
    try {
      const opened = await (place ? this.#openAt(files, { kind: 'place', place }) : this.#openSomewhere(files));
      if (this.isOver) {
        this.#download?.release();
        await this.#disk.ask('remove', { id: this.id });
        return;
      }
      if (opened === 'full') {
        this.#limit = MEMORY_LIMIT;
        return this.end('space');
      }
      this.#files = files;
      const have = Bitmap.parse(opened.have, this.manifest.blocks) ?? new Bitmap(this.manifest.blocks);
      const schedule = (this.#schedule = new Schedule(this.manifest, files, have));
      this.begin(schedule.totalBytes, schedule.gotBytes);
      this.#say(schedule);
    } finally {
      this.#isOpening = false;
    }
  }

  /** Opens the best that there is. */
  async #openSomewhere(files: Bitmap): Promise<{ readonly have: string } | 'full'> {
    const opened = await this.#openAt(files, { kind: 'browser' });
    if (opened !== 'full') return opened;
    const { downloads } = this.#disk;
    if (downloads !== undefined) {
      // Few browsers need it, so it is not loaded with the rest.
      const { beginDownload } = await import('./downloads/download.ts');
      this.#download = await beginDownload(downloads).catch(() => undefined);
      if (this.#download) return this.#openAt(files, { kind: 'download', port: this.#download.port });
    }
    return this.#openAt(files, { kind: 'memory' });
  }

  #openAt(files: Bitmap, into: Into): Promise<{ readonly have: string } | 'full'> {
    this.#kind = into.kind;
    const transfer = into.kind === 'download' ? [into.port] : [];
    return this.#disk.ask('open', { manifest: this.manifest.bytes, files: String(files), into }, { transfer });
  }

  /** Tells the sender what is wanted and what is there, and asks for the rest. */
  #say(schedule: Schedule): void {
    this.wire?.say({ type: 'accept', id: this.id, files: String(this.#files), have: String(schedule.have) });
    if (this.pausedHere) this.wire?.say({ type: 'paused', id: this.id, paused: true });
    schedule.lost(schedule.asked);
    this.#want(schedule);
  }

  #want(schedule: Schedule): void {
    if (this.state !== 'active' || this.wire === undefined) return;
    if (schedule.isDone) {
      this.wire.say({ type: 'done', id: this.id });
      this.settle('done');
      return;
    }
    const now = performance.now();
    if (now - this.#saidAt >= PROGRESS) {
      this.#saidAt = now;
      this.wire.say({ type: 'progress', id: this.id, bytes: schedule.gotBytes });
    }
    if (this.isPaused) return;
    const blocks = schedule.take();
    if (blocks.length > 0) this.wire.say({ type: 'want', id: this.id, blocks });
  }
}
