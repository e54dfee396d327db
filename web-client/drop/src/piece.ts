/**
 * Blocks on their way. Each is cut into pieces, one binary message each; all pieces of a block go by one channel, in
 * order. Numbers are big endian.
 *
 * | bytes  | field                                                     |
 * |--------|-----------------------------------------------------------|
 * | 1      | version, 1                                                |
 * | 1      | hashes in the proof: none but in a block's first piece    |
 * | 2      | 0                                                         |
 * | 8      | the first bytes of the transfer's id                      |
 * | 4      | number of the block in the transfer                       |
 * | 4      | bytes of the block before this piece                      |
 * | 32 n   | proof, from below                                         |
 * | 1..    | bytes of the block                                        |
 */
import type { Bytes } from './bytes.ts';
import { BLOCK, VERSION } from './limits.ts';
import { HASH } from './merkle.ts';

const HEADER = 20;
/** Hashes in the longest proof: of the largest transfer. */
const MAX_PROOF = 20;
/** Characters of an id that a piece carries, of two to a byte. */
const TAG = 16;

/** What names a transfer in a piece. */
export type Tag = string;

export function tagOf(id: string): Tag {
  return id.slice(0, TAG);
}

export interface Piece {
  readonly tag: Tag;
  readonly block: number;
  readonly offset: number;
  readonly proof: readonly Uint8Array[];
  readonly bytes: Uint8Array;
}

/** A block as messages of at most `most` bytes, end to end in one buffer. */
export interface CutBlock {
  readonly buffer: ArrayBuffer;
  /** Where each message ends. */
  readonly ends: readonly number[];
}

/** Cuts a block into pieces. */
export function cutBlock(id: string, block: number, bytes: Uint8Array, proof: readonly Uint8Array[], most: number): CutBlock {
  const first = Math.min(bytes.length, most - HEADER - proof.length * HASH);
  const rest = Math.ceil((bytes.length - first) / (most - HEADER));
  const whole = new Uint8Array(bytes.length + proof.length * HASH + (1 + rest) * HEADER);
  const view = new DataView(whole.buffer);
  const ends: number[] = [];
  let at = 0;
  for (let offset = 0; offset < bytes.length; ) {
    const hashes = offset === 0 ? proof : [];
    view.setUint8(at, VERSION);
    view.setUint8(at + 1, hashes.length);
    for (let digit = 0; digit < TAG; digit += 2) view.setUint8(at + 4 + digit / 2, parseInt(id.slice(digit, digit + 2), 16));
    view.setUint32(at + 12, block);
    view.setUint32(at + 16, offset);
    at += HEADER;
    for (const hash of hashes) {
      whole.set(hash, at);
      at += HASH;
    }
    const length = Math.min(bytes.length - offset, most - HEADER - hashes.length * HASH);
    whole.set(bytes.subarray(offset, offset + length), at);
    offset += length;
    at += length;
    ends.push(at);
  }
  return { buffer: whole.buffer, ends };
}

/** The piece in a message; undefined for anything else. */
export function readPiece(message: ArrayBuffer): Piece | undefined {
  if (message.byteLength <= HEADER) return undefined;
  const view = new DataView(message);
  const hashes = view.getUint8(1);
  const start = HEADER + hashes * HASH;
  if (view.getUint8(0) !== VERSION || view.getUint16(2) !== 0 || hashes > MAX_PROOF || message.byteLength <= start) return undefined;
  const offset = view.getUint32(16);
  if (hashes > 0 && offset > 0) return undefined;
  let tag = '';
  for (let at = 4; at < 12; at += 1) tag += view.getUint8(at).toString(16).padStart(2, '0');
  const proof = Array.from({ length: hashes }, (_, at) => new Uint8Array(message, HEADER + at * HASH, HASH));
  return { tag, block: view.getUint32(12), offset, proof, bytes: new Uint8Array(message, start) };
}

/** A block that has come whole. It is not verified yet. */
export interface ArrivedBlock {
  readonly block: number;
  readonly bytes: Bytes;
  readonly proof: readonly Uint8Array[];
}

/** Puts the pieces of one channel together. */
export class Assembly {
  #block = -1;
  #bytes: Bytes = new Uint8Array();
  #filled = 0;
  #proof: readonly Uint8Array[] = [];

  /** The block of which pieces are missing still; undefined between blocks. */
  get unfinished(): number | undefined {
    return this.#block < 0 ? undefined : this.#block;
  }

  /** Takes a piece of a block of that many bytes. Gives the block with its last piece, `'bad'` for one that does not fit. */
  add(piece: Piece, length: number): ArrivedBlock | 'bad' | undefined {
    // A block that is not finished is given up when the next one begins: it has come by another channel meanwhile.
    if (piece.offset === 0 && length <= BLOCK) {
      this.#block = piece.block;
      this.#bytes = new Uint8Array(length);
      this.#filled = 0;
      this.#proof = piece.proof;
    }
    const fits = piece.block === this.#block && piece.offset === this.#filled && this.#filled + piece.bytes.length <= this.#bytes.length;
    if (!fits) return 'bad';
    this.#bytes.set(piece.bytes, this.#filled);
    this.#filled += piece.bytes.length;
    if (this.#filled < this.#bytes.length) return undefined;
    const arrived = { block: this.#block, bytes: this.#bytes, proof: this.#proof };
    this.#block = -1;
    return arrived;
  }
}
