/** What the start page says. */
import { Catalogues } from '@oriel/elements/styles';
import { english } from './english.ts';

export const homeTexts = new Catalogues(english, async () => (await import('./arabic.ts')).arabic);
