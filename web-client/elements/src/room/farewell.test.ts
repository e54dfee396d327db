import type { OrielError } from '@oriel/client';
import { describe, expect, it } from 'vitest';
import { english } from '../texts/english.ts';
import { farewell, refusal } from './farewell.ts';

const error = (code: string, message: string, hint = '') =>
  Object.assign(new Error(message), { code, hint, retryable: false }) as unknown as OrielError;

describe('refusal', () => {
  it('gives the words of the error, as sentences', () => {
    expect(refusal(error('full', 'the room is full', 'Try again later.'), english)).toMatchObject({
      title: 'You could not join',
      advice: 'The room is full. Try again later.',
    });
  });

  it('says so when nobody answers', () => {
    expect(refusal(error('unreachable', 'No server answers.'), english).title).toBe('The server does not answer');
  });

  it('does not say the same thing twice', () => {
    expect(refusal(error('full', 'Try again later', 'Try again later.'), english).advice).toBe('Try again later.');
  });
});

describe('farewell', () => {
  it('tells why joining again was refused', () => {
    expect(farewell('refused', error('unauthorized', 'the token has expired'), english).advice).toBe('The token has expired.');
  });

  it('does not put the blame on an earlier error', () => {
    expect(farewell('left', error('busy', 'something was slow'), english).advice).not.toContain('slow');
  });
});
