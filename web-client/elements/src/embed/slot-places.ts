/** Places in a room in a frame for what the page around it has put into the slots: see `slot-overlay.ts`. */
import { type Slot, type SlotPlaces, type SlotSizes } from './contract.ts';

/** Milliseconds between two looks: nothing tells that an element has moved. */
const INTERVAL = 150;

/** The frame's side, for as long as its page lives. */
export class SlotPlacesKeeper {
  readonly #view: HTMLElement;
  readonly #tell: (places: SlotPlaces) => void;
  readonly #places = new Map<Slot, HTMLElement>();
  #told = '{}';

  constructor(view: HTMLElement, tell: (places: SlotPlaces) => void) {
    this.#view = view;
    this.#tell = tell;
    setInterval(() => this.#look(), INTERVAL);
  }

  /** Keeps a place of this size in each of these slots. */
  keep(sizes: SlotSizes): void {
    for (const [slot, [width, height]] of Object.entries(sizes) as [Slot, readonly [number, number]][]) {
      const place = this.#places.get(slot) ?? this.#add(slot);
      place.style.width = `${width}px`;
      place.style.height = `${height}px`;
    }
    for (const [slot, place] of this.#places) {
      if (sizes[slot] !== undefined) continue;
      place.remove();
      this.#places.delete(slot);
    }
    this.#look();
  }

  #add(slot: Slot): HTMLElement {
    const place = document.createElement('div');
    place.slot = slot;
    this.#view.append(place);
    this.#places.set(slot, place);
    return place;
  }

  #look(): void {
    const places: SlotPlaces = {};
    for (const [slot, place] of this.#places) {
      const { left, top, width, height } = place.getBoundingClientRect();
      // Covered by a panel or a dialog, it is not to be seen.
      if (width > 0 && isOnTop(place, left + width / 2, top + height / 2)) places[slot] = [left, top];
    }
    const told = JSON.stringify(places);
    if (told === this.#told) return;
    this.#told = told;
    this.#tell(places);
  }
}

function isOnTop(place: HTMLElement, x: number, y: number): boolean {
  // Light children of the view are found from the document, through all the slots that they are in.
  return document.elementFromPoint(x, y) === place;
}
