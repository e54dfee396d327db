/** How loud a microphone is, for a meter. */

/** Below this the meter shows nothing: room noise. In decibels of full scale. */
const FLOOR = -58;
/** Here the meter is full: a loud voice close by. */
const CEILING = -14;

/** Samples as a place on the meter, 0 to 1. */
export function meterLevel(samples: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < samples.length; index += 1) {
    const sample = samples[index] ?? 0;
    sum += sample * sample;
  }
  if (sum === 0) return 0;
  const decibels = 10 * Math.log10(sum / samples.length);
  return Math.min(1, Math.max(0, (decibels - FLOOR) / (CEILING - FLOOR)));
}

/** Measures one audio track until it is closed. It does not play the track, nor stop it. */
export class LevelMeter {
  readonly #context = new AudioContext();
  readonly #analyser = this.#context.createAnalyser();
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(track: MediaStreamTrack) {
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(this.#analyser);
  }

  /** How loud it is now, 0 to 1; 0 while the browser has not allowed sound yet. */
  read(): number {
    // A page that nobody has touched starts suspended; a later read is tried after a click.
    if (this.#context.state === 'suspended') void this.#context.resume().catch(() => undefined);
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return meterLevel(this.#samples);
  }

  /** Ends the measuring. */
  close(): void {
    void this.#context.close();
  }
}
