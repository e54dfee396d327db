import { describe, expect, it } from 'vitest';
import { hue, initials } from './avatar.ts';

describe('initials', () => {
  it.each([
    ['Ada Lovelace', 'AL'],
    ['ada', 'A'],
    ['Grace Brewster Hopper', 'GH'],
    ['  élodie  d’arc ', 'ÉD'],
    ['room-camera', 'RC'],
    ['李 小龙', '李小'],
    ['', '?'],
    ['🙂', '?'],
  ])('of %j are %j', (name, letters) => {
    expect(initials(name)).toBe(letters);
  });
});

describe('hue', () => {
  it('stays the same for the same identity', () => {
    expect(hue('guest-4f2a')).toBe(hue('guest-4f2a'));
  });

  it('spreads similar identities over the circle', () => {
    const hues = Array.from({ length: 24 }, (_, index) => hue(`guest-${index}`));
    expect(hues.every((value) => value >= 0 && value < 360)).toBe(true);
    expect(new Set(hues.map((value) => Math.floor(value / 30))).size).toBeGreaterThan(6);
  });
});
