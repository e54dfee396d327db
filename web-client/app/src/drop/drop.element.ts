import { makeInvitation, readInvitation, type ChosenFile, type Invitation, type Knock, type Receiving } from '@oriel/drop';
import { bytesInWords, filesDropped, filesOf, filesStyles, type Language, offerCard, percentOf, transferRow } from '@oriel/elements/files';
import { baseStyles, buttonStyles, copyText, fieldStyles, icon, mark, OrielElement, WakeLock } from '@oriel/elements/styles';
import { html, nothing, type TemplateResult } from 'lit';
import { dropStyles } from './drop.styles.ts';
import { linkOf, membershipOf, showInAddress } from './membership.ts';
import { nearbyCard } from './nearby-card.ts';
import type { Nearby } from './nearby.ts';
import type { Session } from './session.ts';

/** Where the name is kept that the others see. */
const NAME = 'oriel.drop.name';

/** Files from browser to browser. */
export class DropElement extends OrielElement {
  static override styles = [baseStyles, buttonStyles, fieldStyles, filesStyles, dropStyles];
  static override properties = {
    language: { attribute: false },
    session: { state: true },
    nearby: { state: true },
    codePicture: { state: true },
    isJoining: { state: true },
    isOver: { state: true },
    complaint: { state: true },
    hashing: { state: true },
    copied: { state: true },
    said: { state: true },
    announcement: { state: true },
  };

  declare language: Language;
  private declare session: Session | undefined;
  /** Where this device is seen by others of its network, if its person wants that. */
  private declare nearby: Nearby | undefined;
  /** Draws a link; loaded when there is one. */
  private declare codePicture: ((link: string, name: string) => TemplateResult) | undefined;
  private declare isJoining: boolean;
  /** Something is dragged over the page. */
  private declare isOver: boolean;
  private declare complaint: string;
  /** Percent; undefined while no files are read. */
  private declare hashing: number | undefined;
  private declare copied: boolean;
  /** Texts that came, oldest first. */
  private declare said: readonly { readonly from: string; readonly text: string }[];
  /** For screen readers. */
  private declare announcement: string;

  /** What the address leads to: it is gone to when the person has read what that means. */
  #invitation: Invitation | undefined;
  #isRelayOnly = false;
  #isOnce = false;
  #name = localStorage.getItem(NAME) ?? '';
  readonly #wakeLock = new WakeLock();

  constructor() {
    super();
    this.isJoining = this.isOver = this.copied = false;
    this.complaint = this.announcement = '';
    this.said = [];
    this.#invitation = readInvitation(location.hash);
    const before = this.#invitation && membershipOf(this.#invitation.code);
    if (before && this.#invitation) {
      this.#name = before.name;
      this.#isRelayOnly = before.isRelayOnly;
      void this.#open(this.#invitation, before.isHost);
    }
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener('dragover', this.#onDragOver);
    this.addEventListener('dragleave', this.#onDragLeave);
    this.addEventListener('drop', this.#onDrop);
    document.addEventListener('paste', this.#onPaste);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    document.removeEventListener('paste', this.#onPaste);
    this.#hide();
    this.#wakeLock.release();
  }

  override render(): TemplateResult {
    const { texts } = this.language;
    return html`<div class="page">
      <a class="brand" href="/" aria-label=${texts.home}>${mark()} Oriel</a>
      <h1>${texts.title}</h1>
      <p class="lead">${texts.lead}</p>
      ${this.complaint === '' ? nothing : html`<p class="complaint" role="alert" data-testid="complaint">${this.complaint}</p>`}
      ${this.isJoining ? html`<p data-testid="joining">${texts.joining}</p>` : this.session ? this.#inside(this.session) : this.#door()}
      <p class="visually-hidden" role="status">${this.announcement}</p>
    </div>`;
  }

  /** Before anything is connected. */
  #door(): TemplateResult {
    const { texts } = this.language;
    if (this.#invitation) return html`${this.#before()}${this.#connectButton(this.#invitation)}`;
    return html`${this.#zone()}
      <section class="card" aria-labelledby="receive">
        <h2 id="receive">${texts.receive}</h2>
        <form @submit=${this.#onCode} novalidate>
          <label class="field"><span class="label">${texts.receiveLead}</span>
            <span class="row">
              <input name="code" data-testid="code-input" aria-label=${texts.code} autocomplete="off" autocapitalize="none" spellcheck="false" enterkeyhint="go" />
              <button class="button primary" data-testid="enter-code">${texts.connect}</button>
            </span>
          </label>
        </form>
        <p class="soft">${texts.askLead}</p>
        <div class="actions">
          <button type="button" class="button" data-testid="ask" @click=${() => this.#host()}>${icon('link')} ${texts.ask}</button>
        </div>
      </section>
      ${this.#nearbyCard()} ${this.#before()}`;
  }

  #nearbyCard(): TemplateResult {
    return nearbyCard(this.nearby, this.language, { show: () => void this.#show(), hide: () => this.#hide() });
  }

  /** What one should know and can choose before connecting. */
  #before(): TemplateResult {
    const { texts } = this.language;
    return html`<section class="card" aria-labelledby="before">
      <h2 id="before">${texts.noticeTitle}</h2>
      <p>${texts.notice}</p>
      <label class="check">
        <input type="checkbox" data-testid="relay-only" .checked=${this.#isRelayOnly} @change=${(event: Event) => (this.#isRelayOnly = (event.target as HTMLInputElement).checked)} />
        ${texts.relayOnly}
      </label>
      ${this.#invitation
        ? nothing
        : html`<label class="check">
            <input type="checkbox" data-testid="once" @change=${(event: Event) => (this.#isOnce = (event.target as HTMLInputElement).checked)} />
            ${texts.once}
          </label>`}
      <label class="field"><span class="label">${texts.yourName}</span>
        <input data-testid="name" autocomplete="nickname" maxlength="60" .value=${this.#name} @input=${(event: Event) => (this.#name = (event.target as HTMLInputElement).value)} />
      </label>
    </section>`;
  }

  #connectButton(invitation: Invitation): TemplateResult {
    return html`<p class="actions apart">
      <button type="button" class="button primary" data-testid="connect" @click=${() => void this.#open(invitation, false)}>${this.language.texts.connect}</button>
    </p>`;
  }

  #zone(): TemplateResult {
    const { texts } = this.language;
    return html`<section class="zone ${this.isOver ? 'over' : ''}" aria-label=${texts.sendMore}>
      ${icon('file')}
      <p>${texts.dropHere}</p>
      <div class="actions">
        <button type="button" class="button primary" @click=${() => this.#choose('files')}>${icon('file')} ${texts.chooseFiles}</button>
        <button type="button" class="button" @click=${() => this.#choose('folder')}>${icon('folder')} ${texts.chooseFolder}</button>
      </div>
      <input type="file" id="files" data-testid="files" multiple hidden @change=${this.#onFiles} />
      <input type="file" id="folder" data-testid="folder" webkitdirectory hidden @change=${this.#onFiles} />
      ${this.hashing === undefined ? nothing : html`<p role="status" data-testid="hashing">${texts.hashing(this.hashing)}</p>`}
    </section>`;
  }

  #inside(session: Session): TemplateResult {
    const { texts, code } = this.language;
    const { drop, isHost } = session;
    const { peers, knocks, offers } = drop;
    const name = (transfer: Receiving): string => peers.find(({ receivings }) => receivings.includes(transfer))?.person.name ?? this.#names.get(transfer) ?? '';
    const offered = drop.receivings.filter(({ state }) => state === 'offered');
    const received = drop.receivings.filter(({ state }) => state !== 'offered' && state !== 'declined');
    return html`${isHost ? html`${this.#invite(session)} ${this.#nearbyCard()}` : nothing}
      ${knocks.length + offered.length === 0
        ? nothing
        : html`<ul class="list">
            ${knocks.map(
              (knock) =>
                html`<li class="card" data-testid="knock">
                  <p>${texts.knock(knock.person.name)}</p>
                  <div class="actions">
                    <button type="button" class="button primary" data-testid="admit" @click=${() => knock.admit()}>${texts.admit}</button>
                    <button type="button" class="button" data-testid="refuse" @click=${() => knock.refuse()}>${texts.refuse}</button>
                  </div>
                </li>`,
            )}
            ${offered.map((offer) => offerCard(offer, name(offer), this.language, this.#failed))}
          </ul>`}
      <section class="card" aria-labelledby="people">
        <h2 id="people">${texts.people}</h2>
        ${peers.length === 0 ? html`<p class="soft" data-testid="alone">${isHost ? texts.waitingForGuests : texts.waitingForHost}</p>` : nothing}
        <ul class="list">
          ${peers.map(
            ({ person, isOpen, path, lanes }) =>
              html`<li class="person" data-testid="peer" data-open=${isOpen} data-lanes=${lanes}>
                <bdi>${person.name}</bdi>
                <span class="badge ${path?.isRelayed ? 'relayed' : ''}" data-testid="path">${!isOpen ? texts.connecting : path?.isRelayed ? texts.relayed : texts.direct}</span>
              </li>`,
          )}
        </ul>
      </section>
      ${received.length === 0
        ? nothing
        : html`<section class="card" aria-labelledby="incoming" data-testid="incoming">
            <h2 id="incoming">${texts.incoming}</h2>
            <ul>${received.map((transfer) => transferRow(transfer, texts.from(name(transfer)), this.language, this.#failed))}</ul>
          </section>`}
      ${offers.length === 0
        ? nothing
        : html`<section class="card" aria-labelledby="outgoing" data-testid="outgoing">
            <h2 id="outgoing">${texts.outgoing}</h2>
            ${offers.map(({ manifest }) => html`<p class="soft">${texts.offering(texts.files(manifest.files.length), bytesInWords(manifest.size, code))}</p>`)}
            <ul>${drop.sendings.map(({ sending, peer }) => transferRow(sending, texts.to(peer.person.name), this.language, this.#failed))}</ul>
          </section>`}
      ${this.said.map(
        ({ from, text }) =>
          html`<section class="card" data-testid="said">
            <h2>${texts.textFrom(from)}</h2>
            <p class="said">${text}</p>
            <div class="actions"><button type="button" class="button" @click=${() => void copyText(text)}>${texts.copyText}</button></div>
          </section>`,
      )}
      <div class="apart">${this.#zone()}</div>
      <form class="card" @submit=${this.#onText}>
        <label class="field"><span class="label">${texts.textLabel}</span><textarea name="text" data-testid="text-input" rows="2" maxlength="32768"></textarea></label>
        <div class="actions"><button class="button" data-testid="send-text">${icon('send')} ${texts.sendText}</button></div>
      </form>`;
  }

  #invite({ invitation }: Session): TemplateResult {
    const { texts } = this.language;
    const link = linkOf(invitation);
    return html`<section class="card invitation" aria-label=${texts.tellCode}>
      <div>
        <p class="soft">${texts.tellCode}</p>
        <p class="code" data-testid="code" dir="ltr">${invitation.code}</p>
        <div class="actions">
          <button type="button" class="button primary" data-testid="copy-link" data-link=${link} @click=${() => this.#copy(link)}>
            ${icon(this.copied ? 'check' : 'link')} ${this.copied ? texts.copied : texts.copyLink}
          </button>
        </div>
      </div>
      ${this.codePicture?.(link, texts.qr) ?? nothing}
    </section>`;
  }

  /** Who sent what: a peer is forgotten when it is gone. */
  readonly #names = new Map<Receiving, string>();

  async #open(invitation: Invitation, isHost: boolean): Promise<Session | undefined> {
    const name = this.#shownName();
    if (this.#name !== '') localStorage.setItem(NAME, this.#name);
    this.complaint = '';
    this.isJoining = true;
    try {
      const { openSession } = await import('./session.ts');
      this.session = await openSession(invitation, { isHost, name, isRelayOnly: this.#isRelayOnly });
      this.#watch(this.session);
      if (isHost) ({ codePicture: this.codePicture } = await import('./code-picture.ts'));
    } catch (error) {
      this.#failed(error);
    }
    this.isJoining = false;
    return this.session;
  }

  #host(): Promise<Session | undefined> {
    return this.#open(makeInvitation(), true);
  }

  /** Shows this device to others of its network. */
  async #show(): Promise<void> {
    this.complaint = '';
    try {
      const { Nearby } = await import('./nearby.ts');
      const nearby = await Nearby.show(this.#shownName());
      nearby.on('changed', () => this.requestUpdate());
      nearby.on('asked', ({ name }) => (this.announcement = this.language.texts.nearbyAsks(name)));
      nearby.on('agreed', ({ id }) => void this.#hostNearby(nearby, id));
      nearby.on('invited', ({ id }, code) => void this.#comeNearby(nearby, id, code));
      nearby.on('came', (page) => {
        this.#expected.add(page);
        this.session?.drop.knocks.forEach((knock) => this.#admitExpected(knock));
      });
      nearby.on('ended', () => this.#hide());
      this.nearby = nearby;
    } catch (error) {
      this.#failed(error);
    }
  }

  #hide(): void {
    this.nearby?.close();
    this.nearby = undefined;
  }

  /** One that we have asked has agreed. */
  async #hostNearby(nearby: Nearby, id: string): Promise<void> {
    const session = this.session ?? (await this.#host());
    if (session?.isHost) nearby.invite(id, session.invitation.code);
  }

  /** One that we have agreed with hands its code over. What we offer ourselves stays with us. */
  async #comeNearby(nearby: Nearby, id: string, code: string): Promise<void> {
    const invitation = readInvitation(code);
    if (!invitation || this.session) return;
    const session = await this.#open(invitation, false);
    if (!session) return;
    await nearby.arrive(id, session.drop.page);
    this.#hide();
  }

  /** Whoever has come by way of nearby devices was asked already. */
  #admitExpected(knock: Knock): boolean {
    const isExpected = this.#expected.delete(knock.page);
    if (isExpected) knock.admit();
    return isExpected;
  }

  /** Pages of nearby devices that will come. */
  readonly #expected = new Set<string>();

  #watch(session: Session): void {
    const { drop, signaling, invitation } = session;
    const { texts } = this.language;
    drop.on('changed', () => {
      const isBusy = [...drop.receivings, ...drop.sendings.map(({ sending }) => sending)].some(({ state, isPaused }) => state === 'active' && !isPaused);
      if (isBusy) this.#wakeLock.hold();
      else this.#wakeLock.release();
      this.requestUpdate();
    });
    drop.on('offered', (receiving, peer) => {
      this.#names.set(receiving, peer.person.name);
      this.announcement = texts.offered(peer.person.name);
      receiving.on('changed', () => {
        if (receiving.state === 'done') this.announcement = texts.doneReceived(receiving.acceptedFiles.count);
      });
    });
    drop.on('knocked', (knock) => {
      if (!this.#admitExpected(knock)) this.announcement = texts.knock(knock.person.name);
    });
    drop.on('text', (text, peer) => {
      this.said = [...this.said, { from: peer.person.name, text }];
      this.announcement = texts.textFrom(peer.person.name);
    });
    drop.on('secret', (secret) => showInAddress({ ...invitation, secret }));
    drop.on('closed', (why) => (this.complaint = texts[why]));
    drop.on('refused', (why) => (this.complaint = texts.refusedOffer(why)));
    signaling.on('reconnecting', () => (this.complaint = texts.signalingLost));
    signaling.on('reconnected', () => (this.complaint = ''));
    signaling.on('disconnected', () => (this.complaint = texts.ended));
  }

  async #send(files: readonly ChosenFile[]): Promise<void> {
    if (files.length === 0 || this.hashing !== undefined) return;
    const session = this.session ?? (await this.#host());
    if (!session) return;
    const total = files.reduce((sum, { file }) => sum + file.size, 0);
    this.hashing = 0;
    try {
      await session.drop.send(files, { isOnce: this.#isOnce, hashed: (bytes) => (this.hashing = percentOf(bytes, total)) });
    } catch (error) {
      this.#failed(error);
    }
    this.hashing = undefined;
  }

  #choose(what: 'files' | 'folder'): void {
    this.renderRoot.querySelector<HTMLInputElement>(`#${what}`)?.click();
  }

  async #copy(link: string): Promise<void> {
    this.copied = await copyText(link);
    this.announcement = this.copied ? this.language.texts.copied : `${this.language.texts.linkIs}: ${link}`;
  }

  /** What the others see. */
  #shownName(): string {
    return this.#name.trim() || this.#platform();
  }

  /** What the others see of somebody without a name. */
  #platform(): string {
    const browser = /(Firefox|Edg|Chrome|Safari)\//u.exec(navigator.userAgent)?.[1]?.replace('Edg', 'Edge') ?? 'Browser';
    const system = /(Android|iPhone|iPad|Windows|Mac OS|Linux)/u.exec(navigator.userAgent)?.[1];
    return system === undefined ? browser : `${browser}, ${system}`;
  }

  readonly #failed = (error: unknown): void => {
    this.complaint = this.language.texts.failed(error instanceof Error ? error.message : String(error));
  };

  readonly #onCode = (event: Event): void => {
    event.preventDefault();
    const text = written(event, 'code');
    const invitation = readInvitation(text);
    if (invitation) {
      this.#hide();
      void this.#open(invitation, false);
    } else this.complaint = this.language.texts.badCode;
  };

  readonly #onText = (event: Event): void => {
    event.preventDefault();
    const text = written(event, 'text');
    if (text.trim() === '') return;
    if (this.session?.drop.sendText(text)) (event.target as HTMLFormElement).reset();
    else this.complaint = this.language.texts.noOneThere;
  };

  readonly #onFiles = (event: Event): void => {
    const field = event.target as HTMLInputElement;
    const files = filesOf(field.files!);
    field.value = '';
    void this.#send(files);
  };

  readonly #onDragOver = (event: DragEvent): void => {
    event.preventDefault();
    this.isOver = true;
  };

  readonly #onDragLeave = (event: DragEvent): void => {
    if (event.relatedTarget === null) this.isOver = false;
  };

  readonly #onDrop = (event: DragEvent): void => {
    event.preventDefault();
    this.isOver = false;
    if (event.dataTransfer) filesDropped(event.dataTransfer).then((files) => this.#send(files), this.#failed);
  };

  readonly #onPaste = (event: ClipboardEvent): void => {
    if (event.clipboardData && event.clipboardData.files.length > 0) void this.#send(filesOf(event.clipboardData.files));
  };
}

/** What stands in a field of the form that was sent. */
function written(event: Event, field: string): string {
  return new FormData(event.target as HTMLFormElement).get(field) as string;
}
