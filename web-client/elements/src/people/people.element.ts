import type { Participant, Room } from '@oriel/client';
import { html, nothing, type TemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { repeat } from 'lit/directives/repeat.js';
import { hue, initials } from '../avatar/avatar.ts';
import { OrielElement } from '../element/element.ts';
import { focusPanel } from '../element/focus.ts';
import { RoomController } from '../element/room-controller.ts';
import { icon } from '../icons/icon.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { fieldStyles } from '../styles/field.styles.ts';
import { panelStyles } from '../styles/panel.styles.ts';
import { peopleStyles } from './people.styles.ts';
import { search } from './search.ts';

/**
 * Who is in the room, with the state of their microphones and cameras.
 *
 * @fires oriel-close - The close button was pressed.
 * @csspart list - The list of people.
 * @slot invite - Above the list.
 */
export class PeopleElement extends OrielElement {
  static override styles = [baseStyles, buttonStyles, fieldStyles, panelStyles, peopleStyles];
  static override properties = {
    room: { attribute: false },
    query: { state: true },
  };

  /** The room whose people are listed. */
  declare room: Room | undefined;
  private declare query: string;

  constructor() {
    super();
    this.query = '';
    new RoomController(this, {
      activeSpeakersChanged: undefined,
      connectionStateChanged: undefined,
      localTrackPublished: undefined,
      localTrackUnpublished: undefined,
      participantConnected: undefined,
      participantDisconnected: undefined,
      participantUpdated: undefined,
      trackMuted: undefined,
      trackPublished: undefined,
      trackUnmuted: undefined,
      trackUnpublished: undefined,
    });
  }

  /** Puts the cursor into the search field; on a phone the panel has the focus, without a keyboard. */
  override focus(): void {
    focusPanel(this.renderRoot, 'input');
  }

  override render(): TemplateResult {
    const { room } = this;
    if (room === undefined) return html``;
    const everybody: Participant[] = [room.localParticipant, ...room.remoteParticipants.values()];
    const found = search(everybody, this.query);
    return html`
      <header>
        <h2 tabindex="-1">People <span class="count">${everybody.length}</span></h2>
        <button
          type="button"
          class="icon-button"
          part="button"
          aria-label="Close people"
          @click=${() => this.tell('oriel-close')}
        >
          ${icon('close')}
        </button>
      </header>
      <div class="search">
        <label class="visually-hidden" for="query">Search people</label>
        <input
          id="query"
          type="search"
          autocomplete="off"
          placeholder="Search"
          .value=${this.query}
          @input=${this.#onSearch}
        />
        ${icon('search')}
      </div>
      <div class="invite"><slot name="invite"></slot></div>
      <div class="scroll" tabindex="0" role="region" aria-label="Everybody">
        ${found.length === 0
          ? html`<p class="nobody">Nobody here is called “${this.query.trim()}”.</p>`
          : html`<ul part="list" aria-label="People in the room">
              ${repeat(
                found,
                (participant) => (participant.isLocal ? 'you' : participant.id),
                (participant) => this.#item(participant),
              )}
            </ul>`}
      </div>
    `;
  }

  #item(participant: Participant): TemplateResult {
    const { isMicrophoneEnabled, isCameraEnabled, isScreenShareEnabled } = participant;
    return html`<li
      class=${classMap({ speaking: participant.isSpeaking && isMicrophoneEnabled })}
      data-testid="people-item"
      data-participant=${participant.id}
    >
      <span class="avatar" aria-hidden="true" style="--hue:${hue(participant.identity)}">
        ${initials(participant.name)}
      </span>
      <div class="who">
        <p class="name">${participant.name}${participant.isLocal ? ' (you)' : ''}</p>
        ${participant.role === 'moderator' ? html`<p class="role">Moderator</p>` : nothing}
      </div>
      <div class="states">
        ${isScreenShareEnabled
          ? html`<span>${icon('screen')}<span class="visually-hidden">Shares the screen</span></span>`
          : nothing}
        <span class=${classMap({ off: !isCameraEnabled })}>
          ${icon(isCameraEnabled ? 'camera' : 'camera-off')}
          <span class="visually-hidden">Camera ${isCameraEnabled ? 'on' : 'off'}</span>
        </span>
        <span class=${classMap({ off: !isMicrophoneEnabled })}>
          ${icon(isMicrophoneEnabled ? 'microphone' : 'microphone-off')}
          <span class="visually-hidden">Microphone ${isMicrophoneEnabled ? 'on' : 'off'}</span>
        </span>
      </div>
    </li>`;
  }

  readonly #onSearch = (event: Event): void => {
    this.query = (event.target as HTMLInputElement).value;
  };
}
