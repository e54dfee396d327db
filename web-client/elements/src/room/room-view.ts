import { define } from '../element/element.ts';
import { RoomViewElement } from './room-view.element.ts';

define('oriel-room-view', RoomViewElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-room-view': RoomViewElement;
  }
}
