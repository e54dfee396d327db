/** The attempts of one repair: at once, then further and further apart, for about half a minute. */

/** Milliseconds after which repairing is given up. */
const GIVE_UP_AFTER = 30_000;
const FIRST_PAUSE = 300;
const LONGEST_PAUSE = 5_000;

export class Attempts {
  readonly #stop: AbortSignal;
  #until = 0;
  #pause = 0;
  #wake: () => void = () => {};

  /** `stop` ends the waiting. */
  constructor(stop: AbortSignal) {
    this.#stop = stop;
    this.renew();
  }

  /** Begins anew, as after a first fault: there is reason to hope. */
  renew(): void {
    this.#until = Date.now() + GIVE_UP_AFTER;
    this.#pause = 0;
    this.#wake();
  }

  /** Waits for the turn of the next attempt. False: stop trying. */
  async next(): Promise<boolean> {
    if (this.#pause > 0 && Date.now() > this.#until) return false;
    // Spread out, as everybody else in the room lost the same server at the same moment.
    await this.#sleep(this.#pause === 0 ? Math.random() * 50 : this.#pause * (0.5 + Math.random()));
    this.#pause = this.#pause === 0 ? FIRST_PAUSE : Math.min(this.#pause * 2, LONGEST_PAUSE);
    return !this.#stop.aborted;
  }

  #sleep(milliseconds: number): Promise<void> {
    if (this.#stop.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        this.#stop.removeEventListener('abort', end);
        this.#wake = () => {};
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      this.#stop.addEventListener('abort', end);
      this.#wake = end;
    });
  }
}
