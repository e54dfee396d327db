/** The page `/embed-demo`: a room as others embed it, and what to copy for that. */
import '@oriel/elements/room';
import { define } from '@oriel/elements/styles';
import { DemoElement } from './demo.element.ts';
import { english } from './texts/english.ts';

define('oriel-embed-demo', DemoElement);

/** Fills `page`, in the reader's language or the one in `?lang`. */
export async function showDemo(page: HTMLElement): Promise<void> {
  const wanted = new URLSearchParams(location.search).get('lang') ?? navigator.language;
  const isArabic = /^ar\b/iu.test(wanted);
  document.documentElement.lang = isArabic ? 'ar' : 'en';
  document.documentElement.dir = isArabic ? 'rtl' : 'ltr';
  const demo = new DemoElement();
  demo.texts = isArabic ? (await import('./texts/arabic.ts')).arabic : english;
  demo.language = document.documentElement.lang;
  document.title = `${demo.texts.title} · Oriel`;
  page.append(demo);
}
