/** What the permission doctor says. */
import { Catalogues } from '../../texts/language.ts';
import { english } from './english.ts';

export const doctorTexts = new Catalogues(english, async () => (await import('./arabic.ts')).arabic);
