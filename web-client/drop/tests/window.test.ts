/** How much may be under way by one lane. */
import { describe, expect, it } from 'vitest';
import { Window } from '../src/window.ts';

const PIECE = 16 * 1024;
const KIB = 1024;

/** A path with a queue before its slowest link, driven until `end`; gives the bytes that were under way in the last second, at most. */
class Path {
  readonly window = new Window();
  #now = 0;
  #sent = 0;
  #arrived = 0;
  /** When the slowest link has sent what it was given. */
  #free = 0;
  readonly #flights: { readonly end: number; readonly due: number }[] = [];

  constructor(
    public roundTrip: number,
    /** Bytes per millisecond. */
    public rate: number,
  ) {}

  run(milliseconds: number): number {
    let most = 0;
    for (const end = this.#now + milliseconds; this.#now < end; this.#now += 1) {
      while (this.#flights[0] && this.#flights[0].due <= this.#now) {
        this.#arrived = this.#flights.shift()!.end;
        expect(this.window.hear(this.#arrived, this.#now)).toBe(true);
      }
      while (!this.window.isFull) this.#send();
      if (this.#now >= end - 1000) most = Math.max(most, this.#sent - this.#arrived);
    }
    return most;
  }

  #send(): void {
    this.#sent += PIECE;
    this.window.send(PIECE, this.#now);
    this.#free = Math.max(this.#free, this.#now) + PIECE / this.rate;
    this.#flights.push({ end: this.#sent, due: this.#free + this.roundTrip });
  }
}

describe('a window', () => {
  it('begins with what every socket takes', () => {
    const window = new Window();
    let pieces = 0;
    for (; !window.isFull; pieces += 1) window.send(PIECE, 0);
    expect(pieces * PIECE).toBe(64 * KIB);
  });

  it('grows until the path is full, and not much further', () => {
    // 10 MB/s over 80 ms: 800 kB fill it.
    const most = new Path(80, 10_000).run(10_000);
    expect(most).toBeGreaterThan(700_000);
    expect(most).toBeLessThan(2_000_000);
  });

  it('has an end, however much a path takes', () => expect(new Path(300, 1e6).run(10_000)).toBeLessThanOrEqual((2 << 20) + PIECE));

  it('shrinks when words of arrival are late, once for all that was under way', () => {
    const window = new Window();
    const send = (now: number): number => {
      let bytes = 0;
      for (; !window.isFull; bytes += PIECE) window.send(PIECE, now);
      return bytes;
    };
    let [sent, now] = [0, 0];
    for (let round = 0; round < 4; round += 1) {
      sent += send(now);
      window.hear(sent, (now += 20));
    }
    const before = send(now);
    expect(before).toBe(1024 * KIB);
    for (let late = 1; late <= 4; late += 1) window.hear(sent + (late * before) / 4, now + 200 + late);
    const after = send(now + 210);
    expect(after).toBeLessThan(0.75 * before);
    expect(after).toBeGreaterThan(0.65 * before);
  });

  it('learns that a path has become longer', () => {
    const path = new Path(20, 10_000);
    path.run(5_000);
    path.roundTrip = 150;
    path.run(30_000);
    expect(path.run(5_000)).toBeGreaterThan(1_000_000);
  });

  it.each([-1, 0.5, NaN, 3 * PIECE, PIECE - 1])('is told what cannot be: %s', (arrived) => {
    const window = new Window();
    for (let piece = 0; piece < 2; piece += 1) window.send(PIECE, 0);
    expect(window.hear(PIECE, 10)).toBe(true);
    expect(window.hear(arrived, 20)).toBe(false);
  });
});
