import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Announcer } from './announcer.ts';

describe('Announcer', () => {
  let said: string[];
  let announcer: Announcer;

  beforeEach(() => {
    vi.useFakeTimers();
    said = [];
    announcer = new Announcer((urgency, text) => said.push(`${urgency}: ${text}`));
  });

  afterEach(() => {
    announcer.stop();
    vi.useRealTimers();
  });

  it('says one sentence after the other and then clears', () => {
    announcer.say('Ada joined');
    announcer.say('Grace joined');
    expect(said).toEqual(['polite: Ada joined']);
    vi.advanceTimersByTime(1500);
    expect(said).toEqual(['polite: Ada joined', 'polite: Grace joined']);
    vi.advanceTimersByTime(1500);
    expect(said.at(-1)).toBe('polite: ');
  });

  it('keeps the newest when too much happens at once', () => {
    for (let index = 0; index < 30; index += 1) announcer.say(`${index} joined`);
    vi.advanceTimersByTime(60_000);
    expect(said).toContain('polite: 29 joined');
    expect(said.length).toBeLessThan(8);
  });

  it('says urgent things at once, even twice', async () => {
    announcer.say('Microphone on', 'assertive');
    await Promise.resolve();
    announcer.say('Microphone on', 'assertive');
    await Promise.resolve();
    expect(said).toEqual(['assertive: ', 'assertive: Microphone on', 'assertive: ', 'assertive: Microphone on']);
  });
});
