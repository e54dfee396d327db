/** Messages in a stream of bytes: a length of four bytes, big endian, then as many bytes. */

const HEAD = 4;

/** Writes one. */
export function frame(body: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEAD + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, HEAD);
  return bytes;
}

/** Reads them, however the stream is cut into pieces. */
export class FrameReader {
  readonly #most: number;
  #isBody = false;
  #filling: Uint8Array<ArrayBuffer> = new Uint8Array(HEAD);
  #filled = 0;

  /** `most` is the longest body in bytes. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Whether a message has begun and is not whole. */
  get isAmid(): boolean {
    return this.#isBody || this.#filled > 0;
  }

  /** Reads on to the end of one message: its body, if that is whole now, and the bytes behind it. Throws a `RangeError` for one that is empty or too long. */
  read(bytes: Uint8Array<ArrayBuffer>): [body: Uint8Array<ArrayBuffer> | undefined, rest: Uint8Array<ArrayBuffer>] {
    let rest = bytes;
    while (rest.length > 0) {
      const part = rest.subarray(0, this.#filling.length - this.#filled);
      this.#filling.set(part, this.#filled);
      this.#filled += part.length;
      rest = rest.subarray(part.length);
      if (this.#filled < this.#filling.length) break;
      const full = this.#filling;
      this.#isBody = !this.#isBody;
      this.#filling = new Uint8Array(this.#isBody ? this.#length(full) : HEAD);
      this.#filled = 0;
      if (!this.#isBody) return [full, rest];
    }
    return [undefined, rest];
  }

  #length(head: Uint8Array<ArrayBuffer>): number {
    const length = new DataView(head.buffer).getUint32(0);
    if (length === 0 || length > this.#most) {
      throw new RangeError(`a message of ${length} bytes, where 1 to ${this.#most} are possible`);
    }
    return length;
  }
}
