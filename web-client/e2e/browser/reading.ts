/** Reads, from what the browser has decoded, whose picture and whose tone it is. */
import { readTick } from './tick.ts';

/** What a video element shows at this moment. */
export interface Picture {
  /** The mean colour of the middle of the picture: red, green, blue from 0 to 255. */
  readonly colour: readonly number[];
  /** The clock in the picture; it stands still when the video does. */
  readonly tick: number;
  readonly width: number;
  readonly height: number;
}

const canvas = document.createElement('canvas');
canvas.width = 96;
canvas.height = 54;

/** Reads the decoded picture; nothing when there is none yet. */
export function readPicture(video: HTMLVideoElement): Picture | undefined {
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  if (context === null || video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return undefined;
  context.drawImage(video, 0, 0, canvas.width, canvas.height);
  const [x, y, width, height] = [24, 8, 48, 24];
  const pixels = context.getImageData(x, y, width, height).data;
  const colour = [0, 1, 2].map((channel) => {
    let sum = 0;
    for (let index = channel; index < pixels.length; index += 4) sum += pixels[index] ?? 0;
    return Math.round(sum / (pixels.length / 4));
  });
  return { colour, tick: readTick(context), width: video.videoWidth, height: video.videoHeight };
}

/** Below this the loudest frequency is noise: decibels of full scale. */
const SILENCE = -70;

interface Listener {
  readonly stream: MediaStream;
  readonly analyser: AnalyserNode;
}

let context: AudioContext | undefined;
const listeners = new WeakMap<HTMLMediaElement, Listener>();

/** The loudest frequency in hertz of the decoded audio that the element plays; nothing when it is silent. */
export async function readTone(element: HTMLMediaElement): Promise<number | undefined> {
  if (!(element.srcObject instanceof MediaStream) || element.srcObject.getAudioTracks().length === 0) return undefined;
  if (element.paused || element.muted || element.volume === 0) return undefined;
  const analyser = await listen(element, element.srcObject);
  const spectrum = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(spectrum);
  const peak = spectrum.reduce((best, level, bin) => (level > (spectrum[best] ?? -Infinity) ? bin : best), 0);
  const level = spectrum[peak] ?? -Infinity;
  if (!(level > SILENCE)) return undefined;
  // The peak of a parabola through the three highest bins lies closer to the truth than the bin itself.
  const [left, right] = [spectrum[peak - 1] ?? level, spectrum[peak + 1] ?? level];
  const curve = left - 2 * level + right;
  const shift = curve === 0 ? 0 : (left - right) / (2 * curve);
  return ((peak + shift) * analyser.context.sampleRate) / analyser.fftSize;
}

async function listen(element: HTMLMediaElement, stream: MediaStream): Promise<AnalyserNode> {
  const known = listeners.get(element);
  if (known?.stream === stream) return known.analyser;
  context ??= new AudioContext({ sampleRate: 48_000 });
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(stream).connect(analyser);
  listeners.set(element, { stream, analyser });
  // The window must have filled with what is heard from here on.
  await new Promise((resolve) => setTimeout(resolve, 400));
  return analyser;
}
