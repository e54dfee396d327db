/** The page `/demo/cursors`: everybody's pointer on one board, and how long each takes from one to the other. */
import { define } from '@oriel/elements/styles';
import { CursorsElement } from './cursors.element.ts';

define('oriel-cursors', CursorsElement);

/** Fills `page`. */
export function showCursors(page: HTMLElement): void {
  document.title = 'Cursors · Oriel';
  page.classList.add('fills');
  page.append(new CursorsElement());
}
