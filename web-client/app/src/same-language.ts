/** Links that lead on in the language that was chosen by `?lang=`. */

/** A path of ours in the language that was chosen here. */
export function inSameLanguage(path: string): string {
  const chosen = new URLSearchParams(location.search).get('lang');
  return chosen === null ? path : `${path}?lang=${encodeURIComponent(chosen)}`;
}
