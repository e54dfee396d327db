import { describe, expect, it } from 'vitest';
import { type Cause, causeByFacts, causeOf, type Facts, isCancelled, isShared, wordsFor } from './judge.ts';
import { arabic } from './texts/arabic.ts';
import { english } from './texts/english.ts';

const FACTS: Facts = {
  origin: 'https://rooms.example:7880',
  host: 'rooms.example:7880',
  secure: true,
  framed: false,
  supported: true,
  allowed: undefined,
  forbiddenAround: false,
  permission: undefined,
  present: undefined,
};

function failure(code: string, reason = ''): Error {
  const error = new Error('the browser gave no camera', { cause: new DOMException(reason, 'Error') });
  return Object.assign(error, { code, hint: 'Restart the browser.', retryable: true });
}

describe('causeOf', () => {
  it.each<[string, Error, Partial<Facts>, Cause]>([
    ['the browser says no', failure('media_denied', 'Permission denied'), {}, 'browser'],
    ['the person said no', failure('media_denied'), { permission: 'denied', allowed: true }, 'browser'],
    ['nobody answered', failure('media_denied'), { permission: 'prompt' }, 'dismissed'],
    ['the system says no', failure('media_denied', 'Permission denied by system'), {}, 'system'],
    ['a frame, and a browser that does not say', failure('media_denied'), { framed: true }, 'unclear'],
    ['a frame whose policy forbids it', failure('media_denied'), { framed: true, allowed: false }, 'allow'],
    ['a frame of a page that may not either', failure('media_blocked_by_policy'), { framed: true, forbiddenAround: true }, 'header-around'],
    ['the header of the page itself', failure('media_blocked_by_policy'), { allowed: false }, 'header'],
    ['nothing is plugged in', failure('media_missing'), {}, 'missing'],
    ['another program has it', failure('media_in_use'), {}, 'in-use'],
    ['plain HTTP', failure('media_insecure_context'), { secure: false }, 'insecure'],
    ['something else', failure('media_failed'), {}, 'other'],
  ])('%s', (_name, error, facts, cause) => {
    expect(causeOf(error, { ...FACTS, ...facts })).toBe(cause);
  });
});

describe('causeByFacts', () => {
  it.each<[Cause, Partial<Facts>]>([
    ['none', {}],
    ['none', { allowed: true, permission: 'prompt', present: true }],
    ['insecure', { supported: false, secure: false }],
    ['unsupported', { supported: false }],
    ['header', { allowed: false, permission: 'denied' }],
    ['allow', { allowed: false, framed: true }],
    ['header-around', { allowed: false, framed: true, forbiddenAround: true }],
    ['browser', { allowed: true, permission: 'denied', present: false }],
    ['missing', { present: false }],
  ])('%s', (cause, facts) => {
    expect(causeByFacts({ ...FACTS, ...facts })).toBe(cause);
  });
});

describe('wordsFor', () => {
  it('says which header or attribute to change, and to what', () => {
    const header = wordsFor('header', 'camera', FACTS, english);
    expect(header.title).toContain('forbids the camera');
    expect(header.fix).toBe('Permissions-Policy: camera=(self), microphone=(self), display-capture=(self)');
    expect(wordsFor('header-around', 'screen', FACTS, english).fix).toContain('display-capture=(self "https://rooms.example:7880")');
    expect(wordsFor('allow', 'both', FACTS, english).fix).toBe('<iframe allow="camera; microphone; display-capture">');
  });

  it('names the secure address of a page that is not secure', () => {
    expect(wordsFor('insecure', 'camera', FACTS, english).advice).toContain('https://rooms.example:7880');
  });

  it('passes on the words of an error that it does not know', () => {
    expect(wordsFor('other', 'microphone', FACTS, english, failure('media_failed')).advice).toBe(
      'the browser gave no camera Restart the browser.',
    );
    expect(wordsFor('other', 'microphone', FACTS, english, 'nonsense').advice).toBe('nonsense');
  });

  it('says all of it in Arabic, too', () => {
    for (const cause of Object.keys(english.causes) as Cause[]) {
      for (const device of ['camera', 'microphone', 'screen', 'both'] as const) {
        const { title, advice } = wordsFor(cause, device, FACTS, arabic, failure('media_failed'));
        expect(title, cause).toMatch(/\p{Script=Arabic}/u);
        expect(cause === 'other' || /\p{Script=Arabic}/u.test(advice), cause).toBe(true);
        expect(`${title}${advice}`).not.toContain('undefined');
      }
    }
    expect(Object.keys(arabic.screen)).toEqual(Object.keys(english.screen));
  });
});

describe('isShared', () => {
  it('is what can keep camera and microphone away at once', () => {
    expect(isShared('browser') && isShared('missing') && isShared('header')).toBe(true);
    expect(isShared('in-use') || isShared('other')).toBe(false);
  });
});

describe('isCancelled', () => {
  it('tells a closed choice of screens from a system that forbids sharing', () => {
    expect(isCancelled('screen', failure('media_denied', 'Permission denied by user'))).toBe(true);
    expect(isCancelled('screen', failure('media_denied', 'Permission denied by system'))).toBe(false);
    expect(isCancelled('camera', failure('media_denied', 'Permission denied'))).toBe(false);
  });
});
