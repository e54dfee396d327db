import { define } from '../element/element.ts';
import { ControlsElement } from './controls.element.ts';

define('oriel-controls', ControlsElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-controls': ControlsElement;
  }
}
