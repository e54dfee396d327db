import { define } from '../element/element.ts';
import { DevicesElement } from './devices.element.ts';

define('oriel-devices', DevicesElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-devices': DevicesElement;
  }
}
