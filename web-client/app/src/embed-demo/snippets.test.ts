import { describe, expect, it } from 'vitest';
import { snippet, WAYS } from './snippets.ts';

describe('snippet', () => {
  it('names the server and the room, whatever the way', () => {
    for (const way of WAYS) {
      const text = snippet(way, 'https://rooms.example', 'tea', false);
      expect(text).toContain('https://rooms.example');
      expect(way === 'react' || text.includes('tea')).toBe(true);
    }
  });

  it('isolates where that is asked for', () => {
    for (const way of ['html', 'react'] as const) {
      expect(snippet(way, 'https://rooms.example', 'tea', true)).toContain('isolate="iframe"');
      expect(snippet(way, 'https://rooms.example', 'tea', false)).not.toContain('isolate');
    }
    expect(snippet('iframe', 'https://rooms.example', 'tea', false)).toMatch(/allow="camera; microphone; display-capture;/u);
  });
});
