/** The page `/drop`: files from browser to browser. */
import { filesTexts } from '@oriel/elements/files';
import { define, speak } from '@oriel/elements/styles';
import { DropElement } from './drop.element.ts';

define('oriel-drop', DropElement);

/** Fills `page`. */
export async function showDrop(page: HTMLElement): Promise<void> {
  const language = await speak(filesTexts);
  document.title = `${language.texts.title} · Oriel`;
  const drop = new DropElement();
  drop.language = language;
  page.append(drop);
}
