import { define } from '../element/element.ts';
import { CopyLinkElement } from './copy-link.element.ts';

define('oriel-copy-link', CopyLinkElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-copy-link': CopyLinkElement;
  }
}
