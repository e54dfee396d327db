/**
 * Cameras, microphones and screens, and plain words when one cannot be had. Nothing is remembered
 * here: which device a person prefers is the page's business.
 */

import { OrielError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { TrackSource } from '../protocol.gen.ts';

export interface CaptureOptions {
  /** This very device; the browser's choice by default. */
  deviceId?: string;
  /** More wishes, over the usual ones (echo cancellation, noise suppression; 1280x720 at 30). */
  constraints?: MediaTrackConstraints;
}

/** What this module has opened, and the package therefore also stops. */
const opened = new WeakSet<MediaStreamTrack>();

/** Whether the track came from here, not from the page's own sources (a canvas, a file). */
export function isOurs(track: MediaStreamTrack): boolean {
  return opened.has(track);
}

/** The machine's devices of a kind. Labels are empty until a permission was given. */
export async function listDevices(kind: MediaDeviceKind): Promise<MediaDeviceInfo[]> {
  const devices = await mediaDevices().enumerateDevices();
  // Before a permission, browsers list one nameless device for "there are some".
  return devices.filter((device) => device.kind === kind && device.deviceId !== '');
}

/** A microphone: for a preview before joining, or to publish. Errors are `media_*` codes. */
export function openMicrophone(options: CaptureOptions = {}): Promise<MediaStreamTrack> {
  const usual = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  return open('microphone', { audio: wishes(usual, options) });
}

/** A camera: for a preview before joining, or to publish. Errors are `media_*` codes. */
export function openCamera(options: CaptureOptions = {}): Promise<MediaStreamTrack> {
  const usual = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
  return open('camera', { video: wishes(usual, options) });
}

/** Whether this browser can share a screen. */
export function canShareScreen(): boolean {
  return typeof globalThis.navigator?.mediaDevices?.getDisplayMedia === 'function';
}

/** Lets the person choose a screen, window or tab. The sound comes only where browser and choice have it. */
export async function openScreen(withAudio: boolean): Promise<{ video: MediaStreamTrack; audio?: MediaStreamTrack }> {
  const devices = mediaDevices();
  if (!canShareScreen()) throw new OrielError('unsupported', 'This browser cannot share a screen.');
  const constraints = {
    video: { frameRate: { ideal: 30, max: 30 } },
    audio: withAudio && { suppressLocalAudioPlayback: false },
    // Not yet in every browser; unknown members are ignored.
    systemAudio: withAudio ? 'include' : 'exclude',
    surfaceSwitching: 'include',
  };
  try {
    const stream = await devices.getDisplayMedia(constraints as DisplayMediaStreamOptions);
    for (const track of stream.getTracks()) opened.add(track);
    const [video] = stream.getVideoTracks();
    const [audio] = stream.getAudioTracks();
    if (!video) throw new OrielError('media_failed', 'The browser shared a screen without a picture.');
    return audio ? { video, audio } : { video };
  } catch (error) {
    throw mediaError(error, 'screen_share');
  }
}

/** Opens what can be published as `source` by device. */
export function openDevice(source: 'camera' | 'microphone', options: CaptureOptions): Promise<MediaStreamTrack> {
  return source === 'camera' ? openCamera(options) : openMicrophone(options);
}

function wishes(usual: MediaTrackConstraints, { deviceId, constraints }: CaptureOptions): MediaTrackConstraints {
  return { ...usual, ...constraints, ...(deviceId ? { deviceId: { exact: deviceId } } : {}) };
}

async function open(source: TrackSource, constraints: MediaStreamConstraints): Promise<MediaStreamTrack> {
  const devices = mediaDevices();
  try {
    const stream = await devices.getUserMedia(constraints);
    const [track] = stream.getTracks();
    if (!track) throw new OrielError('media_failed', 'The browser gave no track.');
    opened.add(track);
    return track;
  } catch (error) {
    throw mediaError(error, source);
  }
}

function mediaDevices(): MediaDevices {
  const devices = globalThis.navigator?.mediaDevices as MediaDevices | undefined;
  if (devices) return devices;
  // Browsers hide the whole interface from pages that did not come over https or from this machine.
  if (globalThis.isSecureContext === false) {
    throw new OrielError('media_insecure_context', 'Camera and microphone need a page that came over https.');
  }
  throw new OrielError('unsupported', 'This browser gives no access to camera and microphone.');
}

const NAMES: Readonly<Record<TrackSource, string>> = {
  camera: 'camera',
  microphone: 'microphone',
  screen_share: 'screen',
  screen_share_audio: 'sound of the screen',
};

/** What a rejected capture means, in our words. */
export function mediaError(cause: unknown, source: TrackSource): OrielError {
  if (cause instanceof OrielError) return cause;
  const { name = '', constraint } = (cause ?? {}) as { name?: string; constraint?: string };
  const device = NAMES[source];
  const say = (code: ErrorCode, message: string): OrielError => new OrielError(code, message, { cause });
  switch (name) {
    case 'NotAllowedError':
      if (isBlockedByPolicy(source)) return say('media_blocked_by_policy', `This page may not use the ${device}.`);
      return say('media_denied', `The permission to use the ${device} was not given.`);
    case 'SecurityError':
      return say('media_blocked_by_policy', `This page may not use the ${device}.`);
    case 'NotFoundError':
      return say('media_missing', `There is no ${device}.`);
    case 'OverconstrainedError':
      if (constraint === 'deviceId') return say('media_missing', `The chosen ${device} is not there.`);
      return say('media_unsuitable', `No ${device} can do what was asked (${constraint ?? 'constraints'}).`);
    case 'NotReadableError':
    case 'AbortError':
      return say('media_in_use', `The ${device} could not be started; another program may be using it.`);
    default:
      return say('media_failed', `The ${device} could not be opened.`);
  }
}

/** The embedding page's or the server's policy; only Chromium lets a page ask. */
function isBlockedByPolicy(source: TrackSource): boolean {
  const feature = source === 'camera' ? 'camera' : source === 'microphone' ? 'microphone' : 'display-capture';
  const { featurePolicy } = globalThis.document as { featurePolicy?: { allowsFeature(name: string): boolean } };
  return featurePolicy?.allowsFeature(feature) === false;
}
