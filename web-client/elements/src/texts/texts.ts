/** What rooms say. */
import { english, type Texts } from './english.ts';
import { Catalogues, type Language } from './language.ts';

export type { Texts } from './english.ts';

/** The language that a room speaks. */
export type RoomLanguage = Language<Texts>;

export const roomTexts = new Catalogues(english, async () => (await import('./arabic.ts')).arabic);
