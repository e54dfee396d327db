/** What the page about embedding says. */
import { Catalogues } from '@oriel/elements/styles';
import { english } from './english.ts';

export const demoTexts = new Catalogues(english, async () => (await import('./arabic.ts')).arabic);
