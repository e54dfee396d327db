import { expect, it } from 'vitest';
import { tokenNames } from './names.ts';
import { tokens } from './tokens.ts';

it('has the name of every token, and no other', () => {
  const defined = [...tokens.cssText.matchAll(/^\s*(--oriel-[a-z-]+):/gmu)].map(([, name]) => name);
  expect([...new Set(defined)].sort()).toEqual([...tokenNames].sort());
});
