import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { DeviceChoice } from '../src/media/device-choice.ts';
import { canShareScreen, listDevices, mediaError, openCamera, openMicrophone } from '../src/media/devices.ts';
import { FakeMediaStream, FakeTrack } from './fakes/webrtc.ts';

/** What was asked of the browser. */
let asked: MediaStreamConstraints[];
/** What the browser does; a track of the right kind unless told otherwise. */
let browser: (constraints: MediaStreamConstraints) => FakeMediaStream;

const fault = (name: string, more: object = {}): Error => Object.assign(new Error(name), { name }, more);

beforeEach(() => {
  asked = [];
  browser = (constraints) => new FakeMediaStream([new FakeTrack(constraints.audio ? 'audio' : 'video')]);
  const getUserMedia = async (constraints: MediaStreamConstraints): Promise<FakeMediaStream> => {
    asked.push(constraints);
    await Promise.resolve();
    return browser(constraints);
  };
  const enumerateDevices = (): Promise<object[]> =>
    Promise.resolve([
      { kind: 'audioinput', deviceId: 'mic', label: 'Microphone' },
      { kind: 'videoinput', deviceId: '', label: '' },
    ]);
  vi.stubGlobal('navigator', { mediaDevices: { getUserMedia, enumerateDevices } });
  vi.stubGlobal('document', {});
});

afterEach(() => vi.unstubAllGlobals());

test.each([
  ['NotAllowedError', {}, 'media_denied'],
  ['SecurityError', {}, 'media_blocked_by_policy'],
  ['NotFoundError', {}, 'media_missing'],
  ['NotReadableError', {}, 'media_in_use'],
  ['AbortError', {}, 'media_in_use'],
  ['OverconstrainedError', { constraint: 'deviceId' }, 'media_missing'],
  ['OverconstrainedError', { constraint: 'width' }, 'media_unsuitable'],
  ['TypeError', {}, 'media_failed'],
])('%s %o is %s', async (name, more, code) => {
  browser = () => {
    throw fault(name, more);
  };
  await expect(openCamera()).rejects.toMatchObject({ code });
  expect(mediaError(fault(name, more), 'camera').hint).not.toBe('');
});

test('a refusal by the embedding page’s policy is told apart from the person’s', () => {
  vi.stubGlobal('document', { featurePolicy: { allowsFeature: (name: string) => name !== 'camera' } });
  expect(mediaError(fault('NotAllowedError'), 'camera').code).toBe('media_blocked_by_policy');
  expect(mediaError(fault('NotAllowedError'), 'microphone').code).toBe('media_denied');
});

test('a page over plain http is told so', async () => {
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('isSecureContext', false);
  await expect(listDevices('audioinput')).rejects.toMatchObject({ code: 'media_insecure_context' });
  vi.stubGlobal('isSecureContext', true);
  await expect(listDevices('audioinput')).rejects.toMatchObject({ code: 'unsupported' });
  expect(canShareScreen()).toBe(false);
});

test('nameless devices are not listed', async () => {
  expect(await listDevices('audioinput')).toHaveLength(1);
  expect(await listDevices('videoinput')).toEqual([]);
});

test('echo cancellation is on unless the page says otherwise', async () => {
  await openMicrophone();
  await openMicrophone({ deviceId: 'mic', constraints: { echoCancellation: false } });
  expect(asked[0]!.audio).toMatchObject({ echoCancellation: true, noiseSuppression: true });
  expect(asked[1]!.audio).toMatchObject({ echoCancellation: false, deviceId: { exact: 'mic' } });
});

test('the device that was asked for is the chosen one from then on', async () => {
  const choice = new DeviceChoice({ camera: { width: 320 } });
  await choice.open('camera', { deviceId: 'front' });
  await choice.open('camera', {});
  expect(asked.map(({ video }) => video)).toMatchObject([
    { deviceId: { exact: 'front' }, width: 320 },
    { deviceId: { exact: 'front' }, width: 320 },
  ]);
});

test('a chosen device that is gone gives way to another, one asked for by name does not', async () => {
  const choice = new DeviceChoice({});
  choice.choose('camera', 'gone');
  browser = ({ video }) => {
    if (typeof video === 'object' && video.deviceId) throw fault('OverconstrainedError', { constraint: 'deviceId' });
    return new FakeMediaStream([new FakeTrack('video')]);
  };
  expect((await choice.open('camera', {})).kind).toBe('video');
  expect(choice.chosen('camera')).toBe('gone');
  await expect(choice.open('camera', { deviceId: 'other' })).rejects.toMatchObject({ code: 'media_missing' });
  expect(choice.chosen('camera')).toBe('gone');
});
