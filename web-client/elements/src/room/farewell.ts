/** What is said when a room cannot be entered, or is over for us. */
import type { DisconnectReason, OrielError } from '@oriel/client';
import type { Farewell, Texts } from '../texts/english.ts';

/** The words for a room that was left. `error` is the last that the room told of, if any. */
export function farewell(reason: DisconnectReason, error: OrielError | undefined, texts: Texts): Farewell {
  const words = texts.room.left[reason];
  if (reason !== 'refused' || error === undefined) return words;
  return { ...words, advice: adviceOf(error, texts) };
}

/** The words for a room that could not be entered. */
export function refusal(error: OrielError, texts: Texts): Farewell {
  const { refused, notJoined, again } = texts.room;
  return {
    title: refused[error.code] ?? notJoined,
    advice: adviceOf(error, texts),
    again,
  };
}

function adviceOf(error: OrielError, { problem }: Texts): string {
  const { message, hint } = problem(error);
  return sentences(message, hint);
}

/** Sentences in a row, each begun and ended as one; a hint that repeats the message is left out. */
function sentences(...parts: readonly (string | undefined)[]): string {
  const whole = parts
    .map((part) => (part ?? '').trim())
    .filter((part) => part !== '')
    .map((part) => part.charAt(0).toLocaleUpperCase() + part.slice(1))
    .map((part) => (/[.!?]$/u.test(part) ? part : `${part}.`));
  return [...new Set(whole)].join(' ');
}
