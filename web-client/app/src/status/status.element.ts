import { Feed, type OrielError, type ServerEvent, type ServerMeasured } from '@oriel/client';
import { baseStyles, buttonStyles, fieldStyles, mark, OrielElement } from '@oriel/elements/styles';
import { html, nothing, type TemplateResult } from 'lit';
import { chart } from './chart.ts';
import { age, bits, bytes } from './format.ts';
import { grade, KEPT, StatusModel, total, TYPES, type Grade, type RoomStatus } from './model.ts';
import { statusStyles } from './status.styles.ts';

/** Where the token is kept as long as the tab is open. */
const TOKEN = 'oriel-status-token';
/** Dots that are drawn for one room. */
const MOST_DOTS = 60;
const GRADES: Record<Grade, string> = { good: 'good', fair: 'with some losses or delay', poor: 'poor' };

/** The page: what the server's feed says, and nothing else. */
export class StatusElement extends OrielElement {
  static override styles = [baseStyles, buttonStyles, fieldStyles, statusStyles];

  #model = new StatusModel();
  #feed: Feed<ServerEvent> | undefined;
  #isOpen = false;
  #error: OrielError | undefined;

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
    return html`<div class="page">
      <header>
        <a class="brand" href="/">${mark()} Oriel</a>
        <h1>Status</h1>
        ${this.#feed ? html`<p class="state" role="status" ?data-open=${this.#isOpen}>${this.#isOpen ? 'Live' : 'Connecting …'}</p>` : nothing}
      </header>
      ${this.#feed ? this.#server() : this.#door()}
    </div>`;
  }

  #door(): TemplateResult {
    const submit = (event: SubmitEvent): void => {
      event.preventDefault();
      const token = new FormData(event.target as HTMLFormElement).get('token');
      if (typeof token === 'string' && token.trim()) this.#read(token.trim());
    };
    return html`<form class="door" @submit=${submit}>
      <label for="token">Token of an observer</label>
      <p class="hint">The server's operator makes one with <code>oriel token --observe</code>.</p>
      <div class="row">
        <input id="token" name="token" autocomplete="off" spellcheck="false" required aria-describedby="complaint" />
        <button class="button primary">Show</button>
      </div>
      <p id="complaint" class="complaint" role="alert">${this.#error ? `${this.#error.message}. ${this.#error.hint}` : nothing}</p>
    </form>`;
  }

  #server(): TemplateResult {
    const { beats, rooms } = this.#model;
    const now = beats.at(-1);
    return html`
      <section class="tiles" aria-label="The server">
        ${this.#tile('Participants', now && String(now.participants), beats, [(beat) => beat.participants], 5)}
        ${this.#tile('From publishers', now && bits(now.received.bits_per_second), beats, [(beat) => beat.received.bits_per_second], 100_000)}
        ${this.#tile('To subscribers', now && bits(now.sent.bits_per_second), beats, [(beat) => beat.sent.bits_per_second], 100_000)}
        ${this.#tile('Packets', now && `${now.received.packets_per_second + now.sent.packets_per_second} /s`, beats, [(beat) => beat.received.packets_per_second + beat.sent.packets_per_second], 50)}
        ${this.#tile('Processor', now && `${now.processor_percent} %`, beats, [(beat) => beat.processor_percent], 100)}
        ${this.#tile('Memory', now && bytes(now.memory_bytes), beats, [(beat) => beat.memory_bytes], 1)}
      </section>
      ${now ? workers(now) : nothing}
      <section aria-label="Rooms">
        <h2>${rooms.size === 1 ? '1 room' : `${rooms.size} rooms`}</h2>
        ${rooms.size === 0 ? html`<p class="hint">Nobody is in a room now.</p>` : nothing}
        <ul class="rooms">${[...rooms.values()].map(room)}</ul>
      </section>`;
  }

  #tile(name: string, value: string | undefined, beats: readonly ServerMeasured[], of: ((beat: ServerMeasured) => number)[], most: number): TemplateResult {
    const lines = of.map((one) => beats.map(one));
    return html`<article class="tile">
      <h2>${name}</h2>
      <p class="value">${value ?? '–'}</p>
      ${chart(`${name} in the last five minutes`, lines, KEPT, most)}
    </article>`;
  }
}

function workers({ workers: all }: ServerMeasured): TemplateResult {
  return html`<section class="workers" aria-label="Media threads">
    ${all.map(
      ({ busy_percent: busy, sessions }, index) => html`<div class="worker">
        <span>Media thread ${index + 1}</span>
        <meter min="0" max="100" high="80" value=${busy} aria-label="Load of media thread ${index + 1}">${busy} %</meter>
        <span class="number">${busy} %, ${sessions === 1 ? '1 session' : `${sessions} sessions`}</span>
      </div>`,
    )}
  </section>`;
}

function room({ name, startedAt, participants, quality }: RoomStatus): TemplateResult {
  const [received, sent] = [total(quality, 'received'), total(quality, 'sent')];
  const grades = quality.map(grade);
  const count = (one: Grade): number => grades.filter((each) => each === one).length;
  const summary = (['good', 'fair', 'poor'] as const).filter((one) => count(one) > 0).map((one) => `${count(one)} ${GRADES[one]}`);
  const delays = quality.flatMap(({ round_trip_ms: delay }) => delay ?? []);
  return html`<li class="room">
    <div class="what">
      <h3>${name}</h3>
      <p class="hint">for ${age(Date.now() - startedAt)}</p>
    </div>
    <dl>
      <div><dt>People</dt><dd>${participants}</dd></div>
      <div><dt>In</dt><dd>${bits(received.bits_per_second)}</dd></div>
      <div><dt>Out</dt><dd>${bits(sent.bits_per_second)}</dd></div>
      <div><dt>Lost</dt><dd>${(Math.max(received.lost_per_thousand, sent.lost_per_thousand) / 10).toFixed(1)} %</dd></div>
      <div><dt>Delay</dt><dd>${delays.length > 0 ? `${Math.max(...delays)} ms` : '–'}</dd></div>
    </dl>
    <p class="dots" role="img" aria-label=${quality.length > 0 ? `Media: ${summary.join(', ')}` : 'No media'}>
      ${grades.slice(0, MOST_DOTS).map((one) => html`<i data-grade=${one}></i>`)}
      ${grades.length > MOST_DOTS ? html`<span>+${grades.length - MOST_DOTS}</span>` : nothing}
    </p>
  </li>`;
}
