/** What the file drop says. */
import { Catalogues, type Language as Spoken } from '../../texts/language.ts';
import { english, type Texts } from './english.ts';

export type { Texts } from './english.ts';

/** The language that the file drop speaks. */
export type Language = Spoken<Texts>;

export const filesTexts = new Catalogues(english, async () => (await import('./arabic.ts')).arabic);
