import { expect } from '@playwright/test';

import type { Metrics } from './metrics.ts';
import type { Participant } from './participant.ts';
import type { Server } from './server.ts';

/** What the server forwarded and what the browsers received, read as close together as can be. */
interface Reading {
  /** The server's counters just before and just after the browsers were asked. */
  readonly before: Metrics;
  readonly after: Metrics;
  readonly received: { readonly audio: number; readonly video: number };
}

/** Fails unless the packets that the server counts and those that the browsers count agree within 1 % over ten seconds. */
export async function expectCountersToAgree(server: Server, participants: readonly Participant[]): Promise<void> {
  const first = await read(server, participants);
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  const last = await read(server, participants);
  for (const kind of ['audio', 'video'] as const) {
    const received = last.received[kind] - first.received[kind];
    // Counters move while they are read: the truth lies between the narrowest and the widest window.
    const fewest = last.before.forwarded(kind) - first.after.forwarded(kind);
    const most = last.after.forwarded(kind) - first.before.forwarded(kind);
    expect(received, `${kind} packets received, of ${fewest} to ${most} forwarded`).toBeGreaterThan(500);
    expect(received, `${kind} packets received, of ${fewest} forwarded`).toBeGreaterThanOrEqual(fewest * 0.99);
    expect(received, `${kind} packets received, of ${most} forwarded`).toBeLessThanOrEqual(most * 1.01);
  }
}

async function read(server: Server, participants: readonly Participant[]): Promise<Reading> {
  const before = await server.metrics();
  const counts = await Promise.all(participants.map(({ driver }) => driver.evaluate(() => window.orielTest.received(), undefined)));
  const after = await server.metrics();
  const sum = (kind: 'audio' | 'video') => counts.reduce((total, count) => total + count[kind], 0);
  return { before, after, received: { audio: sum('audio'), video: sum('video') } };
}
