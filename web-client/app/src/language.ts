/** The language of Oriel's own pages: `?lang=` chooses, else the browser's languages do. */
import type { Catalogues, Language } from '@oriel/elements/styles';

/** The tags that the reader wants, the best first. */
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

/** A path of ours in the language that was chosen here. */
export function inSameLanguage(path: string): string {
  const chosen = new URLSearchParams(location.search).get('lang');
  return chosen === null ? path : `${path}?lang=${encodeURIComponent(chosen)}`;
}
