import type { Participant, Room } from '@oriel/client';
import type { ChosenFile, Drop, Receiving } from '@oriel/drop';
import { css, html, nothing, type TemplateResult } from 'lit';
import { type Announcement, OrielElement } from '../element/element.ts';
import { RoomController } from '../element/room-controller.ts';
import { icon } from '../icons/icon.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { fieldStyles } from '../styles/field.styles.ts';
import { bytesInWords, percentOf } from './amounts.ts';
import { filesDropped, filesOf } from './chosen.ts';
import { filesStyles } from './files.styles.ts';
import { offerCard } from './offer-card.ts';
import { Reader } from '../texts/reader.ts';
import { filesTexts, type Language } from './texts/texts.ts';
import type { Code } from '../texts/language.ts';
import { transferRow } from './transfer-row.ts';

/** How notes about files begin (`docs/transfer.md`). */
const NOTE = '{"drop":';
/** Notes that are kept until the part of the page is there that reads them. */
const MAX_EARLY = 64;

/** Files that somebody is about to send. */
interface Planned {
  readonly files: readonly ChosenFile[];
  readonly to: readonly Participant[];
}

/**
 * Files in a call: dropped onto somebody's tile for that person, anywhere else for all, straight from page to page.
 *
 * It listens on the element that it stands in. What it needs for sending is loaded when there is something to send.
 *
 * @fires oriel-announce - Something happened. `detail` is `{text, urgency}`, for a screen reader.
 * @csspart files - The card over the pictures.
 */
export class FilesElement extends OrielElement {
  static override styles = [
    baseStyles,
    buttonStyles,
    fieldStyles,
    filesStyles,
    css`
      .tray {
        position: absolute;
        z-index: 3;
        inset-block-end: 12px;
        inset-inline-start: 12px;
        width: min(420px, calc(100% - 24px));
        max-height: calc(100% - 24px);
        padding: 4px 16px 14px;
        overflow-y: auto;
        border: 1px solid var(--oriel-line);
        border-radius: var(--oriel-radius-large);
        background: var(--oriel-raised);
        box-shadow: var(--oriel-shadow);
      }
      header {
        display: flex;
        align-items: center;
        justify-content: space-between;
      }
      .over {
        position: absolute;
        z-index: 4;
        inset: 6px;
        display: grid;
        place-items: center;
        border: 3px dashed var(--oriel-on-scrim);
        border-radius: var(--oriel-radius-large);
        background: var(--oriel-scrim);
        color: var(--oriel-on-scrim);
        font-size: 1.2rem;
        font-weight: 650;
        pointer-events: none;
      }
      .list .card {
        margin: 0;
        padding: 12px;
      }
    `,
  ];
  static override properties = {
    room: { attribute: false },
    code: { attribute: false },
    downloads: { attribute: false },
    drop: { state: true },
    planned: { state: true },
    hashing: { state: true },
    target: { state: true },
    complaint: { state: true },
    isClosed: { state: true },
  };

  /** The room, joined. */
  declare room: Room | undefined;
  /** The language that the room speaks. */
  declare code: Code;
  /** Where the service worker is that makes downloads, if it is anywhere. */
  declare downloads: string | undefined;
  private declare drop: Drop | undefined;
  private declare planned: Planned | undefined;
  /** Percent; undefined while no files are read. */
  private declare hashing: number | undefined;
  /** For whom something is dragged at the moment. */
  private declare target: string | undefined;
  private declare complaint: string;
  private declare isClosed: boolean;

  readonly #reader = new Reader(this, filesTexts, () => [this.code]);
  readonly #early: { data: string; from: Participant }[] = [];
  readonly #names = new Map<Receiving, string>();
  #loading: Promise<Drop> | undefined;
  #isRelayOnly = false;
  /** Whom the field for files was opened for. */
  #to: readonly Participant[] = [];
  #stop = new AbortController();

  constructor() {
    super();
    this.code = 'en';
    this.complaint = '';
    this.isClosed = false;
    new RoomController(this, {
      signalReceived: (data, from) => this.#heard(data, from),
      participantDisconnected: undefined,
      disconnected: () => this.#end(),
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    const stage = this.parentElement;
    stage?.addEventListener('dragover', this.#onDragOver, { signal });
    stage?.addEventListener('dragleave', this.#onDragLeave, { signal });
    stage?.addEventListener('drop', this.#onDrop, { signal });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop.abort();
    this.#end();
  }

  /** Lets the person choose files for somebody, or for all. */
  choose(participant?: string): void {
    this.#to = this.#others(participant);
    this.renderRoot.querySelector<HTMLInputElement>('input[type=file]')?.click();
  }

  override render(): TemplateResult {
    return html`<input type="file" multiple hidden data-testid="call-files" @change=${this.#onFiles} />
      ${this.target === undefined ? nothing : html`<p class="over" aria-hidden="true">${this.target}</p>`} ${this.#tray()}`;
  }

  #tray(): TemplateResult | typeof nothing {
    const { drop, planned } = this;
    const { texts, code } = this.#language;
    const knocks = drop?.knocks ?? [];
    const offered = drop?.receivings.filter(({ state }) => state === 'offered') ?? [];
    const received = drop?.receivings.filter(({ state }) => state !== 'offered' && state !== 'declined') ?? [];
    const sendings = drop?.sendings ?? [];
    const isBusy = planned !== undefined || knocks.length + offered.length > 0 || this.hashing !== undefined;
    const isEmpty = !isBusy && this.complaint === '' && received.length + sendings.length === 0;
    if (isEmpty || (this.isClosed && !isBusy)) return nothing;
    return html`<section class="tray" part="files" aria-labelledby="title" data-testid="files-tray">
      <header>
        <h2 id="title">${texts.title}</h2>
        ${isBusy
          ? nothing
          : html`<button type="button" class="icon-button" part="button" aria-label=${texts.close} @click=${() => (this.isClosed = true)}>${icon('close')}</button>`}
      </header>
      ${this.complaint === '' ? nothing : html`<p class="complaint" role="alert">${this.complaint}</p>`}
      <ul class="list">
        ${planned === undefined ? nothing : this.#plan(planned)}
        ${knocks.map(
          (knock) =>
            html`<li class="card" data-testid="knock">
              <h2>${texts.offered(knock.person.name)}</h2>
              <p class="soft">${texts.files(knock.files ?? 0)}, ${bytesInWords(knock.bytes ?? 0, code)}</p>
              ${this.#notice()}
              <div class="actions">
                <button type="button" class="button primary" data-testid="admit" @click=${() => knock.admit()}>${texts.connect}</button>
                <button type="button" class="button" data-testid="refuse" @click=${() => knock.refuse()}>${texts.decline}</button>
              </div>
            </li>`,
        )}
        ${offered.map((offer) => offerCard(offer, this.#names.get(offer) ?? '', this.#language, this.#failed))}
      </ul>
      ${this.hashing === undefined ? nothing : html`<p role="status">${texts.hashing(this.hashing)}</p>`}
      <ul>
        ${received.map((transfer) => transferRow(transfer, texts.from(this.#names.get(transfer) ?? ''), this.#language, this.#failed))}
        ${sendings.map(({ sending, peer }) => transferRow(sending, texts.to(peer.person.name), this.#language, this.#failed))}
      </ul>
    </section>`;
  }

  #plan({ files, to }: Planned): TemplateResult {
    const { texts, code } = this.#language;
    const size = files.reduce((sum, { file }) => sum + file.size, 0);
    return html`<li class="card" data-testid="plan">
      <h2>${texts.to(to.map(({ name }) => name).join(', '))}</h2>
      <p class="soft">${texts.files(files.length)}, ${bytesInWords(size, code)}</p>
      ${this.#notice()}
      <div class="actions">
        <button type="button" class="button primary" data-testid="send-files" @click=${() => void this.#send()}>${icon('send')} ${texts.sendText}</button>
        <button type="button" class="button" @click=${() => (this.planned = undefined)}>${texts.cancel}</button>
      </div>
    </li>`;
  }

  get #language(): Language {
    return this.#reader.language;
  }

  /** What one should know before a direct connection. */
  #notice(): TemplateResult {
    const { texts } = this.#language;
    return html`<p>${texts.notice}</p>
      <label class="check">
        <input type="checkbox" .checked=${this.#isRelayOnly} @change=${this.#onRelayOnly} />
        ${texts.relayOnly}
      </label>`;
  }

  #others(participant: string | undefined): Participant[] {
    const all = [...(this.room?.remoteParticipants.values() ?? [])];
    return participant === undefined ? all : all.filter(({ id }) => id === participant);
  }

  #planFor(files: readonly ChosenFile[], to: readonly Participant[]): void {
    if (files.length === 0) return;
    this.isClosed = false;
    this.complaint = to.length === 0 ? this.#language.texts.noOneThere : '';
    this.planned = to.length === 0 ? undefined : { files, to };
  }

  async #send(): Promise<void> {
    const { planned } = this;
    if (planned === undefined) return;
    this.planned = undefined;
    this.hashing = 0;
    const total = planned.files.reduce((sum, { file }) => sum + file.size, 0);
    try {
      const drop = await this.#load();
      await drop.send(planned.files, { to: planned.to.map(({ id }) => id), hashed: (bytes) => (this.hashing = percentOf(bytes, total)) });
    } catch (error) {
      this.#failed(error);
    }
    this.hashing = undefined;
  }

  #heard(data: string, from: Participant | undefined): void {
    if (this.drop !== undefined || from === undefined || !data.startsWith(NOTE) || this.#early.length >= MAX_EARLY) return;
    this.#early.push({ data, from });
    this.#load().catch(this.#failed);
  }

  #load(): Promise<Drop> {
    this.#loading ??= this.#make();
    return this.#loading;
  }

  async #make(): Promise<Drop> {
    const { courierByRoom, Disk, Drop } = await import('@oriel/drop');
    if (this.room === undefined) throw new Error('The room was left.');
    const courier = courierByRoom(this.room, this.#early);
    const drop = new Drop({ courier, role: 'call', isRelayOnly: this.#isRelayOnly, disk: new Disk({ downloads: this.downloads }) });
    drop.on('changed', () => this.requestUpdate());
    drop.on('knocked', ({ person }) => this.#announce(this.#language.texts.offered(person.name)));
    drop.on('offered', (receiving, peer) => {
      this.#names.set(receiving, peer.person.name);
      receiving.on('changed', () => {
        if (receiving.state === 'done') this.#announce(this.#language.texts.doneReceived(receiving.acceptedFiles.count));
      });
    });
    drop.on('closed', (why) => (this.complaint = this.#language.texts[why]));
    drop.on('refused', (why) => (this.complaint = this.#language.texts.refusedOffer(why)));
    this.drop = drop;
    return drop;
  }

  #end(): void {
    this.drop?.close();
    this.drop = this.planned = this.#loading = undefined;
    this.#early.length = 0;
  }

  #announce(text: string): void {
    this.isClosed = false;
    this.tell<Announcement>('oriel-announce', { text, urgency: 'polite' });
  }

  readonly #failed = (error: unknown): void => {
    this.isClosed = false;
    this.complaint = this.#language.texts.failed(error instanceof Error ? error.message : String(error));
  };

  readonly #onRelayOnly = (event: Event): void => {
    this.#isRelayOnly = (event.target as HTMLInputElement).checked;
    if (this.drop) this.drop.isRelayOnly = this.#isRelayOnly;
  };

  readonly #onFiles = (event: Event): void => {
    const field = event.target as HTMLInputElement;
    this.#planFor(filesOf(field.files!), this.#to);
    field.value = '';
  };

  /** Whom a tile below the pointer shows; undefined for the stage between them. */
  #tileAt(event: Event): string | undefined {
    const tile = event.composedPath().find((one) => one instanceof HTMLElement && one.localName === 'oriel-tile');
    return (tile as HTMLElementTagNameMap['oriel-tile'] | undefined)?.participant?.id;
  }

  readonly #onDragOver = (event: DragEvent): void => {
    const to = this.#others(this.#tileAt(event));
    if (to.length === 0 || !event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    this.target = to.length === 1 ? this.#language.texts.to(to[0]!.name) : this.#language.texts.toAll;
  };

  readonly #onDragLeave = (event: DragEvent): void => {
    if (event.relatedTarget === null) this.target = undefined;
  };

  readonly #onDrop = (event: DragEvent): void => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    this.target = undefined;
    const to = this.#others(this.#tileAt(event));
    filesDropped(event.dataTransfer).then((files) => this.#planFor(files, to), this.#failed);
  };
}
