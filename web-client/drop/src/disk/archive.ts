/**
 * Files as one ZIP archive without compression (APPNOTE 6.3.10), with their folders and times. Where files lie on disk,
 * they stay there: the archive refers to them.
 */
import type { Bytes } from '../bytes.ts';

export interface ArchiveEntry {
  /** Relative, `/` between names. */
  readonly path: string;
  /** Milliseconds since 1970 (UTC). */
  readonly modified: number;
  readonly content: Blob;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END_64 = 0x06064b50;
const END_64_LOCATOR = 0x07064b50;
const END = 0x06054b50;
/** The version that knows ZIP64. */
const VERSION = 45;
/** Names are UTF-8. */
const UTF_8 = 0x0800;
/** Says that the number stands in the ZIP64 field. */
const ELSEWHERE = 0xffffffff;

/** The archive. Every file is read once, for its checksum. */
export async function archiveOf(entries: readonly ArchiveEntry[]): Promise<Blob> {
  const parts: BlobPart[] = [];
  const directory: Bytes[] = [];
  let at = 0;
  for (const { path, modified, content } of entries) {
    const name = new TextEncoder().encode(path);
    const sum = await crc32(content);
    const local = header(LOCAL, name, modified, sum, content.size);
    parts.push(local, content);
    directory.push(header(CENTRAL, name, modified, sum, content.size, at));
    at += local.length + content.size;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  return new Blob([...parts, ...directory, end(entries.length, size, at)], { type: 'application/zip' });
}

/** A local header, or with the place of that an entry of the directory. Sizes stand in a ZIP64 field, the time in one of seconds. */
function header(signature: number, name: Bytes, modified: number, sum: number, size: number, at?: number): Bytes {
  const isCentral = at !== undefined;
  const zip64 = isCentral ? 28 : 20;
  const written = new Writer((isCentral ? 46 : 30) + name.length + zip64 + 9);
  written.u32(signature);
  if (isCentral) written.u16(VERSION);
  written.u16(VERSION).u16(UTF_8).u16(0);
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

function end(count: number, size: number, at: number): Bytes {
  const written = new Writer(56 + 20 + 22);
  written.u32(END_64).u64(44).u16(VERSION).u16(VERSION).u32(0).u32(0).u64(count).u64(count).u64(size).u64(at);
  written.u32(END_64_LOCATOR).u32(0).u64(at + size).u32(1);
  return written.u32(END).u16(0).u16(0).u16(0xffff).u16(0xffff).u32(ELSEWHERE).u32(ELSEWHERE).u16(0).whole;
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

async function crc32(content: Blob): Promise<number> {
  let sum = 0xffffffff;
  const reader = content.stream().getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    for (const byte of read.value) sum = (sum >>> 8) ^ TABLE[(sum ^ byte) & 0xff]!;
  }
  return ~sum >>> 0;
}
