/**
 * Files as one ZIP archive without compression (APPNOTE 6.3.10), with their folders and times. Where files lie on disk,
 * they stay there: the archive refers to them. One that is written while they come has their checksums behind them.
 */
import type { Bytes } from '../bytes.ts';

export interface ArchiveEntry {
  /** Relative, `/` between names. */
  readonly path: string;
  /** Milliseconds since 1970 (UTC). */
  readonly modified: number;
  /** Bytes. */
  readonly size: number;
}

const LOCAL = 0x04034b50;
const DESCRIPTOR = 0x08074b50;
const CENTRAL = 0x02014b50;
const END_64 = 0x06064b50;
const END_64_LOCATOR = 0x07064b50;
const END = 0x06054b50;
/** The version that knows ZIP64. */
const VERSION = 45;
/** Names are UTF-8. */
const UTF_8 = 0x0800;
/** The checksum stands behind the file. */
const SUM_FOLLOWS = 0x0008;
/** Says that the number stands in the ZIP64 field. */
const ELSEWHERE = 0xffffffff;
/** Bytes of a local header, a descriptor, an entry of the directory and the end, without names. */
const LENGTHS = { local: 30 + 20 + 9, descriptor: 24, central: 46 + 28 + 9, end: 56 + 20 + 22 } as const;

/** The archive. Every file is read once, for its checksum. */
export async function archiveOf(entries: readonly (Omit<ArchiveEntry, 'size'> & { readonly content: Blob })[]): Promise<Blob> {
  const writer = new ArchiveWriter();
  const parts: BlobPart[] = [];
  for (const { path, modified, content } of entries) {
    const sum = ~(await partialSum(content)) >>> 0;
    parts.push(writer.begin({ path, modified, size: content.size }, sum), content);
  }
  return new Blob([...parts, writer.end()], { type: 'application/zip' });
}

/** Writes an archive from its beginning to its end: for each file `begin`, its bytes, `finish`; then `end`. */
export class ArchiveWriter {
  readonly #directory: ((sum?: number) => Bytes)[] = [];
  #at = 0;
  /** Of what was added of the file. */
  #partial = EMPTY;
  #size = 0;

  /** Bytes of an archive of files whose checksums stand behind them. */
  static sizeOf(entries: readonly ArchiveEntry[]): number {
    const { local, descriptor, central, end } = LENGTHS;
    return entries.reduce((sum, { path, size }) => sum + local + descriptor + central + 2 * encoded(path).length + size, end);
  }

  /** What stands before a file. Its checksum, if it is known: else the bytes are told to `add`, and `finish` follows. */
  begin(entry: ArchiveEntry, sum?: number): Bytes {
    const at = this.#at;
    const flags = sum === undefined ? UTF_8 | SUM_FOLLOWS : UTF_8;
    const local = header(LOCAL, entry, flags, sum ?? 0);
    this.#directory.push((later) => header(CENTRAL, entry, flags, sum ?? later ?? 0, at));
    this.#at += local.length + entry.size;
    this.#partial = EMPTY;
    this.#size = entry.size;
    return local;
  }

  /** Takes note of bytes of the file that was begun. */
  add(bytes: Uint8Array): void {
    this.#partial = addToSum(this.#partial, bytes);
  }

  /** What stands behind the file that was begun. */
  finish(): Bytes {
    const sum = ~this.#partial >>> 0;
    const late = this.#directory.pop()!;
    this.#directory.push(() => late(sum));
    this.#at += LENGTHS.descriptor;
    return new Writer(LENGTHS.descriptor).u32(DESCRIPTOR).u32(sum).u64(this.#size).u64(this.#size).whole;
  }

  /** The directory and the end. */
  end(): Bytes {
    const entries = this.#directory.map((written) => written());
    const size = entries.reduce((sum, { length }) => sum + length, 0);
    const whole = new Writer(size + LENGTHS.end);
    for (const entry of entries) whole.bytes(entry);
    const count = entries.length;
    const after = this.#at + size;
    whole.u32(END_64).u64(44).u16(VERSION).u16(VERSION).u32(0).u32(0).u64(count).u64(count).u64(size).u64(this.#at);
    whole.u32(END_64_LOCATOR).u32(0).u64(after).u32(1);
    return whole.u32(END).u16(0).u16(0).u16(0xffff).u16(0xffff).u32(ELSEWHERE).u32(ELSEWHERE).u16(0).whole;
  }
}

/** A local header, or with the place of that an entry of the directory. Sizes stand in a ZIP64 field, the time in one of seconds. */
function header(signature: number, { path, modified, size }: ArchiveEntry, flags: number, sum: number, at?: number): Bytes {
  const name = encoded(path);
  const isCentral = at !== undefined;
  const zip64 = isCentral ? 28 : 20;
  const written = new Writer((isCentral ? LENGTHS.central : LENGTHS.local) + name.length);
  written.u32(signature);
  if (isCentral) written.u16(VERSION);
  written.u16(VERSION).u16(flags).u16(0);
  const { time, date } = dosTime(modified);
  written.u16(time).u16(date).u32(sum).u32(ELSEWHERE).u32(ELSEWHERE).u16(name.length).u16(zip64 + 9);
  if (isCentral) written.u16(0).u16(0).u16(0).u32(0).u32(ELSEWHERE);
  written.bytes(name);
  written.u16(1).u16(zip64 - 4).u64(size).u64(size);
  if (isCentral) written.u64(at);
  // Info-ZIP's "extended timestamp": the time to the second, in UTC.
  written.u16(0x5455).u16(5).u8(1).u32(Math.floor(modified / 1000) >>> 0);
  return written.whole;
}

function encoded(path: string): Bytes {
  return new TextEncoder().encode(path);
}

/** Local time in steps of two seconds, from 1980 to 2107. */
function dosTime(modified: number): { time: number; date: number } {
  const when = new Date(modified);
  const year = Math.min(Math.max(when.getFullYear() - 1980, 0), 127);
  return {
    time: (when.getHours() << 11) | (when.getMinutes() << 5) | (when.getSeconds() >> 1),
    date: (year << 9) | ((when.getMonth() + 1) << 5) | when.getDate(),
  };
}

class Writer {
  readonly whole: Bytes;
  readonly #view: DataView;
  #at = 0;

  constructor(length: number) {
    this.whole = new Uint8Array(length);
    this.#view = new DataView(this.whole.buffer);
  }

  u8(value: number): this {
    this.#view.setUint8(this.#at, value);
    this.#at += 1;
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#at, value, true);
    this.#at += 2;
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#at, value, true);
    this.#at += 4;
    return this;
  }

  u64(value: number): this {
    this.#view.setBigUint64(this.#at, BigInt(value), true);
    this.#at += 8;
    return this;
  }

  bytes(value: Bytes): this {
    this.whole.set(value, this.#at);
    this.#at += value.length;
    return this;
  }
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte;
  for (let bit = 0; bit < 8; bit += 1) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  return sum;
});

/** The state of a checksum (CRC-32) before the first byte. Its inverse is the checksum. */
const EMPTY = 0xffffffff;

function addToSum(partial: number, bytes: Uint8Array): number {
  let sum = partial;
  for (const byte of bytes) sum = (sum >>> 8) ^ TABLE[(sum ^ byte) & 0xff]!;
  return sum;
}

async function partialSum(content: Blob): Promise<number> {
  let sum = EMPTY;
  const reader = content.stream().getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) sum = addToSum(sum, read.value);
  return sum;
}
