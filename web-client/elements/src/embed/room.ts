import { RoomElement } from './room.element.ts';

export { RoomElement };

// As `define` does it, which would bring Lit along.
if (customElements.get('oriel-room') === undefined) customElements.define('oriel-room', RoomElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-room': RoomElement;
  }
}
