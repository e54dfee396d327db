/** What the status page says, in English. Other languages have the same keys. */
import { plural } from '@oriel/elements/forms';

const count = plural('en');

export const english = {
  title: 'Status',
  live: 'Live',
  connecting: 'Connecting …',
  token: 'Token of an observer',
  /** Before the command that makes one, and after it. */
  tokenHint: ["The server's operator makes one with", '.'] as readonly [string, string],
  show: 'Show',
  ended: (message: string, hint: string) => `${message}. ${hint}`,
  server: 'The server',
  participants: 'Participants',
  received: 'From publishers',
  sent: 'To subscribers',
  packets: 'Packets',
  processor: 'Processor',
  memory: 'Memory',
  lastMinutes: (what: string) => `${what} in the last five minutes`,
  roomList: 'Rooms',
  rooms: (many: number) => count(many, { one: '# room', other: '# rooms' }),
  nobody: 'Nobody is in a room now.',
  threads: 'Media threads',
  thread: (number: number) => `Media thread ${number}`,
  threadLoad: (number: number) => `Load of media thread ${number}`,
  threadState: (percent: number, sessions: number) => `${percent} %, ${count(sessions, { one: '# session', other: '# sessions' })}`,
  age: (duration: string) => `for ${duration}`,
  people: 'People',
  in: 'In',
  out: 'Out',
  lost: 'Lost',
  delay: 'Delay',
  good: (many: number) => `${many} good`,
  fair: (many: number) => `${many} with some losses or delay`,
  poor: (many: number) => `${many} poor`,
  media: (summary: string) => `Media: ${summary}`,
  noMedia: 'No media',
};

/** A catalogue. */
export type Texts = typeof english;
