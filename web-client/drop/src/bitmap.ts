/** A set of numbers below a limit, a bit for each: which blocks are there, which files are wanted. */
import { fromBase64, toBase64, type Bytes } from './bytes.ts';

export class Bitmap {
  readonly length: number;
  /** The lowest bit of the first byte is number 0. */
  readonly #bits: Bytes;
  #count = 0;

  constructor(length: number) {
    this.length = length;
    this.#bits = new Uint8Array(Math.ceil(length / 8));
  }

  /** All numbers below `length`. */
  static full(length: number): Bitmap {
    const all = new Bitmap(length);
    for (let at = 0; at < length; at += 1) all.add(at);
    return all;
  }

  /** What `toString` wrote, of that many numbers; undefined for anything else. */
  static parse(text: string, length: number): Bitmap | undefined {
    const bits = fromBase64(text);
    const bitmap = new Bitmap(length);
    if (bits?.length !== bitmap.#bits.length) return undefined;
    for (let at = 0; at < bits.length * 8; at += 1) {
      if (((bits[at >> 3] ?? 0) & (1 << (at & 7))) === 0) continue;
      if (at >= length) return undefined;
      bitmap.add(at);
    }
    return bitmap;
  }

  /** How many are in it. */
  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count === this.length;
  }

  has(at: number): boolean {
    return ((this.#bits[at >> 3] ?? 0) & (1 << (at & 7))) !== 0;
  }

  /** True if that is news. */
  add(at: number): boolean {
    if (at < 0 || at >= this.length || this.has(at)) return false;
    this.#bits[at >> 3]! |= 1 << (at & 7);
    this.#count += 1;
    return true;
  }

  /** As base64url. */
  toString(): string {
    return toBase64(this.#bits);
  }
}
