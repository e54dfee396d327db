/** The page `/status`: live rooms, their quality, and what the server does, for those who may observe it. */
import { define, speak } from '@oriel/elements/styles';
import { StatusElement } from './status.element.ts';
import { statusTexts } from './texts/texts.ts';

define('oriel-status', StatusElement);

/** Fills `page`. */
export async function showStatus(page: HTMLElement): Promise<void> {
  const status = new StatusElement();
  status.language = await speak(statusTexts);
  document.title = `${status.language.texts.title} · Oriel`;
  page.append(status);
}
