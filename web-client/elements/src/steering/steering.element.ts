import type { OrielError, Room, RoomChange } from '@oriel/client';
import { html, nothing, type TemplateResult } from 'lit';
import '../confirm/confirm.ts';
import { DialogElement } from '../element/dialog-element.ts';
import { ALL_PARTS } from '../element/parts.ts';
import { RoomController } from '../element/room-controller.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { dialogStyles } from '../styles/dialog.styles.ts';
import { fieldStyles } from '../styles/field.styles.ts';
import { steeringStyles } from './steering.styles.ts';

/** How the room is entered, and its end for everybody: a moderator's dialog. */
export class SteeringElement extends DialogElement {
  static override styles = [baseStyles, buttonStyles, fieldStyles, dialogStyles, steeringStyles];
  static override properties = {
    ...DialogElement.properties,
    room: { attribute: false },
    password: { state: true },
    trouble: { state: true },
  };

  /** The room that is steered. */
  declare room: Room | undefined;
  private declare password: string;
  private declare trouble: string;

  constructor() {
    super();
    this.password = '';
    this.trouble = '';
    new RoomController(this, { roomUpdated: undefined, participantUpdated: undefined });
  }

  protected override heading(): string {
    return this.texts.steering.title;
  }

  protected override body(): TemplateResult {
    const info = this.room?.info;
    if (info === undefined) return html``;
    const words = this.texts.steering;
    return html`
      ${this.#switch('locked', info.locked, words.lock, words.lockHint)}
      ${this.#switch('lobby', info.lobby, words.lobby, words.lobbyHint)}
      <form @submit=${this.#onPassword}>
        <label class="label" for="password">${words.password}</label>
        <div class="line">
          <input
            id="password"
            data-testid="room-password"
            autocomplete="off"
            maxlength="64"
            placeholder=${info.password ? words.newPassword : words.none}
            .value=${this.password}
            @input=${(event: Event) => (this.password = (event.target as HTMLInputElement).value)}
          />
          <button class="button" part="button" data-testid="set-password" ?disabled=${this.password === ''}>${words.set}</button>
          ${info.password
            ? html`<button
                type="button"
                class="button quiet"
                part="button"
                data-testid="clear-password"
                @click=${() => void this.#change({ password: '' })}
              >
                ${words.remove}
              </button>`
            : nothing}
        </div>
        <p class="hint">
          ${info.password ? words.withPassword : words.withoutPassword}
        </p>
      </form>
      ${this.trouble === '' ? nothing : html`<p class="trouble" role="alert">${this.trouble}</p>`}
      <div class="end">
        <button type="button" class="button danger" part="button" data-testid="end-room" @click=${this.#onEnd}>
          ${words.end}
        </button>
      </div>
      <oriel-confirm exportparts=${ALL_PARTS} .language=${this.language}></oriel-confirm>
    `;
  }

  #switch(name: 'locked' | 'lobby', on: boolean, words: string, hint: string): TemplateResult {
    return html`<label class="switch">
      <span>${words}<small>${hint}</small></span>
      <input
        type="checkbox"
        role="switch"
        data-testid="set-${name}"
        .checked=${on}
        @change=${(event: Event) => {
          const input = event.target as HTMLInputElement;
          const wanted = input.checked;
          // It stands where the room stands, also when the server says no.
          input.checked = on;
          void this.#change({ [name]: wanted });
        }}
      />
    </label>`;
  }

  readonly #onPassword = (event: Event): void => {
    event.preventDefault();
    const { password } = this;
    if (password !== '') void this.#change({ password }).then(() => (this.password = ''));
  };

  readonly #onEnd = (): void => {
    const { endHeading, endWords, end } = this.texts.steering;
    this.renderRoot.querySelector('oriel-confirm')?.ask({
      heading: endHeading,
      words: endWords,
      yes: end,
      act: () => void this.#do(() => this.room?.moderation.end()),
    });
  };

  #change(change: RoomChange): Promise<void> {
    return this.#do(() => this.room?.moderation.setRoom(change));
  }

  async #do(act: () => Promise<void> | undefined): Promise<void> {
    this.trouble = '';
    try {
      await act();
    } catch (error) {
      const { message, hint } = this.texts.problem(error as OrielError);
      this.trouble = `${message} ${hint}`;
    }
  }
}
