import { define } from '../element/element.ts';
import { GridElement } from './grid.element.ts';

define('oriel-grid', GridElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-grid': GridElement;
  }
}
