/** How fast it goes, and how long it will take. */

/** Milliseconds that the speed is the mean of. */
const WINDOW = 5_000;
/** Milliseconds between two points that are kept. */
const STEP = 200;

export class Speed {
  #points: { readonly at: number; readonly bytes: number }[] = [];

  /** Begins anew, as after a pause. */
  reset(): void {
    this.#points = [];
  }

  /** So many bytes are there in all, at `now` in milliseconds. */
  at(now: number, bytes: number): void {
    const last = this.#points.at(-1);
    if (last && now - last.at < STEP) return;
    this.#points.push({ at: now, bytes });
    while (this.#points.length > 2 && now - this.#points[0]!.at > WINDOW) this.#points.shift();
  }

  /** Of the last seconds; 0 while nothing is known. */
  get bytesPerSecond(): number {
    const [first, last] = [this.#points[0], this.#points.at(-1)];
    if (!first || !last || last.at === first.at) return 0;
    return ((last.bytes - first.bytes) * 1000) / (last.at - first.at);
  }

  /** Seconds until `bytes` more are there; undefined while nobody can say. */
  secondsFor(bytes: number): number | undefined {
    const rate = this.bytesPerSecond;
    return rate > 0 ? bytes / rate : undefined;
  }
}
