import { beforeEach, expect, test } from 'vitest';
import { AudioPlayback } from '../src/media/playback.ts';

/** An element in a page that nobody has clicked in yet. */
class FakeElement {
  clicked = false;
  sink = '';

  play(): Promise<void> {
    if (this.clicked) return Promise.resolve();
    return Promise.reject(new DOMException('user gesture required', 'NotAllowedError'));
  }

  setSinkId(id: string): Promise<void> {
    if (id === 'gone') return Promise.reject(new DOMException('no such device', 'NotFoundError'));
    this.sink = id;
    return Promise.resolve();
  }
}

let told: boolean[];
let playback: AudioPlayback;
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
const add = (element: object): void => playback.add(element as HTMLMediaElement);

beforeEach(() => {
  told = [];
  playback = new AudioPlayback((canPlay) => told.push(canPlay));
});

test('held-back sound is told once, and plays after a click', async () => {
  const elements = [new FakeElement(), new FakeElement()];
  elements.forEach(add);
  await settled();
  expect([told, playback.canPlay]).toEqual([[false], false]);
  for (const element of elements) element.clicked = true;
  await playback.start();
  expect([told, playback.canPlay]).toEqual([[false, true], true]);
});

test('an element that is taken away holds nothing back', async () => {
  const element = new FakeElement();
  add(element);
  await settled();
  playback.remove(element as unknown as HTMLMediaElement);
  expect([told, playback.canPlay]).toEqual([[false, true], true]);
});

test('an element that was given something else meanwhile is not taken for held back', async () => {
  add({ play: () => Promise.reject(new DOMException('interrupted', 'AbortError')) });
  await settled();
  expect(told).toEqual([]);
});

test('another loudspeaker is used by what plays and by what comes later', async () => {
  const [now, later] = [new FakeElement(), new FakeElement()];
  add(now);
  await playback.setSink('headset');
  add(later);
  expect([now.sink, later.sink, playback.sink]).toEqual(['headset', 'headset', 'headset']);
  await expect(playback.setSink('gone')).rejects.toMatchObject({ code: 'media_missing' });
  expect(playback.sink).toBe('headset');
  add({ play: () => Promise.resolve() });
  await expect(playback.setSink('other')).rejects.toMatchObject({ code: 'unsupported' });
});
