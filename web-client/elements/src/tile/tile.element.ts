import type { Participant, Room, Track } from '@oriel/client';
import { html, nothing, type TemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { hue, initials } from '../avatar/avatar.ts';
import { RoomPart } from '../element/room-part.ts';
import { RoomController } from '../element/room-controller.ts';
import { icon } from '../icons/icon.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { tileStyles } from './tile.styles.ts';

/** What a tile shows of its participant. */
export type TilePicture = 'camera' | 'screen_share';

/**
 * One participant's camera or shared screen, with name and state.
 *
 * Draws again by itself when the room says that something about its participant changed. Sound is
 * not its business: `<oriel-audio>` plays it.
 *
 * @fires oriel-pin - The button was pressed: show this picture large, or no longer.
 * @csspart tile - The whole picture.
 * @csspart name - The name and the state below it.
 * @slot overlay - On top of the picture.
 */
export class TileElement extends RoomPart {
  static override styles = [baseStyles, tileStyles];
  static override properties = {
    room: { attribute: false },
    participant: { attribute: false },
    picture: {},
    pinned: { type: Boolean },
    pinnable: { type: Boolean },
    upright: { state: true },
    playing: { state: true },
  };

  /** The room it belongs to. */
  declare room: Room | undefined;
  /** Whose picture. */
  declare participant: Participant | undefined;
  /** Which of the participant's pictures. */
  declare picture: TilePicture;
  /** It is the large one now. */
  declare pinned: boolean;
  /** Has a button that asks to make it the large one. */
  declare pinnable: boolean;
  private declare upright: boolean;
  /** The first picture of the attached track is there. */
  private declare playing: boolean;

  #attached: Track | undefined;

  constructor() {
    super();
    this.picture = 'camera';
    this.pinned = false;
    this.pinnable = false;
    this.upright = false;
    this.playing = false;
    new RoomController(this, {
      activeSpeakersChanged: undefined,
      connectionStateChanged: undefined,
      handLowered: undefined,
      handRaised: undefined,
      localTrackPublished: undefined,
      localTrackUnpublished: undefined,
      participantUpdated: undefined,
      trackMuted: undefined,
      trackPublished: undefined,
      trackSubscribed: undefined,
      trackUnmuted: undefined,
      trackUnpublished: undefined,
      trackUnsubscribed: undefined,
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#attach(undefined);
  }

  override render(): TemplateResult {
    const { participant } = this;
    if (participant === undefined) return html``;
    const screen = this.picture === 'screen_share';
    const visible = this.playing && this.#track() !== undefined;
    return html`
      <div class=${classMap({ frame: true, screen })} part="tile" .style=${`--hue: ${hue(participant.identity)}`}>
        ${visible ? nothing : html`<div class="avatar" aria-hidden="true">${screen ? icon('screen') : initials(participant.name)}</div>`}
        <video
          class=${classMap({ mirrored: participant.isLocal && !screen, dark: !visible, upright: this.upright })}
          aria-hidden="true"
          playsinline
          autoplay
          muted
          .muted=${true}
          @loadeddata=${() => (this.playing = true)}
          @resize=${this.#onResize}
        ></video>
        <div class="ring"></div>
        ${this.#caption(participant, screen)} ${this.pinnable ? this.#pinButton(participant, screen) : nothing}
        <slot name="overlay"></slot>
      </div>
    `;
  }

  protected override willUpdate(): void {
    if (this.#track() !== this.#attached) this.playing = false;
  }

  protected override updated(): void {
    const { participant } = this;
    if (participant === undefined) return;
    this.dataset['identity'] = participant.identity;
    this.dataset['participant'] = participant.id;
    this.dataset['local'] = String(participant.isLocal);
    this.dataset['mutedAudio'] = String(!participant.isMicrophoneEnabled);
    this.dataset['mutedVideo'] = String(!participant.isCameraEnabled);
    this.dataset['speaking'] = String(this.#isSpeaking(participant));
    this.toggleAttribute('data-stale', !participant.isLocal && this.room?.state === 'reconnecting');
    this.#attach(this.#track());
  }

  /** The track to show, if there is a picture now. */
  #track(): Track | undefined {
    const publication = this.participant?.getPublication(this.picture);
    return publication === undefined || publication.muted ? undefined : publication.track;
  }

  #attach(track: Track | undefined): void {
    if (track === this.#attached) return;
    const video = this.renderRoot.querySelector('video');
    if (video === null) return;
    this.#attached?.detach(video);
    this.#attached = track;
    track?.attach(video);
  }

  #isSpeaking(participant: Participant): boolean {
    return this.picture === 'camera' && participant.isSpeaking && participant.isMicrophoneEnabled;
  }

  #caption(participant: Participant, screen: boolean): TemplateResult {
    const { screenOf, you, tile: words } = this.texts;
    if (screen) {
      const name = participant.isLocal ? words.yourScreen : screenOf(participant.name);
      return html`<div class="caption" part="name">${icon('screen')}<span class="name" dir="auto">${name}</span></div>`;
    }
    const off = [participant.isMicrophoneEnabled ? '' : words.microphoneOff, participant.isCameraEnabled ? '' : words.cameraOff];
    return html`
      <div class="caption" part="name">
        ${participant.hand === undefined
          ? nothing
          : html`<span class="hand" data-testid="tile-hand">${icon('hand')}<span class="visually-hidden">${words.hand}</span></span>`}
        ${this.#sound(participant)}
        <span class="name" dir="auto">${participant.isLocal ? you(participant.name) : participant.name}</span>
        <span class="visually-hidden">${off.join('')}</span>
      </div>
    `;
  }

  #sound(participant: Participant): TemplateResult | typeof nothing {
    if (!participant.isMicrophoneEnabled) return html`<span class="muted">${icon('microphone-off')}</span>`;
    return this.#isSpeaking(participant) ? html`<span class="bars" aria-hidden="true"><i></i><i></i><i></i></span>` : nothing;
  }

  #pinButton(participant: Participant, screen: boolean): TemplateResult {
    const { screenOf, tile: words } = this.texts;
    const what = screen ? screenOf(participant.name) : participant.name;
    return html`<button
      type="button"
      class="pin"
      part="button"
      aria-pressed=${this.pinned}
      aria-label=${words.enlarge(what)}
      title=${this.pinned ? words.back : words.large}
      @click=${() => this.tell('oriel-pin')}
    >
      ${icon(this.pinned ? 'shrink' : 'expand')}
    </button>`;
  }

  readonly #onResize = (event: Event): void => {
    const video = event.target as HTMLVideoElement;
    this.upright = video.videoHeight > video.videoWidth;
  };
}
