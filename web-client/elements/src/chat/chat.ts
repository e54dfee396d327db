import { define } from '../element/element.ts';
import { ChatElement } from './chat.element.ts';

define('oriel-chat', ChatElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-chat': ChatElement;
  }
}
