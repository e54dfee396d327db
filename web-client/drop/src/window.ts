/**
 * How many bytes may be under way by one lane. SCTP finds that out by losing packets, which costs it seconds, and it
 * sends in bursts that are larger than the buffers of browsers' sockets. So no more is given to it than a path takes
 * without becoming slower: the window grows while words of arrival come about as soon as they ever did, and shrinks
 * when they come late.
 */

/** Bytes with which it begins, and that it never falls below: what the smallest socket buffers hold. */
const LEAST = 64 * 1024;
/** Bytes that it never exceeds: 16 MiB/s by four lanes over half a second. */
const MOST = 2 << 20;
/** Milliseconds that pages may be busy with something else before they answer. */
const BUSY = 8;
/** Milliseconds beyond twice the shortest time from which on a word is late: something was lost, or queues have filled. */
const LATE = 25;
/** What is left of the window after that. */
const SHRINK = 0.7;
/** Milliseconds for which a shortest time counts: paths change. */
const MEMORY = 10_000;

export class Window {
  #size = LEAST;
  #sent = 0;
  #arrived = 0;
  /** What is under way, oldest first: how many bytes had been sent with it, and when. */
  readonly #flights: { readonly end: number; readonly at: number }[] = [];
  /** It has never been too large: it grows as fast as words come. */
  #isStarting = true;
  /** Words of what was sent before it shrank do not make it shrink again. */
  #shrunkAt = 0;
  /** The shortest time of this period and of the one before. */
  #shortest = Infinity;
  #shortestBefore = Infinity;
  #periodEnd = -Infinity;

  /** Whether nothing more may be sent until more has arrived. */
  get isFull(): boolean {
    return this.#sent - this.#arrived >= this.#size;
  }

  /** So many bytes were sent, at `now` in milliseconds. */
  send(bytes: number, now: number): void {
    this.#sent += bytes;
    this.#flights.push({ end: this.#sent, at: now });
  }

  /** The other side says how many bytes have arrived in all. False if that cannot be. */
  hear(arrived: number, now: number): boolean {
    if (!Number.isSafeInteger(arrived) || arrived < this.#arrived || arrived > this.#sent) return false;
    const isUsed = this.#sent - this.#arrived >= this.#size / 2;
    const more = arrived - this.#arrived;
    this.#arrived = arrived;
    let took: number | undefined;
    while (this.#flights[0] && this.#flights[0].end <= arrived) took = now - this.#flights.shift()!.at;
    if (took !== undefined) this.#judge(took, more, isUsed, now);
    return true;
  }

  #judge(took: number, bytes: number, isUsed: boolean, now: number): void {
    if (now >= this.#periodEnd) {
      this.#periodEnd = now + MEMORY;
      this.#shortestBefore = this.#shortest;
      this.#shortest = Infinity;
    }
    this.#shortest = Math.min(this.#shortest, took);
    const shortest = Math.min(this.#shortest, this.#shortestBefore);
    if (took > 2 * shortest + LATE) {
      if (this.#arrived <= this.#shrunkAt) return;
      this.#size = Math.max(LEAST, this.#size * SHRINK);
      this.#shrunkAt = this.#sent;
      this.#isStarting = false;
    } else if (isUsed && took < 1.5 * shortest + BUSY) {
      // Twice as much in each round trip at first, then a quarter of the least.
      const growth = this.#isStarting ? bytes : (bytes * LEAST) / (4 * this.#size);
      this.#size = Math.min(MOST, this.#size + growth);
    }
  }
}
