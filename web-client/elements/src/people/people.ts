import { define } from '../element/element.ts';
import { PeopleElement } from './people.element.ts';

define('oriel-people', PeopleElement);

declare global {
  interface HTMLElementTagNameMap {
    'oriel-people': PeopleElement;
  }
}
