/**
 * Our publications on the peer connection of the moment: one may fail at any step, and the next one gets
 * what is published then.
 */

import type { Media, Published } from './connection/media.ts';
import type { Replies, RequestOf, RequestType } from './transport/transport.ts';
import type { LocalTrackPublication } from './publication.ts';

/** The way to the server. */
export interface Server {
  /** Asks, waiting through an interruption. Rejects with `not_connected` outside of a room. */
  request<T extends RequestType>(request: RequestOf<T>): Promise<Replies[T]>;
  /** The peer connection, when the server can be asked for something; rejects like `request`. */
  reachable(): Promise<Media>;
}

export class Publisher {
  readonly #server: Server;
  /** What each publication is on the newest peer connection that it was given to. */
  readonly #published = new WeakMap<LocalTrackPublication, { media: Media; done: Promise<Published> }>();

  constructor(server: Server) {
    this.#server = server;
  }

  /** Publishes for the first time; gives the publication its id. */
  async publish(publication: LocalTrackPublication): Promise<void> {
    for (;;) {
      const media = await this.#server.reachable();
      try {
        await this.republish(publication, media);
        return;
      } catch (error) {
        // Failed on the way: the next peer connection gets it.
        if (!media.isOver) throw error;
      }
    }
  }

  /** Publishes on another peer connection what was published on an older one. */
  async republish(publication: LocalTrackPublication, media: Media): Promise<void> {
    const { kind, source, name, muted, maxBitrate, track } = publication;
    const live = track.mediaStreamTrack.readyState === 'live' ? track.mediaStreamTrack : null;
    const done = media.publish({ media: live, kind, source, maxBitrate }, name, muted);
    this.#published.set(publication, { media, done });
    publication.update({ id: (await done).info.id });
  }

  async unpublish(publication: LocalTrackPublication): Promise<void> {
    const published = await this.#here(publication);
    if (published) await this.#published.get(publication)?.media.unpublish(published);
  }

  /** Says to the server what is muted. */
  async tell(publication: LocalTrackPublication, muted: boolean): Promise<void> {
    const media = await this.#server.reachable();
    const published = await this.#here(publication);
    if (!published) return;
    try {
      await this.#server.request<'mute'>({ type: 'mute', track: published.info.id, muted });
    } catch (error) {
      // The next peer connection learns it at publishing.
      if (!media.isOver) throw error;
    }
  }

  /** Sends another browser track, or none. */
  async send(publication: LocalTrackPublication, media: MediaStreamTrack | null): Promise<void> {
    const published = await this.#here(publication);
    // Rejects only on a closed connection; the next one sends what is there then.
    await published?.transceiver.sender.replaceTrack(media).catch(() => {});
  }

  /** Undefined when it could not be published: then it is nowhere, and whoever published it knows. */
  async #here(publication: LocalTrackPublication): Promise<Published | undefined> {
    return this.#published.get(publication)?.done.catch(() => undefined);
  }
}
