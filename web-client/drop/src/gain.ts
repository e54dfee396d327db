/**
 * How many peer connections are worth it. The congestion control of one is what limits it on a long path, so all that
 * there may be are tried there, and kept as long as that was measurably faster.
 */
import { MAX_LANES } from './limits.ts';

/** Milliseconds of round trip below which one connection fills the path. */
const LONG_PATH = 10;
/** Milliseconds for which a number of connections is measured. */
const MEASURE = 1_000;
/** Milliseconds that new connections get to open and become fast. */
const SETTLE = 2_000;
/** How much faster more of them have to be. */
const WORTH = 1.15;
/** Milliseconds until more are tried again where that was of no use. */
const REST = 30_000;

export class Gain {
  #lanes = 1;
  /** Bytes per second by one of them, while more are tried. */
  #before: number | undefined;
  /** When what is measured begins to count; undefined while nothing is sent. */
  #settled: number | undefined;
  /** Where the measurement began. */
  #base: { readonly at: number; readonly bytes: number } | undefined;
  #notBefore = 0;

  /** How many there should be. */
  get lanes(): number {
    return this.#lanes;
  }

  /** Nothing is sent at the moment: what was measured so far says nothing. */
  idle(): void {
    this.#settled = this.#base = undefined;
  }

  /** So many bytes were sent in all, at `now` in milliseconds, over a path of that round trip. */
  observe(now: number, bytes: number, roundTrip: number): void {
    this.#settled ??= now + (this.#before === undefined ? 0 : SETTLE);
    if (now < this.#settled) return;
    this.#base ??= { at: now, bytes };
    if (now - this.#base.at < MEASURE) return;
    this.#judge(now, ((bytes - this.#base.bytes) * 1000) / (now - this.#base.at), roundTrip);
    this.#settled = this.#base = undefined;
  }

  #judge(now: number, rate: number, roundTrip: number): void {
    if (this.#before !== undefined) {
      if (rate < this.#before * WORTH) {
        this.#lanes = 1;
        this.#notBefore = now + REST;
      }
      this.#before = undefined;
    } else if (this.#lanes === 1 && roundTrip > LONG_PATH && now >= this.#notBefore) {
      this.#lanes = MAX_LANES;
      this.#before = rate;
    }
  }
}
