/**
 * Our publications in the session of the moment: a session may be lost at any step, and the next one
 * gets what is published then.
 */

import type { Published, Session } from './connection/session.ts';
import type { LocalTrackPublication } from './publication.ts';

/** Where sessions come from. */
export interface SessionSource {
  /** The session, waiting through an interruption; rejects with `not_connected` outside of a room. */
  session(): Promise<Session>;
  /** The session, if there is one this moment. */
  currentSession(): Session | undefined;
}

export class Publisher {
  readonly #source: SessionSource;
  /** What each publication is in the newest session that it was given to. */
  readonly #published = new WeakMap<LocalTrackPublication, Promise<Published>>();

  constructor(source: SessionSource) {
    this.#source = source;
  }

  /** Publishes for the first time; gives the publication its id. */
  async publish(publication: LocalTrackPublication): Promise<void> {
    for (;;) {
      const session = await this.#source.session();
      try {
        await this.republish(publication, session);
        return;
      } catch (error) {
        // Lost on the way: the next session gets it.
        if (!session.isOver) throw error;
      }
    }
  }

  /** Publishes in a new session what was published in an older one. */
  async republish(publication: LocalTrackPublication, session: Session): Promise<void> {
    const { kind, source, name, muted, maxBitrate, track } = publication;
    const media = track.mediaStreamTrack.readyState === 'live' ? track.mediaStreamTrack : null;
    const published = session.publish({ media, kind, source, maxBitrate }, name, muted);
    this.#published.set(publication, published);
    publication.update({ id: (await published).info.id });
  }

  async unpublish(publication: LocalTrackPublication): Promise<void> {
    const published = await this.#here(publication);
    if (published) await this.#source.currentSession()?.unpublish(published);
  }

  /** Says to the server what is muted; without a session the next one learns it at publishing. */
  async tell(publication: LocalTrackPublication, muted: boolean): Promise<void> {
    const published = await this.#here(publication);
    if (!published) return;
    await this.#source.currentSession()?.request<'mute'>({ type: 'mute', track: published.info.id, muted });
  }

  /** Sends another browser track, or none. */
  async send(publication: LocalTrackPublication, media: MediaStreamTrack | null): Promise<void> {
    const published = await this.#here(publication);
    // Rejects only on a closed connection; the next session sends what is there then.
    await published?.transceiver.sender.replaceTrack(media).catch(() => {});
  }

  /** Undefined when it could not be published: then it is nowhere, and whoever published it knows. */
  async #here(publication: LocalTrackPublication): Promise<Published | undefined> {
    return this.#published.get(publication)?.catch(() => undefined);
  }
}
