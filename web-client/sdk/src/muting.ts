/** Muting and unmuting what we publish, and changing the device behind it. */

import type { DeviceSource } from './media/device-choice.ts';
import { isOurs, type CaptureOptions } from './media/devices.ts';
import type { TrackSource } from './protocol.gen.ts';
import type { LocalTrackPublication } from './publication.ts';
import type { Publisher } from './publisher.ts';

export interface MutingHost {
  openDevice(source: DeviceSource, asked: CaptureOptions): Promise<MediaStreamTrack>;
  changed(publication: LocalTrackPublication): void;
  /** The publication goes on with this track. */
  replaced(publication: LocalTrackPublication, media: MediaStreamTrack): void;
}

export class Muting {
  readonly #host: MutingHost;
  readonly #publisher: Publisher;

  constructor(host: MutingHost, publisher: Publisher) {
    this.#host = host;
    this.#publisher = publisher;
  }

  /** Silent and dark here first: what the server says to it comes second. */
  async mute(publication: LocalTrackPublication): Promise<void> {
    if (publication.muted) return;
    const rested = this.silence(publication);
    this.#set(publication, true);
    // The camera's light goes out, also while the server cannot be told.
    await Promise.all([rested, this.#publisher.tell(publication, true)]);
  }

  /** Nothing more comes from here; a camera that we opened is switched off. */
  async silence(publication: LocalTrackPublication): Promise<void> {
    const media = publication.track.mediaStreamTrack;
    media.enabled = false;
    if (publication.source === 'camera' && isOurs(media)) await this.#rest(publication);
  }

  /** Counts as unmuted when the server has said yes: nobody is to believe that they are heard too early. */
  async unmute(publication: LocalTrackPublication, options: CaptureOptions = {}): Promise<void> {
    if (!publication.muted) return;
    const { source, track } = publication;
    const opens = !isLive(publication) && isDeviceSource(source);
    if (opens) await this.swap(publication, await this.#host.openDevice(source, options));
    try {
      track.mediaStreamTrack.enabled = true;
      await this.#publisher.tell(publication, false);
    } catch (error) {
      track.mediaStreamTrack.enabled = false;
      if (opens) await this.#rest(publication);
      throw error;
    }
    // The room's own word may have come before the reply, and been told.
    if (publication.muted) this.#set(publication, false);
  }

  /** Goes on with another browser track; the old one is stopped. */
  async swap(publication: LocalTrackPublication, media: MediaStreamTrack): Promise<void> {
    const old = publication.track.mediaStreamTrack;
    media.enabled = !publication.muted;
    publication.track.replace(media);
    this.#host.replaced(publication, media);
    old.stop();
    await this.#publisher.send(publication, media);
  }

  /** Switches the device off but keeps the publication. */
  async #rest(publication: LocalTrackPublication): Promise<void> {
    publication.track.mediaStreamTrack.stop();
    await this.#publisher.send(publication, null);
  }

  #set(publication: LocalTrackPublication, muted: boolean): void {
    publication.update({ muted });
    this.#host.changed(publication);
  }
}

/** Whether there is something behind the publication that could be sent. */
export function isLive(publication: LocalTrackPublication): boolean {
  return publication.track.mediaStreamTrack.readyState === 'live';
}

/** Whether the source is opened by device. */
export function isDeviceSource(source: TrackSource): source is DeviceSource {
  return source === 'camera' || source === 'microphone';
}
