/**
 * A camera that shows one colour and a microphone that plays one tone, in place of the machine's own.
 * Everything behind them (encoders, transport, decoders, the page) is the real thing.
 */
import type { Signature } from '../support/signature.ts';
import { paintTick } from './tick.ts';

const WIDTH = 320;
const HEIGHT = 180;
/** Few, because four browsers and a server share two cores. */
const FRAMES_PER_SECOND = 10;

/** What asking for a device comes to. */
export type DeviceBehaviour = 'granted' | 'refused' | 'missing';

/** Replaces what `navigator.mediaDevices` gives out. A shared screen shows the colour of `screen`. */
export function installDevices(signature: Signature, screen: Signature, behaviour: DeviceBehaviour): void {
  const devices = behaviour === 'missing' ? [] : [device('videoinput'), device('audioinput')];
  navigator.mediaDevices.enumerateDevices = () => Promise.resolve(devices);
  navigator.mediaDevices.getUserMedia = (constraints) => {
    if (behaviour === 'refused') return Promise.reject(new DOMException('Permission denied', 'NotAllowedError'));
    if (behaviour === 'missing') return Promise.reject(new DOMException('Requested device not found', 'NotFoundError'));
    return Promise.resolve(syntheticStream(signature, constraints));
  };
  const { permissions } = navigator;
  const query = permissions.query.bind(permissions);
  permissions.query = async (asked) => {
    const isDevice = ['camera', 'microphone'].includes(asked.name);
    return isDevice && behaviour === 'refused' ? ({ state: 'denied' } as PermissionStatus) : query(asked);
  };
  navigator.mediaDevices.getDisplayMedia = () => Promise.resolve(syntheticStream(screen, { video: true }));
}

/** A stream with the tracks that the constraints ask for. */
export function syntheticStream(signature: Signature, constraints: MediaStreamConstraints = {}): MediaStream {
  const stream = new MediaStream();
  if (constraints.video) stream.addTrack(cameraTrack(signature.colour));
  if (constraints.audio) stream.addTrack(microphoneTrack(signature.tone));
  return stream;
}

function device(kind: 'audioinput' | 'videoinput'): MediaDeviceInfo {
  const label = kind === 'videoinput' ? 'Coloured camera' : 'Humming microphone';
  const info = { deviceId: `synthetic-${kind}`, groupId: 'synthetic', kind, label };
  return { ...info, toJSON: () => info };
}

function cameraTrack(colour: Signature['colour']): MediaStreamTrack {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null) throw new Error('this browser has no canvas');
  const paint = () => {
    context.fillStyle = `rgb(${colour.join(' ')})`;
    context.fillRect(0, 0, WIDTH, HEIGHT);
    paintTick(context);
  };
  paint();
  const [track] = canvas.captureStream(FRAMES_PER_SECOND).getVideoTracks();
  if (track === undefined) throw new Error('the canvas gave no video track');
  // A timer and not requestAnimationFrame: several pages share a screen that shows one of them.
  const timer = setInterval(() => {
    if (track.readyState === 'ended') clearInterval(timer);
    else paint();
  }, 1000 / FRAMES_PER_SECOND);
  return track;
}

let audio: AudioContext | undefined;

function microphoneTrack(tone: number): MediaStreamTrack {
  audio ??= new AudioContext({ sampleRate: 48_000 });
  void audio.resume();
  const oscillator = new OscillatorNode(audio, { frequency: tone });
  const gain = new GainNode(audio, { gain: 0.4 });
  const destination = new MediaStreamAudioDestinationNode(audio, { channelCount: 1 });
  oscillator.connect(gain).connect(destination);
  oscillator.start();
  const [track] = destination.stream.getAudioTracks();
  if (track === undefined) throw new Error('the audio graph gave no track');
  return track;
}
