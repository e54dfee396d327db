import type { RoomElement } from '@oriel/elements/room';
import { baseStyles, buttonStyles, copyText, fieldStyles, mark, OrielElement } from '@oriel/elements/styles';
import { html, type TemplateResult } from 'lit';
import { randomRoomName } from '../room-name.ts';
import { demoStyles } from './demo.styles.ts';
import { snippet, type Way, WAYS } from './snippets.ts';
import { english, type Texts } from './texts/english.ts';

/** Lines in the list of events. */
const MOST_LINES = 50;
/** Milliseconds that the button says that it has copied. */
const SAID = 2000;

/** A room embedded in this page, what it tells, and the snippets. */
export class DemoElement extends OrielElement {
  static override styles = [baseStyles, buttonStyles, fieldStyles, demoStyles];
  static override properties = {
    texts: { attribute: false },
    language: { attribute: false },
    isolated: { state: true },
    accent: { state: true },
    round: { state: true },
    way: { state: true },
    lines: { state: true },
    copied: { state: true },
  };

  /** The catalogue. */
  declare texts: Texts;
  /** Its tag. */
  declare language: string;
  private declare isolated: boolean;
  private declare accent: string;
  private declare round: boolean;
  private declare way: Way;
  private declare lines: readonly string[];
  private declare copied: boolean;

  readonly #room = randomRoomName();
  readonly #sheet = new CSSStyleSheet();

  constructor() {
    super();
    this.texts = english;
    this.language = 'en';
    this.isolated = false;
    this.accent = '';
    this.round = true;
    this.way = 'html';
    this.lines = [];
    this.copied = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    const root = this.renderRoot as ShadowRoot;
    root.adoptedStyleSheets = [...root.adoptedStyleSheets, this.#sheet];
  }

  override render(): TemplateResult {
    const { texts } = this;
    return html`<div class="page">
      <header>
        <a class="brand" href="/">${mark()} Oriel</a>
        <h1>${texts.title}</h1>
        <p class="lead">${texts.lead}</p>
      </header>
      <div class="columns">
        <section aria-labelledby="try">
          <h2 id="try">${texts.tryIt}</h2>
          <div class="settings">
            ${this.#modes()}
            <label class="colour">${texts.accent} <input type="color" data-testid="accent" .value=${this.accent === '' ? '#0a6b5c' : this.accent} @input=${this.#onAccent} /></label>
            <label><input type="checkbox" data-testid="round" .checked=${this.round} @change=${this.#onRound} /> ${texts.corners}</label>
          </div>
          <div class="embedded" data-testid="embedded">${this.#embedded()}</div>
          <h3>${texts.events}</h3>
          <ol class="events" data-testid="events" tabindex="0" aria-label=${texts.events}>
            ${this.lines.length === 0 ? html`<li class="none">${texts.nothingYet}</li>` : this.lines.map((line) => html`<li dir="ltr">${line}</li>`)}
          </ol>
          <button type="button" class="button" data-testid="doctor" @click=${this.#onDoctor}>${texts.doctor}</button>
        </section>
        <section aria-labelledby="copy">
          <h2 id="copy">${texts.copyTitle}</h2>
          <div class="tabs" role="group" aria-label=${texts.which}>
            ${WAYS.map(
              (way) =>
                html`<button type="button" class="button" data-testid="way-${way}" aria-pressed=${this.way === way} @click=${() => (this.way = way)}>
                  ${texts.ways[way]}
                </button>`,
            )}
          </div>
          <pre dir="ltr" tabindex="0" aria-label=${texts.ways[this.way]} data-testid="snippet">${this.#snippet()}</pre>
          <button type="button" class="button primary" data-testid="copy" @click=${this.#onCopy}>
            <span role="status">${this.copied ? texts.copied : texts.copy}</span>
          </button>
        </section>
      </div>
    </div>`;
  }

  #modes(): TemplateResult {
    const { texts } = this;
    return html`<div class="tabs" role="group" aria-label=${texts.mode}>
      ${[false, true].map(
        (isolated) =>
          html`<button
            type="button"
            class="button"
            data-testid=${isolated ? 'mode-frame' : 'mode-tree'}
            aria-pressed=${this.isolated === isolated}
            @click=${() => (this.isolated = isolated)}
          >
            ${isolated ? texts.frame : texts.tree}
          </button>`,
      )}
    </div>`;
  }

  /** The very element that others embed. */
  #embedded(): TemplateResult {
    const note = (event: Event): void => {
      const { type, detail } = event as CustomEvent<unknown>;
      const line = detail === undefined || detail === null ? type : `${type} ${JSON.stringify(detail)}`;
      this.lines = [line, ...this.lines].slice(0, MOST_LINES);
    };
    return html`<oriel-room
      room-name=${this.#room}
      lang=${this.language}
      link=${`${location.origin}/r/${this.#room}`}
      isolate=${this.isolated ? 'iframe' : ''}
      @oriel-ready=${note}
      @oriel-joined=${note}
      @oriel-left=${note}
      @oriel-error=${note}
      @oriel-status=${note}
      @oriel-blocked=${note}
      @oriel-participant-connected=${note}
      @oriel-participant-disconnected=${note}
      @oriel-chat-message=${note}
    ></oriel-room>`;
  }

  protected override updated(): void {
    const colour = this.accent === '' ? '' : `--oriel-accent: ${this.accent};`;
    this.#sheet.replaceSync(`oriel-room { ${colour} } ${this.round ? '' : 'oriel-room::part(button) { border-radius: 0 } oriel-room::part(preview) { border-radius: 0 }'}`);
    void this.#element()?.updateLooks();
  }

  #element(): RoomElement | null {
    return this.renderRoot.querySelector<RoomElement>('oriel-room');
  }

  #snippet(): string {
    return snippet(this.way, location.origin, this.#room, this.isolated);
  }

  readonly #onAccent = (event: Event): void => {
    this.accent = (event.target as HTMLInputElement).value;
  };

  readonly #onRound = (event: Event): void => {
    this.round = (event.target as HTMLInputElement).checked;
  };

  readonly #onCopy = async (): Promise<void> => {
    this.copied = await copyText(this.#snippet());
    setTimeout(() => (this.copied = false), SAID);
  };

  readonly #onDoctor = async (): Promise<void> => {
    const found = (await this.#element()?.diagnose()) ?? [];
    const troubles = found.filter(({ cause }) => cause !== 'none').map(({ title, advice, fix }) => `${title}. ${advice} ${fix}`);
    this.lines = [...(troubles.length === 0 ? [this.texts.fine] : troubles), ...this.lines].slice(0, MOST_LINES);
  };
}
