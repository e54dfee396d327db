import { define } from '../element/element.ts';
import { TileElement } from './tile.element.ts';

define('oriel-tile', TileElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-tile': TileElement;
  }
}
