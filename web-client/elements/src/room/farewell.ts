/** What is said when a room cannot be entered, or is over for us. */
import type { DisconnectReason, ErrorCode, OrielError } from '@oriel/client';

/** A page of words with one way on. */
export interface Farewell {
  readonly title: string;
  readonly advice: string;
  /** What the way on is called. */
  readonly again: string;
}

const LEFT: Readonly<Record<DisconnectReason, Farewell>> = {
  left: { title: 'You left the room', advice: 'You can come back whenever you like.', again: 'Join again' },
  connection_lost: {
    title: 'The connection was lost',
    advice: 'The network was gone for too long. Check it and join again.',
    again: 'Join again',
  },
  duplicate_identity: {
    title: 'You joined from somewhere else',
    advice: 'The same person is in the room once: the newest window or device stays.',
    again: 'Use this one instead',
  },
  removed: {
    title: 'You were removed from the room',
    advice: 'A moderator ended your stay. Ask them if you think that it was a mistake.',
    again: 'Back to the door',
  },
  moved: { title: 'You are in another room now', advice: 'A moderator moved you.', again: 'Join again' },
  too_slow: {
    title: 'Your connection was too slow',
    advice: 'The room went on faster than your network could follow. Try again, with fewer other programs online.',
    again: 'Join again',
  },
  room_ended: { title: 'The room has ended', advice: 'Joining again starts it anew.', again: 'Start it again' },
  server_stopping: {
    title: 'The server is being restarted',
    advice: 'It should be back in a moment. Your room keeps its address.',
    again: 'Join again',
  },
  internal: {
    title: 'The server had a problem',
    advice: 'It is not your fault. Joining again usually helps.',
    again: 'Join again',
  },
  refused: {
    title: 'The server did not let you back in',
    advice: 'Ask for a new invitation, or try again.',
    again: 'Try again',
  },
};

/** The words for a room that was left. `error` is the last that the room told of, if any. */
export function farewell(reason: DisconnectReason, error: OrielError | undefined): Farewell {
  const words = LEFT[reason];
  if (reason !== 'refused' || error === undefined) return words;
  return { ...words, advice: sentences(error.message, error.hint) };
}

/** What the page is called, where there is more to say than that it did not work. */
const REFUSED: Readonly<Partial<Record<ErrorCode, string>>> = {
  unreachable: 'The server does not answer',
  timeout: 'The server does not answer',
  locked: 'The room is locked',
  denied: 'You were not let in',
};

/** The words for a room that could not be entered. */
export function refusal(error: OrielError): Farewell {
  return {
    title: REFUSED[error.code] ?? 'You could not join',
    advice: sentences(error.message, error.hint),
    again: 'Try again',
  };
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
