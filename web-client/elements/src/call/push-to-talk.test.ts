import { describe, expect, it } from 'vitest';
import { PushToTalk } from './push-to-talk.ts';

function microphone(on: boolean) {
  const set: boolean[] = [];
  const talk = new PushToTalk({
    isOn: () => on,
    set: (wanted) => {
      on = wanted;
      set.push(wanted);
      return Promise.resolve();
    },
  });
  return { talk, set };
}

describe('PushToTalk', () => {
  it('opens a muted microphone for as long as the key is held', () => {
    const { talk, set } = microphone(false);
    expect(talk.press()).toBe(true);
    expect(talk.press()).toBe(true);
    expect(talk.release()).toBe(true);
    expect(set).toEqual([true, false]);
  });

  it('leaves an open microphone alone', () => {
    const { talk, set } = microphone(true);
    expect(talk.press()).toBe(false);
    expect(talk.release()).toBe(false);
    expect(set).toEqual([]);
  });
});
