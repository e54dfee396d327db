/** The page `/`: start a room, enter one, or go back to one. */
import { define } from '@oriel/elements/styles';
import { HomeElement } from './home.element.ts';

define('oriel-home', HomeElement);

/** Fills `page`. `unknown`: the address led nowhere. */
export function showHome(page: HTMLElement, unknown: boolean): void {
  const home = new HomeElement();
  home.lost = unknown;
  page.append(home);
}
