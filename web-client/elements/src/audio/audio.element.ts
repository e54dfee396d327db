import type { RemoteTrack, Room } from '@oriel/client';
import { css, html, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { OrielElement } from '../element/element.ts';
import { RoomController } from '../element/room-controller.ts';

/** A sound to play: whose it is, and the track that carries it now. */
interface Sound {
  readonly key: string;
  readonly participant: string;
  readonly track: RemoteTrack;
}

/**
 * Plays the sound of everybody else: one hidden `<audio>` for each remote audio track, whether the
 * participant's tile is on the page or not. It shows nothing.
 */
export class AudioElement extends OrielElement {
  static override styles = css`
    :host {
      display: none;
    }
  `;
  static override properties = { room: { attribute: false } };

  /** The room to listen to. */
  declare room: Room | undefined;

  readonly #playing = new Map<HTMLAudioElement, RemoteTrack>();

  constructor() {
    super();
    new RoomController(this, {
      connectionStateChanged: undefined,
      participantConnected: undefined,
      participantDisconnected: undefined,
      trackSubscribed: undefined,
      trackUnpublished: undefined,
      trackUnsubscribed: undefined,
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#detach(() => true);
  }

  override render(): TemplateResult {
    return html`${repeat(
      this.#sounds(),
      (sound) => sound.key,
      (sound) => html`<audio data-testid="remote-audio" data-participant=${sound.participant} data-key=${sound.key} autoplay></audio>`,
    )}`;
  }

  protected override updated(): void {
    const sounds = new Map(this.#sounds().map((sound) => [sound.key, sound.track]));
    const elements = [...this.renderRoot.querySelectorAll('audio')];
    this.#detach((element, track) => !elements.includes(element) || sounds.get(element.dataset['key'] ?? '') !== track);
    for (const element of elements) {
      const track = sounds.get(element.dataset['key'] ?? '');
      if (track === undefined || this.#playing.has(element)) continue;
      track.attach(element);
      this.#playing.set(element, track);
    }
  }

  #sounds(): Sound[] {
    const sounds: Sound[] = [];
    for (const participant of this.room?.remoteParticipants.values() ?? []) {
      for (const publication of participant.publications) {
        const { track } = publication;
        if (publication.kind !== 'audio' || track === undefined) continue;
        sounds.push({ key: publication.id, participant: participant.id, track });
      }
    }
    return sounds;
  }

  #detach(which: (element: HTMLAudioElement, track: RemoteTrack) => boolean): void {
    for (const [element, track] of this.#playing) {
      if (!which(element, track)) continue;
      track.detach(element);
      this.#playing.delete(element);
    }
  }
}
