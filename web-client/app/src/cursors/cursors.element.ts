import { OrielError, Room, type DataMessage, type DataPath, type Topic } from '@oriel/client';
import { baseStyles, buttonStyles, type Language, mark, OrielElement } from '@oriel/elements/styles';
import { html, nothing, type TemplateResult } from 'lit';
import { isRoomName, randomRoomName } from '../room-name.ts';
import { Board } from './board.ts';
import { cursorsStyles } from './cursors.styles.ts';
import { Delays, Rate } from './figures.ts';
import { decode, encode, type Message, type Place } from './message.ts';
import type { Texts } from './texts/english.ts';
import { joinBy, wayOf, WAYS, type Way } from './way.ts';

/** Everybody who opens the page without a `?room=` meets there. */
const ROOM = 'cursors';
/** Milliseconds between two places that are told, at least. */
const PACE = 33;
/** Milliseconds after which a place is told again: the last one may have been lost. */
const AGAIN = 1_000;
/** Milliseconds between two questions for an echo, and for each other person: all of them answer. */
const ASK = 200;
const ASK_EACH = 20;
/** Milliseconds between two looks at the figures. */
const LOOK = 500;
/** How far an arrow key goes. */
const STEP = 0.02;

/** What the way of each path is called. */
const PATHS: Readonly<Record<DataPath, Way>> = { webtransport: 'webtransport', channel: 'channel', signaling: 'websocket' };
const ARROWS: Readonly<Record<string, Place>> = { ArrowLeft: { x: -1, y: 0 }, ArrowRight: { x: 1, y: 0 }, ArrowUp: { x: 0, y: -1 }, ArrowDown: { x: 0, y: 1 } };

/** The board, the figures, and the choice of the way. */
export class CursorsElement extends OrielElement {
  static override styles = [baseStyles, buttonStyles, cursorsStyles];

  static override properties = { language: { attribute: false } };

  declare language: Language<Texts>;

  readonly #query = new URLSearchParams(location.search);
  readonly #way = wayOf(location.search);
  readonly #room = new Room({ adaptiveViewport: false });
  readonly #topic: Topic = this.#room.data.topic('cursors', { reliability: 'lossy', ordered: true });
  readonly #delays = new Delays();
  readonly #sent = new Rate();
  readonly #received = new Rate();
  #board: Board | undefined;
  /** Where our own pointer is, if it is on the board. */
  #place: Place | undefined;
  /** It is not the browser that shows it: a finger, or the arrow keys. */
  #isDrawn = false;
  #told = -Infinity;
  #later: ReturnType<typeof setTimeout> | undefined;
  #timers: ReturnType<typeof setTimeout>[] = [];
  #asking: ReturnType<typeof setTimeout> | undefined;
  #error: OrielError | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    const room = this.#room;
    room.on('connectionStateChanged', () => this.requestUpdate());
    room.on('participantConnected', () => {
      this.#tell();
      this.requestUpdate();
    });
    room.on('participantDisconnected', ({ id }) => {
      this.#board?.hide(id);
      this.requestUpdate();
    });
    room.on('disconnected', () => {
      this.#board?.clear();
      this.requestUpdate();
    });
    room.on('error', (error) => this.#failed(error));
    this.#topic.subscribe((message) => this.#hear(message));
    this.#timers = [setInterval(() => this.#tell(), AGAIN), setInterval(() => this.requestUpdate(), LOOK)];
    this.#ask();
    void this.#join();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#timers.forEach(clearInterval);
    clearTimeout(this.#asking);
    clearTimeout(this.#later);
    void this.#room.disconnect();
  }

  protected override firstUpdated(): void {
    this.#board = new Board(this.renderRoot.querySelector<HTMLElement>('.board')!);
  }

  async #join(): Promise<void> {
    this.#error = undefined;
    const asked = this.#query.get('room') ?? '';
    const name = this.#query.get('name')?.slice(0, 32) || somebody();
    try {
      await this.#room.join({ room: isRoomName(asked) ? asked : ROOM, name, ...joinBy(this.#way) });
    } catch (error) {
      this.#failed(OrielError.from(error, 'unreachable'));
    }
  }

  #failed(error: OrielError): void {
    this.#error = error;
    this.requestUpdate();
  }

  #send(message: Message, to?: string): void {
    if (this.#room.state !== 'connected') return;
    this.#sent.add(performance.now());
    // One that does not get out in time is worth nothing: the next one is on its way.
    this.#topic.send(encode(message), to === undefined ? {} : { to: [to] }).catch(() => {});
  }

  #hear({ payload, from }: DataMessage): void {
    const now = performance.now();
    this.#received.add(now);
    const message = decode(payload);
    const participant = this.#room.remoteParticipants.get(from);
    if (!message || !participant) return;
    if (message.kind === 'at') this.#board?.show(from, participant.identity, participant.name, message.place);
    else if (message.kind === 'away') this.#board?.hide(from);
    else if (message.kind === 'ask') this.#send({ kind: 'echo', stamp: message.stamp }, from);
    // There and back: half of it is one way.
    else if (message.stamp <= now) this.#delays.add((now - message.stamp) / 2);
  }

  #ask(): void {
    const others = this.#room.remoteParticipants.size;
    if (others > 0) this.#send({ kind: 'ask', stamp: performance.now() });
    this.#asking = setTimeout(() => this.#ask(), ASK + ASK_EACH * others);
  }

  /** Tells where our pointer is, now. */
  #tell(): void {
    clearTimeout(this.#later);
    this.#later = undefined;
    if (!this.#place) return;
    this.#told = performance.now();
    this.#send({ kind: 'at', place: this.#place });
  }

  #moveTo(place: Place, isDrawn: boolean): void {
    this.#place = { x: Math.min(1, Math.max(0, place.x)), y: Math.min(1, Math.max(0, place.y)) };
    this.#isDrawn = isDrawn;
    const { id, identity, name } = this.#room.localParticipant;
    if (isDrawn) this.#board?.show(id, identity, this.language.texts.you(name), this.#place);
    else this.#board?.hide(id);
    const wait = this.#told + PACE - performance.now();
    if (wait <= 0) this.#tell();
    else this.#later ??= setTimeout(() => this.#tell(), wait);
  }

  readonly #onPointer = (event: PointerEvent): void => {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    this.#moveTo({ x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height }, event.pointerType !== 'mouse');
  };

  readonly #onLeave = (event: PointerEvent): void => {
    // A finger that is lifted leaves its place to be seen.
    if (event.pointerType !== 'mouse' || this.#isDrawn) return;
    this.#place = undefined;
    clearTimeout(this.#later);
    this.#later = undefined;
    this.#send({ kind: 'away' });
  };

  readonly #onKey = (event: KeyboardEvent): void => {
    const arrow = ARROWS[event.key];
    if (!arrow) return;
    event.preventDefault();
    const { x, y } = this.#place ?? { x: 0.5, y: 0.5 };
    this.#moveTo({ x: x + arrow.x * STEP, y: y + arrow.y * STEP }, true);
  };

  override render(): TemplateResult {
    const { state } = this.#room;
    const { texts, code } = this.language;
    const isIn = state === 'connected';
    return html`<div class="page">
      <header>
        <a class="brand" href="/" aria-label=${texts.home}>${mark()} Oriel</a>
        <h1>${texts.title}</h1>
        <p class="state" role="status" data-testid="state" ?data-open=${isIn}>${this.#state()}</p>
      </header>
      <div
        class="board"
        data-testid="board"
        role="application"
        aria-label=${texts.board}
        tabindex="0"
        @pointermove=${this.#onPointer}
        @pointerdown=${this.#onPointer}
        @pointerleave=${this.#onLeave}
        @keydown=${this.#onKey}
      >
        ${isIn && this.#room.remoteParticipants.size === 0 ? html`<p class="hint">${texts.alone}</p>` : nothing}
        ${this.#error ? html`<p class="hint complaint" role="alert">${texts.problem(this.#error)}</p>` : nothing}
        ${state === 'disconnected' && this.#error ? html`<p class="hint"><button class="button" @click=${() => void this.#join()}>${texts.again}</button></p>` : nothing}
      </div>
      <footer>
        <dl>
          <div><dt>${texts.median}</dt><dd data-testid="p50">${milliseconds(this.#delays.quantile(0.5), code)}</dd></div>
          <div><dt>${texts.slowest}</dt><dd data-testid="p99">${milliseconds(this.#delays.quantile(0.99), code)}</dd></div>
          <div><dt>${texts.messages}</dt><dd data-testid="rate">${this.#rates()}</dd></div>
          <div><dt>${texts.path}</dt><dd data-testid="path">${isIn ? texts.ways[PATHS[this.#room.data.path('lossy')]] : '–'}</dd></div>
        </dl>
        <nav aria-label=${texts.whichWay}>${WAYS.map((way) => html`<a class="way" href=${this.#address(way)} aria-current=${way === this.#way ? 'page' : 'false'}>${texts.ways[way]}</a>`)}</nav>
      </footer>
    </div>`;
  }

  #state(): string {
    const { texts } = this.language;
    if (this.#room.state === 'disconnected' && this.#error) return texts.notConnected;
    if (this.#room.state !== 'connected') return texts.connecting;
    return texts.people(this.#room.remoteParticipants.size + 1);
  }

  #rates(): string {
    const now = performance.now();
    return this.language.texts.perSecond(this.#received.at(now), this.#sent.at(now));
  }

  #address(way: Way): string {
    const query = new URLSearchParams(this.#query);
    query.set('way', way);
    return `${location.pathname}?${query.toString()}`;
  }
}

/** A name for somebody who has given none. */
function somebody(): string {
  const [word = ''] = randomRoomName().split('-');
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function milliseconds(delay: number | undefined, code: string): string {
  if (delay === undefined) return '–';
  const digits = delay < 10 ? 1 : 0;
  return new Intl.NumberFormat(code, { style: 'unit', unit: 'millisecond', minimumFractionDigits: digits, maximumFractionDigits: digits, useGrouping: false }).format(delay);
}
