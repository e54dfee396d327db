import type { OrielError, Participant, Room } from '@oriel/client';
import { html, nothing, type TemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { repeat } from 'lit/directives/repeat.js';
import { hue, initials } from '../avatar/avatar.ts';
import '../confirm/confirm.ts';
import type { Announcement } from '../element/element.ts';
import { RoomPart } from '../element/room-part.ts';
import { ALL_PARTS } from '../element/parts.ts';
import { focusPanel } from '../element/focus.ts';
import { RoomController } from '../element/room-controller.ts';
import { icon, type IconName } from '../icons/icon.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { fieldStyles } from '../styles/field.styles.ts';
import { menuStyles } from '../styles/menu.styles.ts';
import { panelStyles } from '../styles/panel.styles.ts';
import { inOrder, type PersonAction, personActions } from './actions.ts';
import { lobby } from './lobby.ts';
import { peopleStyles } from './people.styles.ts';
import { search } from './search.ts';

/**
 * Who is in the room, with the state of their microphones and cameras, and a menu for each; for
 * moderators also who waits before it.
 *
 * @fires oriel-close - The close button was pressed.
 * @fires oriel-send-files - Files are to be sent. `detail` is the participant's id.
 * @fires oriel-write-to - A private message is to be written. `detail` is the participant's id.
 * @csspart list - The list of people.
 * @slot invite - Above the list.
 */
export class PeopleElement extends RoomPart {
  static override styles = [baseStyles, buttonStyles, fieldStyles, panelStyles, menuStyles, peopleStyles];
  static override properties = {
    room: { attribute: false },
    query: { state: true },
    chosen: { state: true },
    trouble: { state: true },
  };

  /** The room whose people are listed. */
  declare room: Room | undefined;
  private declare query: string;
  /** Whose menu is open. */
  private declare chosen: Participant | undefined;
  private declare trouble: string;

  constructor() {
    super();
    this.query = '';
    this.chosen = undefined;
    this.trouble = '';
    new RoomController(this, {
      activeSpeakersChanged: undefined,
      connectionStateChanged: undefined,
      grantsChanged: undefined,
      handLowered: undefined,
      handRaised: undefined,
      lobbyChanged: undefined,
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
    const everybody = inOrder(room);
    const found = search(everybody, this.query);
    const { peopleInRoom, people: words } = this.texts;
    return html`
      <header>
        <h2 tabindex="-1">${words.title} <span class="count">${everybody.length}</span></h2>
        <button
          type="button"
          class="icon-button"
          part="button"
          aria-label=${words.close}
          @click=${() => this.tell('oriel-close')}
        >
          ${icon('close')}
        </button>
      </header>
      <div class="search">
        <label class="visually-hidden" for="query">${words.search}</label>
        <input
          id="query"
          type="search"
          autocomplete="off"
          placeholder=${words.searchShort}
          .value=${this.query}
          @input=${this.#onSearch}
        />
        ${icon('search')}
      </div>
      <div class="invite"><slot name="invite"></slot></div>
      ${this.trouble === '' ? nothing : html`<p class="trouble">${this.trouble}</p>`}
      <div class="scroll" tabindex="0" role="region" aria-label=${words.everybody} @scroll=${() => this.#menu()?.hidePopover()}>
        ${lobby(room, words, (step) => void this.#do(step))}
        ${found.length === 0
          ? html`<p class="nobody">${words.nobody(this.query.trim())}</p>`
          : html`<ul part="list" aria-label=${peopleInRoom}>
              ${repeat(
                found,
                (participant) => (participant.isLocal ? 'you' : participant.id),
                (participant) => this.#item(room, participant),
              )}
            </ul>`}
      </div>
      ${this.#choices(room)}
      <oriel-confirm exportparts=${ALL_PARTS} .language=${this.language}></oriel-confirm>
    `;
  }

  #item(room: Room, participant: Participant): TemplateResult {
    const { isMicrophoneEnabled, isCameraEnabled, isScreenShareEnabled } = participant;
    const { switches, people: words, you, handRaised } = this.texts;
    return html`<li
      class=${classMap({ speaking: participant.isSpeaking && isMicrophoneEnabled })}
      data-testid="people-item"
      data-participant=${participant.id}
    >
      <span class="avatar" aria-hidden="true" .style=${`--hue: ${hue(participant.identity)}`}>
        ${initials(participant.name)}
      </span>
      <div class="who">
        <p class="name"><bdi>${participant.isLocal ? you(participant.name) : participant.name}</bdi></p>
        ${participant.role === 'moderator' ? html`<p class="role">${words.moderator}</p>` : nothing}
      </div>
      ${participant.hand === undefined
        ? nothing
        : html`<span class="hand" data-testid="people-hand">${icon('hand')}<span class="visually-hidden">${handRaised}</span></span>`}
      <div class="states">
        ${isScreenShareEnabled
          ? html`<span>${icon('screen')}<span class="visually-hidden">${words.sharing}</span></span>`
          : nothing}
        <span class=${classMap({ off: !isCameraEnabled })}>
          ${icon(isCameraEnabled ? 'camera' : 'camera-off')}
          <span class="visually-hidden">${switches.camera[isCameraEnabled ? 'on' : 'off']}</span>
        </span>
        <span class=${classMap({ off: !isMicrophoneEnabled })}>
          ${icon(isMicrophoneEnabled ? 'microphone' : 'microphone-off')}
          <span class="visually-hidden">${switches.microphone[isMicrophoneEnabled ? 'on' : 'off']}</span>
        </span>
      </div>
      ${participant.isLocal || (personActions(room, participant, words).length === 0 && !room.localParticipant.canChat)
        ? nothing
        : html`<button
            type="button"
            class="icon-button"
            part="button"
            data-testid="person-menu"
            aria-label=${words.more(participant.name)}
            aria-haspopup="menu"
            @click=${(event: Event) => this.#open(event.currentTarget as HTMLElement, participant)}
          >
            ${icon('more')}
          </button>`}
    </li>`;
  }

  #choices(room: Room): TemplateResult {
    const { chosen, texts } = this;
    const entry = (id: string, name: IconName, words: string, act: () => void) => html`<button
      type="button"
      class=${id === 'remove' ? 'grave' : ''}
      data-testid="person-${id}"
      @click=${() => {
        this.#menu()?.hidePopover();
        act();
      }}
    >
      ${icon(name)} ${words}
    </button>`;
    return html`<div class="menu" id="menu" popover part="menu" role="group" aria-label=${chosen?.name ?? ''}>
      ${chosen === undefined
        ? nothing
        : html`${room.localParticipant.canChat
            ? entry('write', 'chat', texts.people.write, () => this.tell('oriel-write-to', chosen.id))
            : nothing}
          ${room.localParticipant.canChat
            ? entry('files', 'file', texts.people.files, () => this.tell('oriel-send-files', chosen.id))
            : nothing}
          ${personActions(room, chosen, texts.people).map((action) =>
            entry(action.id, action.icon, action.words, () => this.#carryOut(action)),
          )}`}
    </div>`;
  }

  /** Below the button that opened it, or above where there is no room below. */
  #open(button: HTMLElement, participant: Participant): void {
    this.chosen = participant;
    void this.updateComplete.then(() => {
      const menu = this.#menu();
      if (menu === null) return;
      menu.showPopover();
      const place = button.getBoundingClientRect();
      const { offsetWidth, offsetHeight } = menu;
      const below = place.bottom + offsetHeight + 8 < innerHeight;
      const isLeftToRight = this.language.direction === 'ltr';
      menu.style.left = `${isLeftToRight ? Math.max(8, place.right - offsetWidth) : Math.min(place.left, innerWidth - offsetWidth - 8)}px`;
      menu.style.top = `${Math.max(8, below ? place.bottom + 4 : place.top - offsetHeight - 4)}px`;
      menu.querySelector('button')?.focus();
    });
  }

  #menu(): HTMLElement | null {
    return this.renderRoot.querySelector('#menu');
  }

  #carryOut({ question, act }: PersonAction): void {
    if (question === undefined) void this.#do(act);
    else this.renderRoot.querySelector('oriel-confirm')?.ask({ ...question, act: () => void this.#do(act) });
  }

  async #do(step: () => Promise<void>): Promise<void> {
    this.trouble = '';
    try {
      await step();
    } catch (error) {
      const { message } = this.texts.problem(error as OrielError);
      this.trouble = `${message.charAt(0).toLocaleUpperCase()}${message.slice(1)}${message.endsWith('.') ? '' : '.'}`;
      this.tell<Announcement>('oriel-announce', { text: this.trouble, urgency: 'assertive' });
    }
  }

  readonly #onSearch = (event: Event): void => {
    this.query = (event.target as HTMLInputElement).value;
  };
}
