/** Finds links in plain text. The caller renders the pieces as text and anchors, never as markup. */

/** A piece of a text; with `href` it is a link. */
export interface Piece {
  readonly text: string;
  readonly href?: string;
}

/** A scheme that a chat link may have, or a bare `www.`, up to the next space. */
const CANDIDATE = /\b(?:https?:\/\/|www\.)[^\s<>"]+/giu;
const CLOSERS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** Splits `text` into pieces that, put together, are `text` again. */
export function linkify(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const link = trimEnd(match[0]);
    const href = address(link);
    if (href === undefined) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) });
    pieces.push({ text: link, href });
    end = match.index + link.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/** Without what belongs to the sentence: punctuation, and brackets that were opened before. */
function trimEnd(link: string): string {
  let end = link.length;
  for (; end > 0; end -= 1) {
    const last = link.charAt(end - 1);
    const opener = CLOSERS[last];
    if (opener !== undefined) {
      const inside = link.slice(0, end);
      if (count(inside, last) <= count(inside, opener)) break;
    } else if (!/[.,;:!?'"’”»…]/u.test(last)) {
      break;
    }
  }
  return link.slice(0, end);
}

function count(text: string, letter: string): number {
  return text.split(letter).length - 1;
}

function address(link: string): string | undefined {
  try {
    const url = new URL(/^www\./iu.test(link) ? `https://${link}` : link);
    return url.hostname === '' ? undefined : url.href;
  } catch {
    return undefined;
  }
}
