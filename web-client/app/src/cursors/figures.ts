/** The figures of the page: delays, and how many messages come and go. */

/** Delays that count: the newest. */
const KEPT = 400;
/** Milliseconds that a rate is of. */
const SPAN = 2_000;

export class Delays {
  #newest: number[] = [];

  /** In milliseconds. */
  add(delay: number): void {
    this.#newest.push(delay);
    if (this.#newest.length > KEPT) this.#newest.shift();
  }

  clear(): void {
    this.#newest = [];
  }

  get count(): number {
    return this.#newest.length;
  }

  /** The delay that this share of them (0 to 1) does not exceed; `undefined` while there is none. */
  quantile(share: number): number | undefined {
    const sorted = [...this.#newest].sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  }
}

export class Rate {
  #times: number[] = [];

  /** One at `now`, in milliseconds. */
  add(now: number): void {
    this.#times.push(now);
  }

  /** How many in a second, lately. */
  at(now: number): number {
    const first = this.#times.findIndex((time) => time > now - SPAN);
    this.#times = first < 0 ? [] : this.#times.slice(first);
    return Math.round((this.#times.length * 1_000) / SPAN);
  }
}
