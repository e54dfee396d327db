/** What the page around a room says. */
import { Catalogues } from '@oriel/elements/styles';
import { english } from './english.ts';

export const pageTexts = new Catalogues(english, async () => (await import('./arabic.ts')).arabic);
