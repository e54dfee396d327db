import { expect, test } from '@playwright/test';

import type { Participant } from './participant.ts';
import type { Server } from './server.ts';

/**
 * Fails unless what the server forwarded since it started and what the browsers received agree within 1 %.
 *
 * Counters that move cannot be read together: everybody lets media flow for ten seconds more and then
 * switches microphone and camera off, and the two are compared when nothing is on its way any longer.
 */
export async function expectCountersToAgree(server: Server, participants: readonly Participant[]): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  await switchAll(participants);
  const forwarded = await quiet(server);
  const counts = await Promise.all(participants.map(({ driver }) => driver.evaluate(() => window.orielTest.received(), undefined)));
  for (const kind of ['audio', 'video'] as const) {
    const received = counts.reduce((total, count) => total + count[kind], 0);
    test.info().annotations.push({ type: kind, description: `${forwarded[kind]} forwarded, ${received} received` });
    expect(received, `${kind} packets received`).toBeGreaterThan(500);
    expect(Math.abs(received - forwarded[kind]), `${received} ${kind} packets received of ${forwarded[kind]} forwarded`).toBeLessThanOrEqual(
      forwarded[kind] / 100,
    );
  }
  await switchAll(participants);
}

async function switchAll(participants: readonly Participant[]): Promise<void> {
  for (const { driver } of participants) {
    await driver.click('toggle-microphone');
    await driver.click('toggle-camera');
  }
}

/** The counters once they stand still. */
async function quiet(server: Server): Promise<{ audio: number; video: number }> {
  let last = { audio: -1, video: -1 };
  const read = async () => {
    const metrics = await server.metrics();
    const now = { audio: metrics.forwarded('audio'), video: metrics.forwarded('video') };
    const still = now.audio === last.audio && now.video === last.video;
    last = now;
    return still;
  };
  await expect.poll(read, { message: 'nothing is forwarded any longer', intervals: [500] }).toBe(true);
  return last;
}
