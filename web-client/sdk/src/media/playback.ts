/** Sound that the browser may hold back until the person clicked somewhere. */

import { OrielError } from '../errors.ts';

/** The elements that play others' sound: blocked or not, and on which loudspeaker. */
export class AudioPlayback {
  readonly #elements = new Set<HTMLMediaElement>();
  readonly #blocked = new Set<HTMLMediaElement>();
  readonly #changed: (canPlay: boolean) => void;
  #sink = '';

  /** `changed` is told when the answer of `canPlay` changes. */
  constructor(changed: (canPlay: boolean) => void) {
    this.#changed = changed;
  }

  /** False while the browser holds something back. */
  get canPlay(): boolean {
    return this.#blocked.size === 0;
  }

  /** The `audiooutput` device chosen; empty for the default. */
  get sink(): string {
    return this.#sink;
  }

  add(element: HTMLMediaElement): void {
    this.#elements.add(element);
    // A loudspeaker that is gone is no reason for silence: the default one plays.
    if (this.#sink) void setSink(element, this.#sink).catch(() => {});
    void this.#play(element);
  }

  remove(element: HTMLMediaElement): void {
    this.#elements.delete(element);
    this.#update(() => this.#blocked.delete(element));
  }

  /** Plays everything; call it while the browser handles a click. */
  async start(): Promise<void> {
    await Promise.all([...this.#elements].map((element) => this.#play(element)));
  }

  /** Plays everything on another loudspeaker, also what comes later. */
  async setSink(deviceId: string): Promise<void> {
    await Promise.all([...this.#elements].map((element) => setSink(element, deviceId)));
    this.#sink = deviceId;
  }

  async #play(element: HTMLMediaElement): Promise<void> {
    try {
      await element.play();
      this.#update(() => this.#blocked.delete(element));
    } catch (error) {
      // AbortError: the element was given something else, or taken away, before it could start.
      const blocked = error instanceof DOMException && error.name === 'NotAllowedError';
      if (blocked && this.#elements.has(element)) this.#update(() => this.#blocked.add(element));
    }
  }

  #update(change: () => void): void {
    const before = this.canPlay;
    change();
    if (this.canPlay !== before) this.#changed(this.canPlay);
  }
}

async function setSink(element: HTMLMediaElement, deviceId: string): Promise<void> {
  if (typeof element.setSinkId !== 'function') {
    throw new OrielError('unsupported', 'This browser always plays on the system’s loudspeaker.');
  }
  try {
    await element.setSinkId(deviceId);
  } catch (error) {
    const missing = error instanceof DOMException && error.name === 'NotFoundError';
    throw OrielError.from(error, missing ? 'media_missing' : 'media_failed');
  }
}
