import { Feed, type OrielError, type ServerEvent, type ServerMeasured } from '@oriel/client';
import { baseStyles, buttonStyles, fieldStyles, type Language, mark, OrielElement } from '@oriel/elements/styles';
import { html, nothing, type TemplateResult } from 'lit';
import { chart } from './chart.ts';
import { age, bits, bytes } from './format.ts';
import { grade, KEPT, StatusModel, total, TYPES, type Grade, type RoomStatus } from './model.ts';
import { statusStyles } from './status.styles.ts';
import type { Texts } from './texts/english.ts';
import { statusTexts } from './texts/texts.ts';

/** Where the token is kept as long as the tab is open. */
const TOKEN = 'oriel-status-token';
/** Dots that are drawn for one room. */
const MOST_DOTS = 60;

/** The page: what the server's feed says, and nothing else. */
export class StatusElement extends OrielElement {
  static override styles = [baseStyles, buttonStyles, fieldStyles, statusStyles];

  static override properties = { language: { attribute: false } };

  /** What it speaks; English by default. */
  declare language: Language<Texts>;

  #model = new StatusModel();
  #feed: Feed<ServerEvent> | undefined;
  #isOpen = false;
  #error: OrielError | undefined;

  constructor() {
    super();
    this.language = statusTexts.english;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // In the fragment it reaches no server's log; out of the address it is in nobody's history.
    const given = new URLSearchParams(location.hash.slice(1)).get('token');
    if (given !== null) history.replaceState(null, '', location.pathname);
    const token = given ?? sessionStorage.getItem(TOKEN);
    if (token) this.#read(token);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#feed?.close();
  }

  #read(token: string): void {
    sessionStorage.setItem(TOKEN, token);
    this.#feed?.close();
    this.#model = new StatusModel();
    this.#error = undefined;
    this.#feed = Feed.ofServer(
      location.origin,
      {
        token,
        types: TYPES,
        onState: (isOpen) => {
          this.#isOpen = isOpen;
          this.requestUpdate();
        },
        onEnd: (error) => {
          sessionStorage.removeItem(TOKEN);
          this.#feed = undefined;
          this.#error = error;
          this.requestUpdate();
        },
      },
      (event) => {
        this.#model.apply(event);
        this.requestUpdate();
      },
    );
    this.requestUpdate();
  }

  override render(): TemplateResult {
    const { texts } = this.language;
    return html`<div class="page">
      <header>
        <a class="brand" href="/">${mark()} Oriel</a>
        <h1>${texts.title}</h1>
        ${this.#feed ? html`<p class="state" role="status" ?data-open=${this.#isOpen}>${this.#isOpen ? texts.live : texts.connecting}</p>` : nothing}
      </header>
      ${this.#feed ? this.#server() : this.#door()}
    </div>`;
  }

  #door(): TemplateResult {
    const { texts } = this.language;
    const [before, after] = texts.tokenHint;
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      const token = new FormData(event.target as HTMLFormElement).get('token');
      if (typeof token === 'string' && token.trim()) this.#read(token.trim());
    };
    return html`<form class="door" @submit=${submit}>
      <label for="token">${texts.token}</label>
      <p class="hint">${before} <code dir="ltr">oriel token --observe</code>${after}</p>
      <div class="row">
        <input id="token" name="token" autocomplete="off" spellcheck="false" required aria-describedby="complaint" />
        <button class="button primary">${texts.show}</button>
      </div>
      <p id="complaint" class="complaint" role="alert">${this.#error ? texts.ended(this.#error.message, this.#error.hint) : nothing}</p>
    </form>`;
  }

  #server(): TemplateResult {
    const { beats, rooms } = this.#model;
    const now = beats.at(-1);
    const { texts } = this.language;
    return html`
      <section class="tiles" aria-label=${texts.server}>
        ${this.#tile(texts.participants, now && String(now.participants), beats, [(beat) => beat.participants], 5)}
        ${this.#tile(texts.received, now && bits(now.received.bits_per_second), beats, [(beat) => beat.received.bits_per_second], 100_000)}
        ${this.#tile(texts.sent, now && bits(now.sent.bits_per_second), beats, [(beat) => beat.sent.bits_per_second], 100_000)}
        ${this.#tile(texts.packets, now && `${now.received.packets_per_second + now.sent.packets_per_second} /s`, beats, [(beat) => beat.received.packets_per_second + beat.sent.packets_per_second], 50)}
        ${this.#tile(texts.processor, now && `${now.processor_percent} %`, beats, [(beat) => beat.processor_percent], 100)}
        ${this.#tile(texts.memory, now && bytes(now.memory_bytes), beats, [(beat) => beat.memory_bytes], 1)}
      </section>
      ${now ? workers(now, texts) : nothing}
      <section aria-label=${texts.roomList}>
        <h2>${texts.rooms(rooms.size)}</h2>
        ${rooms.size === 0 ? html`<p class="hint">${texts.nobody}</p>` : nothing}
        <ul class="rooms">${[...rooms.values()].map((one) => room(one, texts))}</ul>
      </section>`;
  }

  #tile(name: string, value: string | undefined, beats: readonly ServerMeasured[], of: ((beat: ServerMeasured) => number)[], most: number): TemplateResult {
    const lines = of.map((one) => beats.map(one));
    return html`<article class="tile">
      <h2>${name}</h2>
      <p class="value"><bdi dir="ltr">${value ?? '–'}</bdi></p>
      ${chart(this.language.texts.lastMinutes(name), lines, KEPT, most)}
    </article>`;
  }
}

function workers({ workers: all }: ServerMeasured, texts: Texts): TemplateResult {
  return html`<section class="workers" aria-label=${texts.threads}>
    ${all.map(
      ({ busy_percent: busy, sessions }, index) => html`<div class="worker">
        <span>${texts.thread(index + 1)}</span>
        <meter min="0" max="100" high="80" value=${busy} aria-label=${texts.threadLoad(index + 1)}>${busy} %</meter>
        <span class="number">${texts.threadState(busy, sessions)}</span>
      </div>`,
    )}
  </section>`;
}

function room({ name, startedAt, participants, quality }: RoomStatus, texts: Texts): TemplateResult {
  const [received, sent] = [total(quality, 'received'), total(quality, 'sent')];
  const grades = quality.map(grade);
  const count = (one: Grade): number => grades.filter((each) => each === one).length;
  const summary = (['good', 'fair', 'poor'] as const).filter((one) => count(one) > 0).map((one) => texts[one](count(one)));
  const delays = quality.flatMap(({ round_trip_ms: delay }) => delay ?? []);
  return html`<li class="room">
    <div class="what">
      <h3><bdi>${name}</bdi></h3>
      <p class="hint">${texts.age(age(Date.now() - startedAt))}</p>
    </div>
    <dl>
      <div><dt>${texts.people}</dt><dd><bdi dir="ltr">${participants}</bdi></dd></div>
      <div><dt>${texts.in}</dt><dd><bdi dir="ltr">${bits(received.bits_per_second)}</bdi></dd></div>
      <div><dt>${texts.out}</dt><dd><bdi dir="ltr">${bits(sent.bits_per_second)}</bdi></dd></div>
      <div><dt>${texts.lost}</dt><dd><bdi dir="ltr">${(Math.max(received.lost_per_thousand, sent.lost_per_thousand) / 10).toFixed(1)} %</bdi></dd></div>
      <div><dt>${texts.delay}</dt><dd><bdi dir="ltr">${delays.length > 0 ? `${Math.max(...delays)} ms` : '–'}</bdi></dd></div>
    </dl>
    <p class="dots" role="img" aria-label=${quality.length > 0 ? texts.media(summary.join(', ')) : texts.noMedia}>
      ${grades.slice(0, MOST_DOTS).map((one) => html`<i data-grade=${one}></i>`)}
      ${grades.length > MOST_DOTS ? html`<span>+${grades.length - MOST_DOTS}</span>` : nothing}
    </p>
  </li>`;
}
