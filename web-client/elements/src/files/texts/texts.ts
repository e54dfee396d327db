/** Which catalogue the reader gets: a language that is not chosen is not loaded. */
import { english, type Texts } from './english.ts';

export type { Texts } from './english.ts';

export interface Language {
  readonly code: string;
  readonly direction: 'ltr' | 'rtl';
  readonly texts: Texts;
}

/** The first of the reader's languages that there is; English else. `?lang` chooses. */
export async function chooseLanguage(wanted: readonly string[]): Promise<Language> {
  for (const one of wanted) {
    if (/^en\b/iu.test(one)) break;
    if (/^ar\b/iu.test(one)) return { code: 'ar', direction: 'rtl', texts: (await import('./arabic.ts')).arabic };
  }
  return { code: 'en', direction: 'ltr', texts: english };
}
