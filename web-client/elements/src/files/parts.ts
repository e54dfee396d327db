/** `@oriel/elements/files`: how files on their way are shown, and what is said about them. */
export { bytesInWords, percentOf } from './amounts.ts';
export { filesDropped, filesOf } from './chosen.ts';
export { filesStyles } from './files.styles.ts';
export { offerCard } from './offer-card.ts';
export { filesTexts, type Language } from './texts/texts.ts';
export { transferRow } from './transfer-row.ts';
