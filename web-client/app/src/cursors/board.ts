/** The pointers of the others on the board: drawn past the page's own rendering, for they move all the time. */
import { hue } from '@oriel/elements/styles';
import type { Place } from './message.ts';

/** The arrow's tip is at the place. */
const ARROW = 'M1 1 L1 19 L6.2 14.4 L9.6 22 L13 20.5 L9.7 13.2 L16.5 12.8 Z';
const SVG = 'http://www.w3.org/2000/svg';

export class Board {
  readonly #element: HTMLElement;
  readonly #pointers = new Map<string, HTMLElement>();

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  /** Somebody's pointer is there. */
  show(id: string, identity: string, name: string, place: Place): void {
    let pointer = this.#pointers.get(id);
    if (!pointer) {
      pointer = draw(identity);
      this.#pointers.set(id, pointer);
      this.#element.append(pointer);
    }
    const label = pointer.lastElementChild!;
    if (label.textContent !== name) label.textContent = name;
    pointer.dataset.name = name;
    pointer.style.setProperty('--x', String(place.x));
    pointer.style.setProperty('--y', String(place.y));
    // The name is on the side where there is more room for it.
    pointer.classList.toggle('flipped', place.x > 0.5);
  }

  hide(id: string): void {
    this.#pointers.get(id)?.remove();
    this.#pointers.delete(id);
  }

  clear(): void {
    for (const id of [...this.#pointers.keys()]) this.hide(id);
  }
}

function draw(identity: string): HTMLElement {
  const pointer = document.createElement('div');
  pointer.className = 'pointer';
  pointer.dataset.testid = 'pointer';
  pointer.style.setProperty('--hue', String(hue(identity)));
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', '0 0 18 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(SVG, 'path');
  path.setAttribute('d', ARROW);
  svg.append(path);
  const label = document.createElement('span');
  label.dir = 'auto';
  pointer.append(svg, label);
  return pointer;
}
