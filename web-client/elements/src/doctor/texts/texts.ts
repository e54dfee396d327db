/** What the permission doctor says. */
import { Catalogues } from '../../texts/language.ts';
import { english } from './english.ts';

export const doctorTexts = new Catalogues(english, { ar: async () => (await import('./arabic.ts')).arabic });
