import { define } from '../element/element.ts';
import { LevelElement } from './level.element.ts';

define('oriel-level', LevelElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-level': LevelElement;
  }
}
