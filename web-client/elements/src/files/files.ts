import { define } from '../element/element.ts';
import { FilesElement } from './files.element.ts';

define('oriel-files', FilesElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-files': FilesElement;
  }
}
