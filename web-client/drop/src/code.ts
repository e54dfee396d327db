/** How two find each other: a short code to say, and a link that has a secret beside it. */
import { fromBase64, toBase64, type Bytes } from './bytes.ts';
import { seconds, thirds } from './words.ts';

/** Bytes of the secret in a link. */
const SECRET = 16;

/** What leads to somebody's page. */
export interface Invitation {
  /** A number and two words, "42-amber-otter". Whoever has no more than this has to be let in. */
  readonly code: string;
  /** Known to those who got the whole link, and not to the server. */
  readonly secret?: Bytes;
}

/** A new one. */
export function makeInvitation(): Invitation & { readonly secret: Bytes } {
  const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
  const [first = 0, second = 0] = crypto.getRandomValues(new Uint8Array(2));
  // The lists have 128 words each, so a byte gives every word the same chance.
  const words = [seconds[first % seconds.length], thirds[second % thirds.length]];
  return { code: [2 + (number % 98), ...words].join('-'), secret: crypto.getRandomValues(new Uint8Array(SECRET)) };
}

/** The part of an address behind `#`: nothing of it reaches a server's log. */
export function fragmentOf({ code, secret }: Invitation): string {
  return secret ? `${code}.${toBase64(secret)}` : code;
}

/** The invitation that somebody means who typed or pasted `text`: a code, however it is spaced, or a link. */
export function readInvitation(text: string): Invitation | undefined {
  const fragment = text.trim().split('#').at(-1)!;
  const [, spoken = '', written] = /^([^.]+)(?:\.([A-Za-z0-9_-]+))?$/u.exec(fragment) ?? [];
  const code = spoken.trim().toLowerCase().replace(/[\s_–—-]+/gu, '-');
  if (!/^\d{1,2}-[a-z]{2,12}-[a-z]{2,12}$/u.test(code)) return undefined;
  if (written === undefined) return { code };
  const secret = fromBase64(written);
  return secret?.length === SECRET ? { code, secret } : undefined;
}

/** The room in which those with the code meet. */
export function roomOf(code: string): string {
  return `drop.${code}`;
}
