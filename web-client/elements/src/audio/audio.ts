import { define } from '../element/element.ts';
import { AudioElement } from './audio.element.ts';

define('oriel-audio', AudioElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-audio': AudioElement;
  }
}
