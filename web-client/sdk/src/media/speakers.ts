/** Who speaks, from audio levels read here; nothing is asked of the server. */

import type { Participant } from '../participant.ts';

/** Milliseconds between two looks. */
const INTERVAL = 200;
/** Milliseconds that somebody counts as speaking after the last sound: pauses between words are shorter. */
const HOLD = 500;
/** Linear level (0 to 1) from which sound counts as speech: about -36 dBov. */
const THRESHOLD = 0.016;
/** Milliseconds after which a received level says nothing about now. */
const STALE = 500;

/** Everybody in the room with the level of their microphone now, 0 to 1. */
export type Levels = Iterable<readonly [participant: Participant, level: number]>;

export class SpeakerWatch {
  readonly #levels: () => Levels;
  readonly #changed: (speakers: Participant[]) => void;
  readonly #heard = new Map<Participant, number>();
  #speakers: Participant[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  /** `changed` is told who speaks, loudest first, when somebody begins or ends. */
  constructor(levels: () => Levels, changed: (speakers: Participant[]) => void) {
    this.#levels = levels;
    this.#changed = changed;
  }

  get speakers(): readonly Participant[] {
    return this.#speakers;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(performance.now()), INTERVAL);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#heard.clear();
    this.#set([]);
  }

  /** @internal One look at the levels at `now` (`performance.now()`). */
  look(now: number): void {
    const present = new Set<Participant>();
    for (const [participant, level] of this.#levels()) {
      present.add(participant);
      if (level >= THRESHOLD) this.#heard.set(participant, now);
      const isSpeaking = now - (this.#heard.get(participant) ?? -Infinity) < HOLD;
      if (!isSpeaking) this.#heard.delete(participant);
      participant.setAudio(level, isSpeaking);
    }
    for (const participant of this.#heard.keys()) {
      if (!present.has(participant)) this.#heard.delete(participant);
    }
    this.#set([...this.#heard.keys()].sort((a, b) => b.audioLevel - a.audioLevel));
  }

  #set(speakers: Participant[]): void {
    const before = this.#speakers;
    this.#speakers = speakers;
    // Who is louder than whom changes all the time; that alone is no news.
    const same = speakers.length === before.length && speakers.every((one) => before.includes(one));
    for (const one of before) if (!speakers.includes(one)) one.setAudio(one.audioLevel, false);
    if (!same) this.#changed([...speakers]);
  }
}

/** The level of a received track, 0 to 1: the header extension's (RFC 6464) or the browser's own measure. */
export function receivedLevel(receiver: RTCRtpReceiver): number {
  const newest = receiver.getSynchronizationSources()[0];
  // The last level stays readable for ten seconds after the sound has ended.
  if (!newest || performance.timeOrigin + performance.now() - newest.timestamp > STALE) return 0;
  return newest.audioLevel ?? 0;
}

/** The level of whatever microphone is in use now: one meter at a time. */
export class LocalLevel {
  #track: MediaStreamTrack | undefined;
  #meter: AudioMeter | undefined;

  /** 0 without a track. */
  of(track: MediaStreamTrack | undefined): number {
    if (track !== this.#track) {
      this.#meter?.close();
      this.#track = track;
      this.#meter = track && new AudioMeter(track);
    }
    return this.#meter?.level ?? 0;
  }
}

/** Measures the level of a microphone of our own, for a meter before joining or while talking. */
export class AudioMeter {
  readonly #context: AudioContext;
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;

  constructor(track: MediaStreamTrack) {
    this.#context = new AudioContext();
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(this.#analyser);
    // Without a click the context may be held back; the level is then 0 and nothing else is lost.
    void this.#context.resume().catch(() => {});
  }

  /** Loudness of the last 20 milliseconds, 0 to 1 (root mean square). */
  get level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    return Math.min(1, Math.sqrt(sum / this.#samples.length));
  }

  close(): void {
    void this.#context.close().catch(() => {});
  }
}
