/** When a peer connection that failed for good is replaced: at once, and those that fail again and again later. */

/** Milliseconds before a second one, doubled with each. */
const FIRST_PAUSE = 1_000;
/** Milliseconds at most; one that lasted longer than that counts as a first again. */
const LONGEST_PAUSE = 30_000;

export class Renewal {
  readonly #renew: () => void;
  #count = 0;
  #renewedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(renew: () => void) {
    this.#renew = renew;
  }

  /** The peer connection has failed. */
  failed(): void {
    if (performance.now() - this.#renewedAt > LONGEST_PAUSE) this.#count = 0;
    const pause = Math.min(FIRST_PAUSE * 2 ** (this.#count - 1), LONGEST_PAUSE);
    clearTimeout(this.#timer);
    if (this.#count === 0) this.#now();
    else this.#timer = setTimeout(() => this.#now(), pause);
    this.#count += 1;
  }

  /** There is another one for another reason, or none is needed any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#count = 0;
  }

  #now(): void {
    this.#renewedAt = performance.now();
    this.#renew();
  }
}
