/** What is asked for and when, how fast it goes, and how many connections that is worth. */
import { describe, expect, it } from 'vitest';
import { Bitmap } from '../src/bitmap.ts';
import { Gain } from '../src/gain.ts';
import { BLOCK, MAX_WANTED, MAX_WANTED_BYTES } from '../src/limits.ts';
import { Manifest } from '../src/manifest.ts';
import { Schedule } from '../src/schedule.ts';
import { Speed } from '../src/speed.ts';

const root = new Uint8Array(32);

function manifestOf(...sizes: number[]): Promise<Manifest> {
  return Manifest.of(sizes.map((size, at) => ({ path: String(at), size, modified: 0, root })));
}

async function scheduleOf(sizes: number[], files?: number[], have: number[] = []): Promise<Schedule> {
  const manifest = await manifestOf(...sizes);
  const had = new Bitmap(manifest.blocks);
  for (const block of have) had.add(block);
  const chosen = new Bitmap(sizes.length);
  for (const file of files ?? sizes.keys()) chosen.add(file);
  return new Schedule(manifest, chosen, had);
}

describe('the schedule', () => {
  it('asks for what is wanted and missing, in order, and ends', async () => {
    const schedule = await scheduleOf([2 * BLOCK, 5, 0, BLOCK, 7], [0, 2, 3], [1]);
    expect(schedule).toMatchObject({ totalBytes: 3 * BLOCK, gotBytes: BLOCK, isDone: false });
    expect(schedule.take()).toEqual([0, 3]);
    expect(schedule.take()).toEqual([]);
    schedule.stored(3);
    schedule.stored(0);
    schedule.stored(0);
    expect(schedule).toMatchObject({ gotBytes: 3 * BLOCK, isDone: true });
  });

  it('is done at once where nothing is missing', async () => {
    expect((await scheduleOf([0])).isDone).toBe(true);
    expect((await scheduleOf([BLOCK], undefined, [0])).isDone).toBe(true);
  });

  it('has only so much under way', async () => {
    const large = await scheduleOf([100 * BLOCK]);
    expect(large.take()).toHaveLength(MAX_WANTED_BYTES / BLOCK);
    large.stored(0);
    expect(large.take()).toEqual([MAX_WANTED_BYTES / BLOCK]);
    const small = await scheduleOf(Array<number>(1000).fill(10));
    expect(small.take()).toHaveLength(MAX_WANTED);
    expect(small.take()).toEqual([]);
  });

  it('knows what it has asked for', async () => {
    const schedule = await scheduleOf([BLOCK, BLOCK], [0]);
    schedule.take();
    expect([schedule.whatIs(0), schedule.whatIs(1), schedule.whatIs(7)]).toEqual(['asked', 'foreign', 'foreign']);
    schedule.stored(0);
    expect(schedule.whatIs(0)).toBe('late');
  });

  it('asks again for what is wrong or lost, first of all, and not for ever', async () => {
    const schedule = await scheduleOf([20 * BLOCK]);
    schedule.take();
    schedule.lost([3, 3, 19]);
    expect(schedule.take(), '19 was not asked for yet').toEqual([3]);
    schedule.stored(3);
    schedule.take();
    for (let time = 1; time < 5; time += 1) {
      expect(schedule.failed(5)).toBe('again');
      expect(schedule.take()).toEqual([5]);
    }
    expect(schedule.failed(5)).toBe('given up');
  });
});

describe('speed', () => {
  it('is that of the last seconds', () => {
    const speed = new Speed();
    expect([speed.bytesPerSecond, speed.secondsFor(1)]).toEqual([0, undefined]);
    for (let at = 0; at <= 10_000; at += 100) speed.at(at, at < 5000 ? 0 : (at - 5000) * 2);
    expect(speed.bytesPerSecond).toBeCloseTo(2000, -2);
    expect(speed.secondsFor(4000)).toBeCloseTo(2, 0);
    speed.reset();
    expect(speed.bytesPerSecond).toBe(0);
  });
});

describe('more connections', () => {
  /** Sends for `seconds`, as fast as `rate` says for the number of connections. */
  function run(gain: Gain, seconds: number, roundTrip: number, rate: (lanes: number) => number, from = 0): number[] {
    const seen = [gain.lanes];
    let bytes = 0;
    for (let now = from; now < from + seconds * 1000; now += 500) {
      bytes += rate(gain.lanes) / 2;
      gain.observe(now, bytes, roundTrip);
      if (seen.at(-1) !== gain.lanes) seen.push(gain.lanes);
    }
    return seen;
  }

  it('are used where each is faster', () => expect(run(new Gain(), 20, 50, (lanes) => lanes * 1e6)).toEqual([1, 4]));
  it('are not tried on a short path', () => expect(run(new Gain(), 20, 2, (lanes) => lanes * 1e6)).toEqual([1]));
  it('are given up where they bring nothing, for a while', () => expect(run(new Gain(), 20, 50, () => 1e6)).toEqual([1, 4, 1]));
  it('are tried again later', () => expect(run(new Gain(), 60, 50, () => 1e6)).toEqual([1, 4, 1, 4, 1]));

  it('are not judged by a pause', () => {
    const gain = new Gain();
    expect(run(gain, 4, 50, (lanes) => lanes * 1e6)).toEqual([1, 4]);
    gain.idle();
    expect(run(gain, 8, 50, (lanes) => lanes * 1e6, 60_000)).toEqual([4]);
  });
});
