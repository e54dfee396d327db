import { baseStyles, buttonStyles, fieldStyles, icon, mark, OrielElement } from '@oriel/elements/styles';
import { html, nothing, type TemplateResult } from 'lit';
import { forgetRoom, type RecentRoom, recentRooms } from '../recent-rooms.ts';
import { randomRoomName, readRoomName } from '../room-name.ts';
import { DROP_PATH, roomPath } from '../route.ts';
import { ago } from './ago.ts';
import { homeStyles } from './home.styles.ts';
import { picture } from './picture.ts';

/** The start page. */
export class HomeElement extends OrielElement {
  static override styles = [baseStyles, buttonStyles, fieldStyles, homeStyles];
  static override properties = {
    lost: { type: Boolean },
    rooms: { state: true },
    text: { state: true },
    complaint: { state: true },
  };

  /** The address led nowhere. */
  declare lost: boolean;
  private declare rooms: readonly RecentRoom[];
  private declare text: string;
  private declare complaint: string;

  constructor() {
    super();
    this.lost = false;
    this.rooms = recentRooms(localStorage);
    this.text = '';
    this.complaint = '';
  }

  override render(): TemplateResult {
    return html`
      <div class="page">
        <p class="brand">${mark()} Oriel</p>
        <div class="columns">
          <div class="words">
            ${this.lost ? html`<p class="lost">There is nothing at this address. Start or enter a room here.</p>` : nothing}
            <h1>See each other. <span>One link, no account.</span></h1>
            <p class="lead">Video, voice and chat in the browser. Open a room, send its link, talk.</p>
            <div class="ways">
              <button type="button" class="button primary" data-testid="new-room" @click=${this.#onNew}>
                ${icon('plus')} New room
              </button>
              <form @submit=${this.#onEnter} novalidate>
                <label class="visually-hidden" for="room">Name or link of a room</label>
                <input
                  id="room"
                  data-testid="room-name"
                  placeholder="Room name or link"
                  autocomplete="off"
                  autocapitalize="none"
                  spellcheck="false"
                  enterkeyhint="go"
                  aria-invalid=${this.complaint !== ''}
                  aria-describedby=${this.complaint === '' ? nothing : 'complaint'}
                  .value=${this.text}
                  @input=${this.#onInput}
                />
                <button class="button" data-testid="enter-room">Enter</button>
              </form>
            </div>
            <p class="complaint" id="complaint" role="alert">${this.complaint}</p>
            <p class="also"><a href=${DROP_PATH} data-testid="drop">Send files</a> from browser to browser</p>
            ${this.rooms.length === 0 ? nothing : this.#recent()}
          </div>
          ${picture()}
        </div>
      </div>
    `;
  }

  #recent(): TemplateResult {
    return html`<section class="recent" aria-labelledby="recent">
      <h2 id="recent">Recent rooms</h2>
      <ul>
        ${this.rooms.map(
          ({ name, at }) =>
            html`<li>
              <a href=${roomPath(name)}>
                <span class="name">${name}</span>
                <span class="when">${ago(at, Date.now())}</span>
              </a>
              <button
                type="button"
                class="icon-button"
                aria-label="Forget ${name}"
                title="Forget this room"
                @click=${() => this.#forget(name)}
              >
                ${icon('close')}
              </button>
            </li>`,
        )}
      </ul>
    </section>`;
  }

  #forget(name: string): void {
    forgetRoom(localStorage, name);
    this.rooms = recentRooms(localStorage);
  }

  readonly #onNew = (): void => {
    location.assign(roomPath(randomRoomName()));
  };

  readonly #onInput = (event: Event): void => {
    this.text = (event.target as HTMLInputElement).value;
    this.complaint = '';
  };

  readonly #onEnter = (event: Event): void => {
    event.preventDefault();
    const name = readRoomName(this.text);
    if (name !== undefined) {
      location.assign(roomPath(name));
      return;
    }
    this.complaint = 'Type the name of a room: letters, digits, dots and dashes.';
    this.renderRoot.querySelector('input')?.focus();
  };
}
