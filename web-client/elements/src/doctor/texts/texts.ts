/** Which catalogue is used: a language that nobody wants is not loaded. */
import { english, type Texts } from './english.ts';

/** A catalogue, and how it is written. */
export interface Chosen {
  readonly language: string;
  readonly direction: 'ltr' | 'rtl';
  readonly texts: Texts;
}

/** The catalogue for a language tag; English where there is none for it. */
export async function chooseTexts(wanted: string): Promise<Chosen> {
  if (/^ar\b/iu.test(wanted)) return { language: 'ar', direction: 'rtl', texts: (await import('./arabic.ts')).arabic };
  return { language: 'en', direction: 'ltr', texts: english };
}
