import type { ChatMessage, OrielError, Room } from '@oriel/client';
import { html, nothing, type TemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Announcement } from '../element/element.ts';
import { RoomPart } from '../element/room-part.ts';
import { focusPanel } from '../element/focus.ts';
import { RoomController } from '../element/room-controller.ts';
import { icon } from '../icons/icon.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { fieldStyles } from '../styles/field.styles.ts';
import { panelStyles } from '../styles/panel.styles.ts';
import { chatStyles } from './chat.styles.ts';
import { linkify } from './linkify.ts';
import { byteLength, isFirst } from './messages.ts';
import { isOwn } from './own-messages.ts';
import { timeOfDay } from '../texts/forms.ts';

/** What the server takes as one text. */
const LONGEST = 8192;
/** Closer to the end than this, in CSS pixels, counts as reading the newest message. */
const AT_END = 48;

/**
 * The chat of a room.
 *
 * Texts are put into the page as text, never as markup; links open a new tab that knows nothing of
 * this one. New messages are announced by `<oriel-call>`, not here, so that they are heard once.
 *
 * @fires oriel-close - The close button was pressed.
 * @fires oriel-announce - A message was not sent. `detail` is `{text, urgency}`, for a screen reader.
 * @csspart chat - The list of messages.
 * @csspart message - One message.
 */
export class ChatElement extends RoomPart {
  static override styles = [baseStyles, buttonStyles, fieldStyles, panelStyles, chatStyles];
  static override properties = {
    room: { attribute: false },
    draft: { state: true },
    trouble: { state: true },
    behind: { state: true },
    to: { state: true },
  };

  /** The room whose chat it is. */
  declare room: Room | undefined;
  private declare draft: string;
  private declare trouble: string;
  /** New messages stand below what is visible. */
  private declare behind: boolean;
  /** For whom the next message is; undefined for everybody. */
  private declare to: { readonly id: string; readonly name: string } | undefined;

  #sending = false;
  #shown = 0;

  constructor() {
    super();
    this.draft = '';
    this.trouble = '';
    this.behind = false;
    this.to = undefined;
    new RoomController(this, {
      chatMessage: undefined,
      connectionStateChanged: undefined,
      grantsChanged: undefined,
      participantConnected: undefined,
      participantDisconnected: undefined,
      participantUpdated: undefined,
    });
  }

  /** The next message is for that participant alone. */
  writeTo(participant: string): void {
    const name = this.room?.remoteParticipants.get(participant)?.name;
    this.to = name === undefined ? undefined : { id: participant, name };
  }

  /** Puts the cursor into the text field; on a phone the panel has the focus, without a keyboard. */
  override focus(): void {
    focusPanel(this.renderRoot, 'textarea');
  }

  override render(): TemplateResult {
    const messages = this.room?.chat ?? [];
    const words = this.texts.chat;
    return html`
      <header>
        <h2 tabindex="-1">${words.title}</h2>
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
      <div class="scroll" part="chat" tabindex="0" role="region" aria-label=${words.messages} @scroll=${this.#onScroll}>
        ${messages.length === 0
          ? html`<div class="empty">
              ${icon('chat')}
              <p>${words.empty}</p>
            </div>`
          : html`<ol class="messages">
              ${repeat(
                messages,
                (message) => message.id,
                (message, index) => this.#message(message, messages[index - 1]),
              )}
            </ol>`}
      </div>
      ${this.trouble === '' ? nothing : html`<p class="trouble">${this.trouble}</p>`} ${this.#form()}
    `;
  }

  protected override updated(): void {
    const count = this.room?.chat.length ?? 0;
    if (count === this.#shown) return;
    const newest = this.room?.chat.at(-1);
    if (!this.behind || (newest !== undefined && this.#isOwn(newest))) this.#scrollToEnd();
    this.#shown = count;
  }

  #isOwn(message: ChatMessage): boolean {
    return this.room !== undefined && isOwn(this.room, message);
  }

  #message(message: ChatMessage, previous: ChatMessage | undefined): TemplateResult {
    const own = this.#isOwn(message);
    const first = isFirst(message, previous);
    const at = new Date(message.at);
    const closed = message.to !== undefined;
    const head = html`<span class=${first ? 'head' : 'head visually-hidden'}>
      <span class="writer" dir="auto">${own ? this.texts.chat.you : message.name}</span>
      <time datetime=${at.toISOString()}>${timeOfDay(at, this.language.code)}</time>
      ${closed ? html`<span class="closed">${icon('lock')} ${this.#privacy(message, own)}</span>` : nothing}
    </span>`;
    // The text keeps its line breaks (pre-wrap): no space may come in from the template.
    return html`<li class=${classMap({ message: true, own, first, closed })} part="message" data-testid="chat-message">
      ${head}<span class="text" dir="auto"
        >${linkify(message.text).map(({ text, href }) =>
          href === undefined ? text : html`<a href=${href} target="_blank" rel="noopener noreferrer nofollow">${text}</a>`,
        )}</span
      >
    </li>`;
  }

  #form(): TemplateResult {
    const { room, to } = this;
    const words = this.texts.chat;
    const allowed = room?.localParticipant.canChat ?? false;
    // A private message never becomes a public one because its reader has left.
    const gone = to !== undefined && room?.remoteParticipants.has(to.id) !== true;
    const label = to === undefined ? words.toAll : words.toOne(to.name);
    return html`<form @submit=${this.#onSubmit}>
      ${this.behind
        ? html`<button type="button" class="button below" @click=${() => this.#scrollToEnd()}>${words.below}</button>`
        : nothing}
      ${allowed && room !== undefined && (room.remoteParticipants.size > 0 || to !== undefined) ? this.#whom(room, gone) : nothing}
      <label class="visually-hidden" for="text">${label}</label>
      <textarea
        id="text"
        dir=${this.draft === '' ? nothing : 'auto'}
        data-testid="chat-input"
        rows="1"
        autocomplete="off"
        enterkeyhint="send"
        placeholder=${allowed ? label : words.forbidden}
        .value=${this.draft}
        ?disabled=${!allowed}
        @input=${this.#onInput}
        @keydown=${this.#onKeydown}
      ></textarea>
      <button
        class="button primary send"
        part="button"
        data-testid="chat-send"
        aria-label=${words.send}
        ?disabled=${!allowed || gone || this.draft.trim() === ''}
      >
        ${icon('send')}
      </button>
    </form>`;
  }

  #whom(room: Room, gone: boolean): TemplateResult {
    const { to } = this;
    const words = this.texts.chat;
    const people = [...room.remoteParticipants.values()].map(({ id, name }) => ({ id, name }));
    return html`<div class=${classMap({ whom: true, closed: to !== undefined })}>
      <label for="whom">${words.to}</label>
      <div class="select">
        <select id="whom" data-testid="chat-to" @change=${this.#onWhom}>
          <option value="" ?selected=${to === undefined}>${words.everybody}</option>
          ${people.map(
            (one) => html`<option value=${one.id} ?selected=${one.id === to?.id}>${words.only(one.name)}</option>`,
          )}
          ${gone ? html`<option value=${to?.id ?? ''} selected>${words.hasLeft(to?.name ?? '')}</option>` : nothing}
        </select>
        ${icon('next')}
      </div>
    </div>`;
  }

  readonly #onWhom = (event: Event): void => {
    this.writeTo((event.target as HTMLSelectElement).value);
    this.trouble = '';
  };

  /** Who can read a private message. */
  #privacy(message: ChatMessage, own: boolean): string {
    const words = this.texts.chat;
    if (!own) return words.onlyForYou;
    const names = (message.to ?? []).map((id) => this.room?.remoteParticipants.get(id)?.name ?? words.somebody);
    return words.onlyFor(names.join(', '));
  }

  readonly #onInput = (event: Event): void => {
    this.draft = (event.target as HTMLTextAreaElement).value;
    this.trouble = '';
  };

  readonly #onKeydown = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void this.#send();
  };

  readonly #onSubmit = (event: Event): void => {
    event.preventDefault();
    void this.#send();
  };

  readonly #onScroll = (event: Event): void => {
    const list = event.target as HTMLElement;
    this.behind = list.scrollHeight - list.scrollTop - list.clientHeight > AT_END;
  };

  async #send(): Promise<void> {
    const text = this.draft.trim();
    if (this.room === undefined || text === '' || this.#sending) return;
    const { to } = this;
    if (to !== undefined && !this.room.remoteParticipants.has(to.id)) {
      this.#fail(this.texts.chat.gone(to.name));
      return;
    }
    if (byteLength(text) > LONGEST) {
      this.#fail(this.texts.chat.tooLong);
      return;
    }
    this.#sending = true;
    // The field is free for the next thought at once; a text that was not sent comes back.
    this.draft = '';
    this.trouble = '';
    try {
      await this.room.sendChat(text, to === undefined ? {} : { to: [to.id] });
    } catch (error) {
      const { message, hint } = this.texts.problem(error as OrielError);
      this.#fail(this.texts.chat.notSent(hint === '' ? message : hint));
      this.draft = this.draft === '' ? text : `${text}\n${this.draft}`;
    } finally {
      this.#sending = false;
    }
  }

  #fail(words: string): void {
    this.trouble = words;
    this.tell<Announcement>('oriel-announce', { text: words, urgency: 'assertive' });
  }

  #scrollToEnd(): void {
    const list = this.renderRoot.querySelector('.scroll');
    list?.scrollTo({ top: list.scrollHeight });
    this.behind = false;
  }
}
