/** What the page of cursors says, in English. Other languages have the same keys. */
import type { OrielError } from '@oriel/client';
import type { Way } from '../way.ts';

export const english = {
  home: 'Oriel, start page',
  title: 'Cursors',
  board: 'Board: move the pointer, a finger, or the arrow keys',
  alone: 'Open this page in a second window, or on a phone: each sees the other’s pointer here.',
  again: 'Try again',
  you: (name: string) => `${name} (you)`,
  problem: ({ message, hint }: OrielError) => `${message} ${hint}`,
  connecting: 'Connecting …',
  notConnected: 'Not connected',
  people: (count: number) => (count === 1 ? 'Only you' : `${count} people`),
  median: 'One way, median',
  slowest: '99 of 100',
  messages: 'Messages in, out',
  perSecond: (received: number, sent: number) => `${received} · ${sent} /s`,
  path: 'Path',
  whichWay: 'Which way messages take',
  ways: { best: 'Best', webtransport: 'WebTransport', channel: 'Data channel', websocket: 'WebSocket' } as Readonly<Record<Way, string>>,
};

/** A catalogue. */
export type Texts = typeof english;
