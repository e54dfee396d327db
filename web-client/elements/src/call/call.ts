import { define } from '../element/element.ts';
import { CallElement } from './call.element.ts';

define('oriel-call', CallElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-call': CallElement;
  }
}
