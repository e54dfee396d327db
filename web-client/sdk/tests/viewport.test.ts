import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Viewport } from '../src/media/viewport.ts';

let told: string[];
let viewport: Viewport;
let sizes: Map<object, { width: number; height: number }>;
let observed: Set<object>;
let changed: () => void;

const element = (width = 640, height = 360): Element => {
  const one = {} as Element;
  sizes.set(one, { width, height });
  return one;
};

const resize = (one: Element, width: number, height: number): void => {
  sizes.set(one, { width, height });
  changed();
};

beforeEach(() => {
  vi.useFakeTimers();
  told = [];
  sizes = new Map();
  observed = new Set();
  viewport = new Viewport(
    (some) => told.push(some.map(({ track, width, height }) => `${track} ${width}x${height}`).join(', ')),
    (tell) => {
      changed = tell;
      return {
        observe: (one) => observed.add(one),
        unobserve: (one) => observed.delete(one),
        size: (one) => sizes.get(one)!,
        close: () => observed.clear(),
      };
    },
  );
});

afterEach(() => vi.useRealTimers());

test('sizes are told when they have settled, all together, and not again', () => {
  const one = element();
  viewport.add('TR_1', one);
  viewport.add('TR_2', element(320, 180));
  vi.advanceTimersByTime(240);
  expect(told).toEqual([]);
  vi.advanceTimersByTime(20);
  expect(told).toEqual(['TR_1 640x360, TR_2 320x180']);
  changed();
  vi.advanceTimersByTime(5_000);
  resize(one, 100, 100);
  resize(one, 640, 360);
  vi.advanceTimersByTime(5_000);
  expect(told).toHaveLength(1);
  resize(one, 800, 450);
  vi.advanceTimersByTime(300);
  expect(told[1]).toBe('TR_1 800x450');
});

test('the largest of several pictures counts', () => {
  const [small, large] = [element(160, 90), element(1280, 720)];
  viewport.add('TR_1', small);
  viewport.add('TR_1', large);
  vi.advanceTimersByTime(300);
  viewport.remove('TR_1', large);
  vi.advanceTimersByTime(300);
  expect(told).toEqual(['TR_1 1280x720', 'TR_1 160x90']);
});

test('a picture out of sight is given up after a second, not before', () => {
  const one = element();
  viewport.add('TR_1', one);
  vi.advanceTimersByTime(300);
  resize(one, 0, 0);
  vi.advanceTimersByTime(900);
  resize(one, 640, 360);
  vi.advanceTimersByTime(2_000);
  expect(told).toHaveLength(1);
  resize(one, 0, 0);
  vi.advanceTimersByTime(990);
  expect(told).toHaveLength(1);
  vi.advanceTimersByTime(20);
  resize(one, 640, 360);
  vi.advanceTimersByTime(260);
  expect(told.slice(1)).toEqual(['TR_1 0x0', 'TR_1 640x360']);
});

test('what flows anew is told anew', () => {
  const one = element();
  viewport.add('TR_1', one);
  vi.advanceTimersByTime(300);
  viewport.remove('TR_1', one);
  viewport.forget('TR_1');
  vi.advanceTimersByTime(2_000);
  expect(observed.size).toBe(0);
  viewport.add('TR_1', one);
  vi.advanceTimersByTime(300);
  expect(told).toEqual(['TR_1 640x360', 'TR_1 640x360']);
});

test('a message has at most 256 sizes', () => {
  for (let index = 0; index < 300; index += 1) viewport.add(`TR_${index}`, element());
  vi.advanceTimersByTime(300);
  expect(told.map((one) => one.split(', ').length)).toEqual([256, 44]);
});

test('after the end nothing is told', () => {
  viewport.add('TR_1', element());
  viewport.close();
  vi.advanceTimersByTime(2_000);
  expect([told, observed.size]).toEqual([[], 0]);
});
