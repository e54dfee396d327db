/** What the page around a room says, in English. Other languages have the same keys. */

export const english = { home: 'Back to the start page' };

/** A catalogue. */
export type Texts = typeof english;
