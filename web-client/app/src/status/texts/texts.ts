/** What the status page says. */
import { Catalogues } from '@oriel/elements/styles';
import { english } from './english.ts';

export const statusTexts = new Catalogues(english, async () => (await import('./arabic.ts')).arabic);
