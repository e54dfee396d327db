/** Names of rooms: 1 to 64 letters, digits, `-`, `_`, `.`. */
import { firsts, seconds, thirds } from '@oriel/drop/words';

/** Whether the server takes `text` as the name of a room. */
export function isRoomName(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,64}$/u.test(text) && !/^\.{1,2}$/u.test(text);
}

/**
 * The room that somebody means who typed or pasted `text`: a name, words, or a link to a room.
 * `undefined` if there is nothing in it that could be a name.
 */
export function readRoomName(text: string): string | undefined {
  const trimmed = text.trim();
  const linked = /\/r\/([^/?#\s]+)/u.exec(trimmed)?.[1];
  const name = (linked ?? trimmed)
    .normalize('NFD')
    .replace(/\p{M}/gu, '')
    .replace(/\s+/gu, '-')
    .replace(/[^A-Za-z0-9._-]/gu, '')
    .replace(/-{2,}/gu, '-')
    .replace(/^-|-$/gu, '')
    .slice(0, 64);
  return isRoomName(name) ? name : undefined;
}

/** A new name of three short words, easy to say on the phone: one of two million. */
export function randomRoomName(random: (below: number) => number = randomBelow): string {
  return [firsts, seconds, thirds].map((words) => words[random(words.length)]).join('-');
}

/** The lists have 128 words, so a byte gives every word the same chance. */
function randomBelow(below: number): number {
  const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
  return byte % below;
}
