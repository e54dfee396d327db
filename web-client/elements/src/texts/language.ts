/** Languages: which one a reader gets, and the catalogue for it. One that is not chosen is not loaded. */

/** A catalogue, and how it is written. */
export interface Language<Texts> {
  readonly code: Code;
  readonly direction: 'ltr' | 'rtl';
  readonly texts: Texts;
}

/** The languages that there are. */
export type Code = 'en' | 'ar';

/** The first of these tags (BCP 47) that there is a catalogue for; English else. */
export function spoken(wanted: readonly string[]): Code {
  for (const tag of wanted) {
    const code = tag.split('-', 1)[0]?.toLowerCase();
    if (code === 'en' || code === 'ar') return code;
  }
  return 'en';
}

/** The same texts in every language: English at hand, the others loaded when somebody reads them. */
export class Catalogues<Texts> {
  readonly english: Language<Texts>;
  readonly #arabic: () => Promise<Texts>;

  constructor(english: Texts, arabic: () => Promise<Texts>) {
    this.english = { code: 'en', direction: 'ltr', texts: english };
    this.#arabic = arabic;
  }

  /** For the first of these tags that there is a catalogue for. */
  async choose(wanted: readonly string[]): Promise<Language<Texts>> {
    const code = spoken(wanted);
    if (code === 'en') return this.english;
    return { code, direction: 'rtl', texts: await this.#arabic() };
  }
}

/** The tags that the reader of a page of ours wants, the best first: `?lang=` chooses, else the browser does. */
export function wanted(): readonly string[] {
  const chosen = new URLSearchParams(location.search).get('lang');
  return chosen === null ? navigator.languages : [chosen, ...navigator.languages];
}

/** The page's texts for its reader; the document is theirs from now on. English where they cannot be loaded. */
export async function speak<Texts>(catalogues: Catalogues<Texts>): Promise<Language<Texts>> {
  const language = await catalogues.choose(wanted()).catch(() => catalogues.english);
  document.documentElement.lang = language.code;
  document.documentElement.dir = language.direction;
  return language;
}
