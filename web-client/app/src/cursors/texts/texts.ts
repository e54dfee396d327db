/** What the page of cursors says. */
import { Catalogues } from '@oriel/elements/styles';
import { english } from './english.ts';

export const cursorsTexts = new Catalogues(english, async () => (await import('./arabic.ts')).arabic);
