/** Numbers and times as a language writes them. */
import { type Code, spoken } from './language.ts';

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
