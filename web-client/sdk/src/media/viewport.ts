/**
 * How large each received picture is shown on this page, so that the server sends no more than can be
 * seen: in device pixels, the largest of a track's elements; nothing of what is out of sight.
 */

import type { ViewportSize } from '../protocol.gen.ts';

/** Milliseconds that sizes may settle before they are told. */
const SETTLE = 250;
/** Milliseconds after which a picture that went out of sight needs nothing any more. */
const LINGER = 1_000;
/** Sizes in one message. */
const BATCH = 256;

interface Size {
  width: number;
  height: number;
}

const UNSEEN: Size = { width: 0, height: 0 };

interface Shown {
  elements: Set<Element>;
  /** What was told last; undefined for nothing yet. */
  told: Size | undefined;
  /** When its size is told, by `performance.now()`, if that is news. */
  due: number | undefined;
  /** Whether it is due for being out of sight. */
  leaves: boolean;
}

/** What `Viewport` observes elements with; exchanged in tests. */
export interface Sight {
  /** Calls the listener when it changes whether or how large the element can be seen. */
  observe(element: Element): void;
  unobserve(element: Element): void;
  /** In device pixels; 0 x 0 out of sight. */
  size(element: Element): Size;
  close(): void;
}

export class Viewport {
  readonly #tell: (sizes: ViewportSize[]) => void;
  readonly #sight: Sight;
  readonly #shown = new Map<string, Shown>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `tell` is given sizes that are news, at most 256 at a time. */
  constructor(tell: (sizes: ViewportSize[]) => void, makeSight = pageSight) {
    this.#tell = tell;
    this.#sight = makeSight(() => this.#changed());
  }

  /** `element` shows the track. */
  add(track: string, element: Element): void {
    const shown = this.#shown.get(track) ?? { elements: new Set(), told: undefined, due: undefined, leaves: false };
    this.#shown.set(track, shown);
    shown.elements.add(element);
    this.#sight.observe(element);
    this.#changed();
  }

  /** `element` no longer does. */
  remove(track: string, element: Element): void {
    this.#shown.get(track)?.elements.delete(element);
    this.#sight.unobserve(element);
    this.#changed();
  }

  /** The track no longer flows: its size is told anew when it does again. */
  forget(track: string): void {
    const shown = this.#shown.get(track);
    for (const element of shown?.elements ?? []) this.#sight.unobserve(element);
    this.#shown.delete(track);
  }

  /** Nobody is left to be told. */
  close(): void {
    clearTimeout(this.#timer);
    for (const track of [...this.#shown.keys()]) this.forget(track);
    this.#sight.close();
  }

  #changed(): void {
    const now = performance.now();
    let next = Infinity;
    for (const shown of this.#shown.values()) {
      const { width, height } = this.#size(shown);
      const leaves = width === 0 || height === 0;
      if (shown.told && shown.told.width === width && shown.told.height === height) shown.due = undefined;
      else if (shown.due === undefined || shown.leaves !== leaves) shown.due = now + (leaves ? LINGER : SETTLE);
      shown.leaves = leaves;
      next = Math.min(next, shown.due ?? Infinity);
    }
    clearTimeout(this.#timer);
    if (next < Infinity) this.#timer = setTimeout(() => this.#say(), next - now);
  }

  #say(): void {
    // Timers may be a little early; what is due in a moment goes along.
    const soon = performance.now() + 20;
    const sizes: ViewportSize[] = [];
    for (const [track, shown] of this.#shown) {
      if (shown.due === undefined || shown.due > soon) continue;
      shown.told = this.#size(shown);
      sizes.push({ track, ...shown.told });
    }
    for (let from = 0; from < sizes.length; from += BATCH) this.#tell(sizes.slice(from, from + BATCH));
    this.#changed();
  }

  #size(shown: Shown): Size {
    let largest = UNSEEN;
    for (const element of shown.elements) {
      const size = this.#sight.size(element);
      if (size.width * size.height > largest.width * largest.height) largest = size;
    }
    return largest;
  }
}

/** The sizes on a real page: in sight of the window, while the page itself can be seen. */
function pageSight(changed: () => void): Sight {
  const inSight = new Set<Element>();
  const left = new AbortController();
  const resizes = new ResizeObserver(changed);
  const crossings = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) inSight.add(target);
      else inSight.delete(target);
    }
    changed();
  });
  const { signal } = left;
  document.addEventListener('visibilitychange', changed, { signal });
  // A floating window of the browser's own is seen over other pages, too.
  for (const name of ['enterpictureinpicture', 'leavepictureinpicture']) {
    document.addEventListener(name, changed, { signal, capture: true });
  }
  return {
    observe: (element) => {
      resizes.observe(element);
      crossings.observe(element);
    },
    unobserve: (element) => {
      resizes.unobserve(element);
      crossings.unobserve(element);
      inSight.delete(element);
    },
    size: (element) => {
      const floats = element === document.pictureInPictureElement;
      if (!floats && (document.visibilityState === 'hidden' || !inSight.has(element))) return UNSEEN;
      const { devicePixelRatio: ratio } = globalThis;
      return { width: Math.round(element.clientWidth * ratio), height: Math.round(element.clientHeight * ratio) };
    },
    close: () => {
      left.abort();
      resizes.disconnect();
      crossings.disconnect();
    },
  };
}
