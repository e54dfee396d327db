import { describe, expect, it } from 'vitest';
import { isRoomName, randomRoomName, readRoomName } from './room-name.ts';
import { firsts, seconds, thirds } from '@oriel/drop/words';

describe('isRoomName', () => {
  it.each(['tea', 'Team.Sync_1-2', 'a'.repeat(64)])('takes %j', (name) => {
    expect(isRoomName(name)).toBe(true);
  });

  it.each(['', 'a b', 'a/b', 'ä', 'a'.repeat(65), '.', '..'])('refuses %j', (name) => {
    expect(isRoomName(name)).toBe(false);
  });
});

describe('readRoomName', () => {
  it.each([
    ['tea', 'tea'],
    ['  Team sync  ', 'Team-sync'],
    ['Café Zürich!', 'Cafe-Zurich'],
    ['https://rooms.example/r/quiet-river-stone', 'quiet-river-stone'],
    ['rooms.example/r/tea?x=1#y', 'tea'],
    ['a — b', 'a-b'],
  ])('%j means %j', (text, name) => {
    expect(readRoomName(text)).toBe(name);
  });

  it.each(['', '   ', '!!', '..'])('%j means nothing', (text) => {
    expect(readRoomName(text)).toBeUndefined();
  });

  it('makes a name that the server takes of any long text', () => {
    expect(isRoomName(readRoomName('word '.repeat(60)) ?? '')).toBe(true);
  });
});

describe('randomRoomName', () => {
  it('is three words', () => {
    expect(randomRoomName(() => 0)).toBe('able-acorn-anchor');
    for (let index = 0; index < 200; index += 1) expect(isRoomName(randomRoomName())).toBe(true);
  });

  it('gives every word the same chance', () => {
    for (const words of [firsts, seconds, thirds]) {
      expect(new Set(words).size).toBe(128);
      expect(words.every((word) => /^[a-z]{3,8}$/u.test(word))).toBe(true);
    }
  });
});
