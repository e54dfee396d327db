/** Ourselves in the room: devices, what is published of them, and muting. */

import type { Media } from './connection/media.ts';
import { OrielError } from './errors.ts';
import type { RoomEvents, TypedEmitter } from './events.ts';
import type { DeviceSource } from './media/device-choice.ts';
import { isOurs, openScreen, type CaptureOptions } from './media/devices.ts';
import { isDeviceSource, isLive, Muting } from './muting.ts';
import { Participant } from './participant.ts';
import type { GrantsInfo, MediaKind, TrackSource } from './protocol.gen.ts';
import { LocalTrackPublication, type TrackPublication } from './publication.ts';
import { Publisher, type Server } from './publisher.ts';
import { LocalTrack } from './track.ts';

export interface PublishOptions {
  source: TrackSource;
  /** A label for people. */
  name?: string;
  /** Published in the muted state. */
  muted?: boolean;
  /** Bits per second at most; a sensible value by source and size by default. */
  maxBitrate?: number;
}

/** What the local participant needs of its room. */
export interface LocalHost extends Server {
  readonly emitter: TypedEmitter<RoomEvents>;
  /** Opens the device asked for, or the one chosen for the room. */
  openDevice(source: DeviceSource, asked: CaptureOptions): Promise<MediaStreamTrack>;
}

const NOTHING: GrantsInfo = {
  can_publish: [],
  can_subscribe: false,
  can_publish_data: false,
  can_update_own_metadata: false,
};

export class LocalParticipant extends Participant<LocalTrackPublication> {
  readonly isLocal = true;
  readonly #host: LocalHost;
  #grants = NOTHING;
  readonly #publisher: Publisher;
  /** The last step of each source: steps of one source never overlap, so the last call wins. */
  readonly #steps = new Map<TrackSource, Promise<unknown>>();
  readonly #muting: Muting;
  /** What a publication's own `mute` and `unmute` do. */
  readonly #switch = {
    setMuted: (publication: LocalTrackPublication, muted: boolean) =>
      this.#step(publication.source, () =>
        muted ? this.#muting.mute(publication) : this.#muting.unmute(publication),
      ),
  };

  /** @internal */
  constructor(host: LocalHost) {
    super();
    this.#host = host;
    this.#publisher = new Publisher(host);
    this.#muting = new Muting(
      {
        openDevice: (source, asked) => host.openDevice(source, asked),
        changed: (publication) => {
          host.emitter.emit(publication.muted ? 'trackMuted' : 'trackUnmuted', publication, this);
        },
        replaced: (publication, media) => this.#watch(publication, media),
      },
      this.#publisher,
    );
  }

  /** The sources that it may publish; empty before joining. */
  get canPublish(): readonly TrackSource[] {
    return this.#grants.can_publish;
  }

  /** Whether it may chat and send data. */
  get canChat(): boolean {
    return this.#grants.can_publish_data;
  }

  /** Whether it may change its own name, metadata and attributes. */
  get canUpdateOwnMetadata(): boolean {
    return this.#grants.can_update_own_metadata;
  }

  /** Whether it may steer the room. */
  get isModerator(): boolean {
    return this.role === 'moderator';
  }

  /** Asks for attention; everybody sees the order of the hands. */
  async raiseHand(): Promise<void> {
    await this.#host.request<'hand'>({ type: 'hand', raised: true });
  }

  async lowerHand(): Promise<void> {
    await this.#host.request<'hand'>({ type: 'hand', raised: false });
  }

  /** Changes the display name. */
  async setName(name: string): Promise<void> {
    await this.#host.request<'update'>({ type: 'update', name });
  }

  /** Changes the free text. */
  async setMetadata(metadata: string): Promise<void> {
    await this.#host.request<'update'>({ type: 'update', metadata });
  }

  /** Sets these attributes; those with an empty value are taken away, all others stay. */
  async setAttributes(attributes: Record<string, string>): Promise<void> {
    await this.#host.request<'update'>({ type: 'update', attributes });
  }

  /** Opens and publishes the microphone, or unmutes it; mutes it. The device stays open. */
  setMicrophoneEnabled(enabled: boolean, options?: CaptureOptions): Promise<LocalTrackPublication | undefined> {
    return this.#step('microphone', () => this.#setDevice('microphone', enabled, options));
  }

  /** Opens and publishes the camera, or unmutes it; mutes it and switches the device off. */
  setCameraEnabled(enabled: boolean, options?: CaptureOptions): Promise<LocalTrackPublication | undefined> {
    return this.#step('camera', () => this.#setDevice('camera', enabled, options));
  }

  /** Lets the person choose a screen and publishes it, with its sound where there is any; or ends it. */
  setScreenShareEnabled(
    enabled: boolean,
    options: { audio?: boolean } = {},
  ): Promise<LocalTrackPublication | undefined> {
    return this.#step('screen_share', async () => {
      const now = this.getPublication('screen_share');
      if (!enabled) {
        await this.#endScreenShare();
        return undefined;
      }
      if (now) return now;
      this.#requireGrant('screen_share');
      const { video, audio } = await openScreen(options.audio ?? false);
      const sound = audio && this.canPublish.includes('screen_share_audio') ? audio : undefined;
      try {
        const [publication] = await Promise.all([
          this.#publish(video, { source: 'screen_share' }),
          sound && this.#publish(sound, { source: 'screen_share_audio' }),
        ]);
        return publication;
      } catch (error) {
        video.stop();
        audio?.stop();
        await this.#endScreenShare().catch(() => {});
        throw error;
      }
    });
  }

  /** Publishes any track: one from a preview, a canvas or a file. Several of one source are allowed. */
  publishTrack(track: MediaStreamTrack, options: PublishOptions): Promise<LocalTrackPublication> {
    return this.#step(options.source, () => this.#publish(track, options));
  }

  /** Ends a publication. A device that this package opened is switched off. */
  async unpublishTrack(target: MediaStreamTrack | LocalTrackPublication): Promise<void> {
    const publication = this.publications.find((one) => one === target || one.track.mediaStreamTrack === target);
    if (publication) await this.#step(publication.source, () => this.#unpublish(publication));
  }

  /** @internal Goes on with another device of the same kind, if the source is in use. */
  switchDevice(source: DeviceSource, deviceId: string): Promise<void> {
    return this.#step(source, async () => {
      const publication = this.getPublication(source);
      // One that is not ours has no device; one that rests is opened anew when it is needed.
      if (!publication || !isLive(publication) || !isOurs(publication.track.mediaStreamTrack)) return;
      await this.#muting.swap(publication, await this.#host.openDevice(source, { deviceId }));
    });
  }

  /** @internal The open device behind a muted microphone. */
  get mutedMicrophone(): MediaStreamTrack | undefined {
    const publication = this.getPublication('microphone');
    return publication?.muted && isLive(publication) ? publication.track.mediaStreamTrack : undefined;
  }

  /** @internal What it may do now: what is no longer allowed ends. */
  setGrants(grants: GrantsInfo): void {
    this.#grants = grants;
    for (const publication of this.publications) {
      if (grants.can_publish.includes(publication.source)) continue;
      this.#forget(publication);
      // The server has ended it too; only the m-line is left to be given back.
      void this.#publisher.unpublish(publication).catch(() => {});
    }
  }

  /** @internal A peer connection that nothing is published on yet. */
  publishOn(media: Media): void {
    for (const publication of this.publications) void this.#republish(publication, media);
  }

  /** @internal A moderator has muted it. False if it was muted already. */
  wasMuted(publication: TrackPublication): boolean {
    const ours = this.publications.find((one) => one === publication);
    if (!ours || ours.muted) return false;
    ours.update({ muted: true });
    void this.#muting.silence(ours);
    return true;
  }

  /** @internal Out of the room for good: everything is ended, devices are switched off. */
  leave(): void {
    for (const publication of this.publications) this.#forget(publication);
    this.#grants = NOTHING;
  }

  async #setDevice(
    source: DeviceSource,
    enabled: boolean,
    options: CaptureOptions = {},
  ): Promise<LocalTrackPublication | undefined> {
    const publication = this.getPublication(source);
    if (publication) {
      if (enabled) await this.#muting.unmute(publication, options);
      else await this.#muting.mute(publication);
      return publication;
    }
    if (!enabled) return undefined;
    await this.#host.reachable();
    this.#requireGrant(source);
    const media = await this.#host.openDevice(source, options);
    try {
      return await this.#publish(media, { source });
    } catch (error) {
      media.stop();
      throw error;
    }
  }

  async #publish(media: MediaStreamTrack, options: PublishOptions): Promise<LocalTrackPublication> {
    const { source, name = '', muted = false, maxBitrate } = options;
    await this.#host.reachable();
    this.#requireGrant(source);
    media.enabled = !muted;
    const info = { id: '', kind: media.kind as MediaKind, source, name, muted };
    const publication = new LocalTrackPublication(info, new LocalTrack(source, media), this.#switch, maxBitrate);
    await this.#publisher.publish(publication);
    this.#watch(publication, media);
    this.addPublication(publication);
    this.#host.emitter.emit('localTrackPublished', publication, this);
    return publication;
  }

  async #republish(publication: LocalTrackPublication, media: Media): Promise<void> {
    try {
      await this.#publisher.republish(publication, media);
    } catch (error) {
      if (media.isOver || !this.publications.includes(publication)) return;
      this.#forget(publication);
      this.#host.emitter.emit('error', OrielError.from(error, 'internal'));
    }
  }

  async #endScreenShare(): Promise<void> {
    const both = this.publications.filter(({ source }) => source.startsWith('screen_share'));
    await Promise.all(both.map((publication) => this.#unpublish(publication)));
  }

  async #unpublish(publication: LocalTrackPublication): Promise<void> {
    if (!this.publications.includes(publication)) return;
    this.#forget(publication);
    await this.#publisher.unpublish(publication);
  }

  #forget(publication: LocalTrackPublication): void {
    this.removePublication(publication);
    publication.track.detach();
    if (isOurs(publication.track.mediaStreamTrack)) publication.track.mediaStreamTrack.stop();
    this.#host.emitter.emit('localTrackUnpublished', publication, this);
  }

  /** `ended` comes when the device is gone or the person ended it, never from our own `stop`. */
  #watch(publication: LocalTrackPublication, media: MediaStreamTrack): void {
    const ended = (): void => {
      if (publication.track.mediaStreamTrack !== media || !this.publications.includes(publication)) return;
      this.#ended(publication).catch((error: unknown) => {
        this.#host.emitter.emit('warning', OrielError.from(error, 'internal'));
      });
    };
    media.addEventListener('ended', ended, { once: true });
  }

  async #ended(publication: LocalTrackPublication): Promise<void> {
    const { source, track } = publication;
    if (source.startsWith('screen_share')) {
      await this.setScreenShareEnabled(false);
    } else if (isDeviceSource(source) && isOurs(track.mediaStreamTrack)) {
      this.#host.emitter.emit('mediaDevicesError', new OrielError('media_ended', `The ${source} is gone.`), source);
      await publication.mute();
    } else {
      await this.unpublishTrack(publication);
    }
  }

  #requireGrant(source: TrackSource): void {
    if (this.canPublish.includes(source)) return;
    throw new OrielError('forbidden', `You may not publish "${source}" in this room.`);
  }

  #step<T>(source: TrackSource, step: () => Promise<T>): Promise<T> {
    const before = this.#steps.get(source) ?? Promise.resolve();
    const done = before.then(step, step);
    this.#steps.set(source, done);
    return done;
  }
}
