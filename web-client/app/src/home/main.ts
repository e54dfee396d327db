/** The page `/`: start a room, enter one, or go back to one. */
import { define, speak } from '@oriel/elements/styles';
import { HomeElement } from './home.element.ts';
import { homeTexts } from './texts/texts.ts';

define('oriel-home', HomeElement);

/** Fills `page`. `unknown`: the address led nowhere. */
export async function showHome(page: HTMLElement, unknown: boolean): Promise<void> {
  const home = new HomeElement();
  home.language = await speak(homeTexts);
  home.lost = unknown;
  page.append(home);
}
