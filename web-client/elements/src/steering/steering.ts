import { define } from '../element/element.ts';
import { SteeringElement } from './steering.element.ts';

define('oriel-steering', SteeringElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-steering': SteeringElement;
  }
}
