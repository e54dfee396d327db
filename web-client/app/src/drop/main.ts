/** The page `/drop`: files from browser to browser. */
import { chooseLanguage } from '@oriel/elements/files';
import { define } from '@oriel/elements/styles';
import { DropElement } from './drop.element.ts';

define('oriel-drop', DropElement);

/** Fills `page`. */
export async function showDrop(page: HTMLElement): Promise<void> {
  const chosen = new URLSearchParams(location.search).get('lang');
  const language = await chooseLanguage([...(chosen === null ? [] : [chosen]), ...navigator.languages]);
  document.documentElement.lang = language.code;
  document.documentElement.dir = language.direction;
  document.title = `${language.texts.title} · Oriel`;
  const drop = new DropElement();
  drop.language = language;
  page.append(drop);
}
