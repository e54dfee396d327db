import { describe, expect, it } from 'vitest';
import { type Memory, recall, remember } from './choices.ts';

function memory(content: string | null = null): Memory {
  return {
    getItem: () => content,
    setItem: (_key, value) => {
      content = value;
    },
  };
}

describe('choices', () => {
  it('come back', () => {
    const kept = memory();
    const choices = { name: 'Ada', microphone: false, camera: true, videoinput: 'c1' };
    remember(kept, choices);
    expect(recall(kept)).toMatchObject(choices);
  });

  it.each([null, '', '{', 'null', '[]', '7', '{"name":7,"camera":"no"}'])('start anew after %j', (content) => {
    expect(recall(memory(content))).toMatchObject({ name: '', microphone: true, camera: true });
  });

  it('do without a memory', () => {
    remember(undefined, { name: 'Ada', microphone: true, camera: true });
    expect(recall(undefined).name).toBe('');
  });

  it('do with a full one', () => {
    const full: Memory = {
      getItem: () => null,
      setItem: () => {
        throw new DOMException('full', 'QuotaExceededError');
      },
    };
    expect(() => remember(full, { name: 'Ada', microphone: true, camera: true })).not.toThrow();
  });
});
