import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { INNER_EVENTS } from './agent.ts';
import { PARTS } from '../element/parts.ts';
import { NO_SETTINGS, readFrameMessage, readPageMessage, Refusal } from './contract.ts';

const page = (message: object) => readPageMessage({ oriel: 1, ...message });

describe('readPageMessage', () => {
  it('takes what a page has to say', () => {
    const settings = { ...NO_SETTINGS, roomName: 'tea', relay: true };
    expect(page({ type: 'settings', settings })).toEqual({ type: 'settings', settings });
    const command = { type: 'command', id: 1, name: 'leave', args: [] };
    expect(page(command)).toEqual(command);
    const looks = {
      properties: [['--oriel-accent', 'red']],
      rules: [{ part: 'button', state: 'hover', declarations: [['border-radius', '0']] }],
      scheme: 'dark',
    };
    expect(page({ type: 'looks', looks })).toEqual({ type: 'looks', looks });
    expect(page({ type: 'slots', sizes: { 'header-end': [10, 20], elsewhere: [1, 1] } })).toEqual({
      type: 'slots',
      sizes: { 'header-end': [10, 20] },
    });
  });

  it.each([
    ['nothing', undefined],
    ['a text', 'leave'],
    ['another version', { oriel: 2, type: 'command', id: 1, name: 'leave', args: [] }],
    ['no version', { type: 'command', id: 1, name: 'leave', args: [] }],
    ['a message that there is not', { oriel: 1, type: 'eval', code: 'alert(1)' }],
    ['a command that there is not', { oriel: 1, type: 'command', id: 1, name: 'constructor', args: [] }],
    ['a command without a number', { oriel: 1, type: 'command', name: 'leave', args: [] }],
    ['arguments without an end', { oriel: 1, type: 'command', id: 1, name: 'leave', args: [1, 2, 3, 4, 5] }],
    ['a setting of another type', { oriel: 1, type: 'settings', settings: { roomName: {} } }],
    ['a text without an end', { oriel: 1, type: 'settings', settings: { name: 'x'.repeat(70_000) } }],
    ['a part that there is not', looksWith({ part: 'body', state: '', declarations: [] })],
    ['a state that is a selector', looksWith({ part: 'button', state: 'hover, body', declarations: [] })],
    ['a property that is a rule', looksWith({ part: 'button', state: '', declarations: [['a{}b', 'x']] })],
    ['a custom property that is not ours', { oriel: 1, type: 'looks', looks: { properties: [['--x', '1']], rules: [], scheme: '' } }],
  ])('refuses %s, and says why', (_what, message) => {
    expect(() => readPageMessage(message)).toThrow(Refusal);
  });
});

function looksWith(rule: object) {
  return { oriel: 1, type: 'looks', looks: { properties: [], rules: [rule], scheme: 'normal' } };
}

describe('readFrameMessage', () => {
  it('takes replies, events and nothing that is none', () => {
    expect(readFrameMessage({ oriel: 1, type: 'reply', id: 3, value: 1 })).toEqual({ type: 'reply', id: 3, value: 1 });
    expect(readFrameMessage({ oriel: 1, type: 'event', name: 'oriel-left', detail: {} })).toEqual({ type: 'event', name: 'oriel-left', detail: {} });
    expect(() => readFrameMessage({ oriel: 1, type: 'event', name: 'click', detail: {} })).toThrow(Refusal);
    expect(() => readFrameMessage({ oriel: 1, type: 'settings' })).toThrow(Refusal);
  });
});

describe('what the elements tell and show', () => {
  const folder = join(import.meta.dirname, '..');
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('embed/'))
    .map((file) => readFileSync(join(folder, file), 'utf8'));

  it('keeps every event of what is inside from the page', () => {
    const told = sources.flatMap((source) => [...source.matchAll(/\.tell(?:<[^(]*>)?\('(oriel-[a-z-]+)'/gu)].map(([, name]) => name));
    expect([...new Set(told)].sort()).toEqual([...INNER_EVENTS].sort());
  });

  it('names every part', () => {
    const parts = sources.flatMap((source) => [...source.matchAll(/\bpart="([a-z-]+)"/gu)].map(([, name]) => name));
    expect([...new Set(parts)].sort()).toEqual([...PARTS].sort());
  });
});
