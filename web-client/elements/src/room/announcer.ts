/**
 * What a screen reader is told, one sentence at a time.
 *
 * A live region that changes faster than it can be read loses sentences, so they queue; a queue
 * that grows (a whole class comes in) is cut short, since news that is late is no news.
 */
import type { Urgency } from '../element/element.ts';

/** Milliseconds that a sentence stays. */
const PACE = 1200;
/** Sentences that may wait. */
const QUEUE = 4;

/** Feeds two live regions. */
export class Announcer {
  readonly #waiting: string[] = [];
  readonly #show: (urgency: Urgency, text: string) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `show` puts a text into a region; an empty text clears it. */
  constructor(show: (urgency: Urgency, text: string) => void) {
    this.#show = show;
  }

  /** Says a sentence. An assertive one does not wait. */
  say(text: string, urgency: Urgency = 'polite'): void {
    if (urgency === 'assertive') {
      // The same words twice in a row are news too: clearing first makes them a change.
      this.#show('assertive', '');
      queueMicrotask(() => this.#show('assertive', text));
      return;
    }
    this.#waiting.push(text);
    if (this.#waiting.length > QUEUE) this.#waiting.splice(0, this.#waiting.length - QUEUE);
    if (this.#timer === undefined) this.#next();
  }

  /** Forgets what waits, and clears what is shown: it belongs to a page that is gone. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#waiting.length = 0;
    this.#show('polite', '');
  }

  #next(): void {
    const text = this.#waiting.shift();
    this.#show('polite', text ?? '');
    this.#timer = text === undefined ? undefined : setTimeout(() => this.#next(), PACE);
  }
}
