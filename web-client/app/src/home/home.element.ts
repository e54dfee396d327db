import { baseStyles, buttonStyles, fieldStyles, icon, type Language, mark, OrielElement } from '@oriel/elements/styles';
import { html, nothing, type TemplateResult } from 'lit';
import { inSameLanguage } from '../same-language.ts';
import { forgetRoom, type RecentRoom, recentRooms } from '../recent-rooms.ts';
import { randomRoomName, readRoomName } from '../room-name.ts';
import { DROP_PATH, roomPath } from '../route.ts';
import { ago } from './ago.ts';
import { homeStyles } from './home.styles.ts';
import { picture } from './picture.ts';
import type { Texts } from './texts/english.ts';
import { homeTexts } from './texts/texts.ts';

/** The start page. */
export class HomeElement extends OrielElement {
  static override styles = [baseStyles, buttonStyles, fieldStyles, homeStyles];
  static override properties = {
    language: { attribute: false },
    lost: { type: Boolean },
    rooms: { state: true },
    text: { state: true },
    complaint: { state: true },
  };

  /** What it speaks; English by default. */
  declare language: Language<Texts>;
  /** The address led nowhere. */
  declare lost: boolean;
  private declare rooms: readonly RecentRoom[];
  private declare text: string;
  private declare complaint: string;

  constructor() {
    super();
    this.language = homeTexts.english;
    this.lost = false;
    this.rooms = recentRooms(localStorage);
    this.text = '';
    this.complaint = '';
  }

  override render(): TemplateResult {
    const { texts } = this.language;
    return html`
      <div class="page">
        <p class="brand">${mark()} Oriel</p>
        <div class="columns">
          <div class="words">
            ${this.lost ? html`<p class="lost">${texts.lost}</p>` : nothing}
            <h1>${texts.title} <span>${texts.subtitle}</span></h1>
            <p class="lead">${texts.lead}</p>
            <div class="ways">
              <button type="button" class="button primary" data-testid="new-room" @click=${this.#onNew}>
                ${icon('plus')} ${texts.newRoom}
              </button>
              <form @submit=${this.#onEnter} novalidate>
                <label class="visually-hidden" for="room">${texts.field}</label>
                <input
                  id="room"
                  data-testid="room-name"
                  placeholder=${texts.fieldHint}
                  autocomplete="off"
                  autocapitalize="none"
                  spellcheck="false"
                  enterkeyhint="go"
                  aria-invalid=${this.complaint !== ''}
                  aria-describedby=${this.complaint === '' ? nothing : 'complaint'}
                  .value=${this.text}
                  @input=${this.#onInput}
                />
                <button class="button" data-testid="enter-room">${texts.enter}</button>
              </form>
            </div>
            <p class="complaint" id="complaint" role="alert">${this.complaint}</p>
            <p class="also"><a href=${inSameLanguage(DROP_PATH)} data-testid="drop">${texts.sendFiles}</a> ${texts.sendFilesHow}</p>
            ${this.rooms.length === 0 ? nothing : this.#recent()}
          </div>
          ${picture()}
        </div>
      </div>
    `;
  }

  #recent(): TemplateResult {
    const { code, texts } = this.language;
    return html`<section class="recent" aria-labelledby="recent">
      <h2 id="recent">${texts.recent}</h2>
      <ul>
        ${this.rooms.map(
          ({ name, at }) =>
            html`<li>
              <a href=${inSameLanguage(roomPath(name))}>
                <span class="name" dir="auto">${name}</span>
                <span class="when">${ago(at, Date.now(), code)}</span>
              </a>
              <button
                type="button"
                class="icon-button"
                aria-label=${texts.forget(name)}
                title=${texts.forgetThis}
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
    location.assign(inSameLanguage(roomPath(randomRoomName())));
  };

  readonly #onInput = (event: Event): void => {
    this.text = (event.target as HTMLInputElement).value;
    this.complaint = '';
  };

  readonly #onEnter = (event: Event): void => {
    event.preventDefault();
    const name = readRoomName(this.text);
    if (name !== undefined) {
      location.assign(inSameLanguage(roomPath(name)));
      return;
    }
    this.complaint = this.language.texts.complaint;
    this.renderRoot.querySelector('input')?.focus();
  };
}
