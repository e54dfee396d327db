/** The page `/demo/cursors`: everybody's pointer on one board, and how long each takes from one to the other. */
import { define, speak } from '@oriel/elements/styles';
import { CursorsElement } from './cursors.element.ts';
import { cursorsTexts } from './texts/texts.ts';

define('oriel-cursors', CursorsElement);

/** Fills `page`, in the reader's language or the one in `?lang`. */
export async function showCursors(page: HTMLElement): Promise<void> {
  const cursors = new CursorsElement();
  cursors.language = await speak(cursorsTexts);
  document.title = `${cursors.language.texts.title} · Oriel`;
  page.classList.add('fills');
  page.append(cursors);
}
