import { define } from '../element/element.ts';
import { HelpElement } from './help.element.ts';

define('oriel-help', HelpElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-help': HelpElement;
  }
}
