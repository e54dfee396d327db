/** Notices that somebody speaks into their muted microphone, while its device is still open. Nothing is sent. */

import { AudioMeter } from './speakers.ts';

/** Linear level from which it is a voice close by, not somebody else in the room. */
const THRESHOLD = 0.03;
/** Looks in a row that make it speech and not a cough. */
const LOOKS = 3;
/** Milliseconds until it is told again. */
const QUIET = 30_000;

export class MutedVoice {
  readonly #spoke: () => void;
  #track: MediaStreamTrack | undefined;
  /** The muted track gives silence; a twin of it does not. */
  #twin: MediaStreamTrack | undefined;
  #meter: AudioMeter | undefined;
  #loud = 0;
  #toldAt = -Infinity;

  constructor(spoke: () => void) {
    this.#spoke = spoke;
  }

  /** One look at `now` (`performance.now()`); `track` is the muted microphone's, if it is open. */
  look(track: MediaStreamTrack | undefined, now: number): void {
    if (track !== this.#track) this.#listen(track);
    this.#loud = this.#meter && this.#meter.level >= THRESHOLD ? this.#loud + 1 : 0;
    if (this.#loud < LOOKS || now - this.#toldAt < QUIET) return;
    this.#toldAt = now;
    this.#spoke();
  }

  #listen(track: MediaStreamTrack | undefined): void {
    this.#meter?.close();
    this.#twin?.stop();
    this.#meter = this.#twin = undefined;
    this.#track = track;
    if (!track) return;
    this.#twin = track.clone();
    this.#twin.enabled = true;
    this.#meter = new AudioMeter(this.#twin);
  }
}
