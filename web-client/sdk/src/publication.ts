/** What a participant has published: the room's knowledge of a track, whether it flows or not. */

import type { LocalTrack, RemoteTrack, Track } from './track.ts';
import type { MediaKind, TrackInfo, TrackSource } from './protocol.gen.ts';

/** A published track as the room knows it. */
export abstract class TrackPublication {
  #info: TrackInfo;

  constructor(info: TrackInfo) {
    this.#info = info;
  }

  /** `TR_…`. A local publication gets a new one when it has to be published again. */
  get id(): string {
    return this.#info.id;
  }

  get kind(): MediaKind {
    return this.#info.kind;
  }

  get source(): TrackSource {
    return this.#info.source;
  }

  /** A label for people; may be empty. */
  get name(): string {
    return this.#info.name;
  }

  get muted(): boolean {
    return this.#info.muted;
  }

  /** The media, if there is any here. */
  abstract get track(): Track | undefined;

  /** @internal */
  update(change: Partial<TrackInfo>): void {
    this.#info = { ...this.#info, ...change };
  }
}

/** Asks the server for a track, or for its end. */
export type SubscribeSwitch = (publication: RemoteTrackPublication, wanted: boolean) => Promise<void>;

/** What somebody else has published. */
export class RemoteTrackPublication extends TrackPublication {
  readonly #switch: SubscribeSwitch;
  #track: RemoteTrack | undefined;
  #wanted: boolean | undefined;

  /** @internal */
  constructor(info: TrackInfo, subscribeSwitch: SubscribeSwitch) {
    super(info);
    this.#switch = subscribeSwitch;
  }

  /** There while the track flows to us. */
  override get track(): RemoteTrack | undefined {
    return this.#track;
  }

  /** What was asked for with `setSubscribed`; undefined while it is as `autoSubscribe` says. */
  get wanted(): boolean | undefined {
    return this.#wanted;
  }

  /** Asks for the track, or for its end. Whether it flows is told by `trackSubscribed` and `trackUnsubscribed`. */
  async setSubscribed(wanted: boolean): Promise<void> {
    const before = this.#wanted;
    this.#wanted = wanted;
    try {
      await this.#switch(this, wanted);
    } catch (error) {
      if (this.#wanted === wanted) this.#wanted = before;
      throw error;
    }
  }

  /** @internal */
  setTrack(track: RemoteTrack | undefined): void {
    this.#track = track;
  }
}

/** Mutes and unmutes, after whatever is still being done with the same source. */
export interface MuteSwitch {
  setMuted(publication: LocalTrackPublication, muted: boolean): Promise<void>;
}

/** What we have published. */
export class LocalTrackPublication extends TrackPublication {
  override readonly track: LocalTrack;
  /** @internal Bits per second at most; undefined for the value by source. */
  readonly maxBitrate: number | undefined;
  readonly #switch: MuteSwitch;

  /** @internal */
  constructor(info: TrackInfo, track: LocalTrack, muteSwitch: MuteSwitch, maxBitrate?: number) {
    super(info);
    this.track = track;
    this.maxBitrate = maxBitrate;
    this.#switch = muteSwitch;
  }

  /** Nothing more is sent. A camera that we opened is switched off, so its light goes out. */
  mute(): Promise<void> {
    return this.#switch.setMuted(this, true);
  }

  /** Sends again; a camera is opened again, which may fail like the first time. */
  unmute(): Promise<void> {
    return this.#switch.setMuted(this, false);
  }
}
