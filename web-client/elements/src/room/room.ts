import { define } from '../element/element.ts';
import { RoomElement } from './room.element.ts';

define('oriel-room', RoomElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-room': RoomElement;
  }
}
