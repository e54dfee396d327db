/**
 * What a page puts into the slots of a room in a frame stays in the page: it is laid over the frame, where the frame has
 * kept a place of its size.
 */
import { type Slot, type SlotPlaces, SLOTS, type SlotSizes } from './contract.ts';

/** The page's side. */
export class SlotOverlay {
  readonly #boxes = new Map<Slot, HTMLElement>();
  readonly #tell: (sizes: SlotSizes) => void;
  readonly #observer = new ResizeObserver(() => this.#measure());

  constructor(root: ShadowRoot, tell: (sizes: SlotSizes) => void) {
    this.#tell = tell;
    for (const name of SLOTS) {
      const slot = document.createElement('slot');
      slot.name = name;
      const box = document.createElement('div');
      box.className = 'over';
      box.append(slot);
      root.append(box);
      slot.addEventListener('slotchange', () => this.#measure());
      this.#boxes.set(name, box);
      this.#observer.observe(box);
    }
  }

  /** Shows each where its place is now, and those without one not at all. */
  place(places: SlotPlaces): void {
    for (const [name, box] of this.#boxes) {
      const [left, top] = places[name] ?? [];
      box.classList.toggle('shown', left !== undefined);
      if (left === undefined) continue;
      box.style.left = `${left}px`;
      box.style.top = `${top}px`;
    }
  }

  end(): void {
    this.#observer.disconnect();
    for (const box of this.#boxes.values()) box.remove();
  }

  #measure(): void {
    const sizes: SlotSizes = {};
    for (const [name, box] of this.#boxes) {
      const { width, height } = box.getBoundingClientRect();
      if (width > 0 && height > 0) sizes[name] = [width, height];
    }
    this.#tell(sizes);
  }
}
