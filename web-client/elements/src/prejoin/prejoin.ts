import { define } from '../element/element.ts';
import { PrejoinElement } from './prejoin.element.ts';

define('oriel-prejoin', PrejoinElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-prejoin': PrejoinElement;
  }
}
