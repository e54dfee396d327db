import { define } from '../element/element.ts';
import { ConfirmElement } from './confirm.element.ts';

define('oriel-confirm', ConfirmElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-confirm': ConfirmElement;
  }
}
