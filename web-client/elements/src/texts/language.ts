/** Languages: which one a reader gets, and the catalogue for it. One that is not chosen is not loaded. */

/** A catalogue, and how it is written. */
export interface Language<Texts> {
  readonly code: Code;
  readonly direction: 'ltr' | 'rtl';
  readonly texts: Texts;
}

/** The languages that there are. */
export type Code = 'en' | 'ar';

const DIRECTIONS: Readonly<Record<Code, Language<unknown>['direction']>> = { en: 'ltr', ar: 'rtl' };

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
  readonly #others: Readonly<Record<Exclude<Code, 'en'>, () => Promise<Texts>>>;

  constructor(english: Texts, others: Readonly<Record<Exclude<Code, 'en'>, () => Promise<Texts>>>) {
    this.english = { code: 'en', direction: DIRECTIONS.en, texts: english };
    this.#others = others;
  }

  /** For the first of these tags that there is a catalogue for. */
  async choose(wanted: readonly string[]): Promise<Language<Texts>> {
    const code = spoken(wanted);
    if (code === 'en') return this.english;
    return { code, direction: DIRECTIONS[code], texts: await this.#others[code]() };
  }
}

/** Forms of a noun beside a number, by the categories of `Intl.PluralRules`; `other` where a language has no more. */
export type Forms = Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>;

/** A number with its noun. In a form, `#` is the number, written as the language does. */
export function plural(code: Code): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(code);
  const numbers = new Intl.NumberFormat(code);
  return (count, forms) => (forms[rules.select(count)] ?? forms.other).replace('#', numbers.format(count));
}

/** The time of day, such as 14:05, of a date or of milliseconds since 1970. */
export function timeOfDay(at: Date | number, code: Code): string {
  // Without a region the reader's own habits count, of 24 hours or 12.
  const locale = navigator.languages.find((tag) => spoken([tag]) === code && tag.startsWith(code)) ?? code;
  return new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' }).format(at);
}
