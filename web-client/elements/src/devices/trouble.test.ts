import { describe, expect, it } from 'vitest';
import { commonTrouble, deviceTrouble, isCancelled } from './trouble.ts';

function failure(code: string, reason = ''): Error {
  const error = new Error('the browser gave no camera', { cause: new DOMException(reason, 'Error') });
  return Object.assign(error, { code, hint: 'Restart the browser.', retryable: true });
}

describe('deviceTrouble', () => {
  it.each([
    [failure('media_denied', 'Permission denied'), 'The camera is not allowed'],
    [failure('media_denied', 'Permission denied by system'), 'Your computer keeps the camera from this browser'],
    [failure('media_missing'), 'No camera found'],
    [failure('media_in_use'), 'The camera is in use or does not start'],
    [failure('media_insecure_context'), 'This page is not secure, so the browser gives it no camera'],
    [failure('media_blocked_by_policy'), 'The page around this room keeps the camera from it'],
    [failure('media_unsuitable'), 'The chosen camera cannot be used'],
    [failure('media_ended'), 'The camera was unplugged or switched off'],
    [failure('unsupported'), 'This browser cannot use a camera here'],
    [failure('media_failed'), 'The camera does not work'],
  ])('%o', (error, title) => {
    const trouble = deviceTrouble('camera', error, '192.0.2.7:7880');
    expect(trouble.title).toBe(title);
    expect(trouble.advice).not.toBe('');
  });

  it('names the secure address of a page that is not secure', () => {
    expect(deviceTrouble('camera', failure('media_insecure_context'), '192.0.2.7:7880').advice).toContain(
      'https://192.0.2.7:7880',
    );
  });

  it('passes on the words of an error that it does not know', () => {
    expect(deviceTrouble('microphone', failure('media_failed'), '').advice).toBe(
      'the browser gave no camera Restart the browser.',
    );
    expect(deviceTrouble('microphone', 'nonsense', '').advice).toBe('nonsense');
  });

});

describe('commonTrouble', () => {
  it('says once what keeps both away', () => {
    const denied = failure('media_denied');
    expect(commonTrouble(denied, denied, '')?.title).toBe('The camera and microphone are not allowed');
    const missing = failure('media_missing');
    expect(commonTrouble(missing, missing, '')?.title).toBe('No camera or microphone found');
  });

  it('is none where the reasons differ or belong to one device', () => {
    expect(commonTrouble(failure('media_denied'), failure('media_missing'), '')).toBeUndefined();
    expect(commonTrouble(failure('media_in_use'), failure('media_in_use'), '')).toBeUndefined();
    expect(commonTrouble('nonsense', 'nonsense', '')).toBeUndefined();
  });
});

describe('isCancelled', () => {
  it('tells a closed choice of screens from a system that forbids sharing', () => {
    expect(isCancelled('screen', failure('media_denied', 'Permission denied by user'))).toBe(true);
    expect(isCancelled('screen', failure('media_denied', 'Permission denied by system'))).toBe(false);
    expect(isCancelled('camera', failure('media_denied', 'Permission denied'))).toBe(false);
  });
});
