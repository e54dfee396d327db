/** The page `/embed-demo`: a room as others embed it, and what to copy for that. */
import '@oriel/elements/room';
import { define, speak } from '@oriel/elements/styles';
import { DemoElement } from './demo.element.ts';
import { demoTexts } from './texts/texts.ts';

define('oriel-embed-demo', DemoElement);

/** Fills `page`, in the reader's language or the one in `?lang`. */
export async function showDemo(page: HTMLElement): Promise<void> {
  const { code, texts } = await speak(demoTexts);
  const demo = new DemoElement();
  demo.texts = texts;
  demo.language = code;
  document.title = `${texts.title} · Oriel`;
  page.append(demo);
}
