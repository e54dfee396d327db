/** The page `/status`: live rooms, their quality, and what the server does, for those who may observe it. */
import { define } from '@oriel/elements/styles';
import { StatusElement } from './status.element.ts';

define('oriel-status', StatusElement);

/** Fills `page`. */
export function showStatus(page: HTMLElement): void {
  document.title = 'Status · Oriel';
  page.append(new StatusElement());
}
