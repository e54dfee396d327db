import type { ChatMessage, OrielError, Participant, Room, TrackPublication } from '@oriel/client';
import { html, nothing, type TemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import '../audio/audio.ts';
import '../chat/chat.ts';
import { isOwn, noteSelf } from '../chat/own-messages.ts';
import '../controls/controls.ts';
import type { Panel } from '../controls/controls.element.ts';
import { isOn, setOn, sourceDevice } from '../controls/switches.ts';
import '../copy-link/copy-link.ts';
import { type Device, isCancelled } from '../doctor/judge.ts';
import { examine, type Finding } from '../doctor/doctor.ts';
import type { Announcement, Urgency } from '../element/element.ts';
import { RoomPart } from '../element/room-part.ts';
import { focusedElement } from '../element/focus.ts';
import { ALL_PARTS } from '../element/parts.ts';
import { RoomController } from '../element/room-controller.ts';
import '../files/files.ts';
import '../grid/grid.ts';
import '../help/help.ts';
import { icon, mark } from '../icons/icon.ts';
import '../people/people.ts';
import '../settings/settings.ts';
import '../steering/steering.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { type BulletinKey, Bulletins } from './bulletins.ts';
import { callStyles } from './call.styles.ts';
import { Interruption } from './interruption.ts';
import { Keyboard } from './keyboard.ts';
import { chatNews, handNews, presenceNews, screenNews } from './news.ts';
import { notices } from './notices.ts';
import { PushToTalk } from './push-to-talk.ts';
import type { Shortcut } from './shortcuts.ts';
import { WakeLock } from './wake-lock.ts';

/** Narrower than this, in CSS pixels, a panel covers everything. */
const NARROW = 720;
/** Milliseconds that a chat message shows up while the chat is closed. */
const TOAST = 5000;

/**
 * A room that one is in: everybody's pictures and sound, the controls, the panels, the keyboard.
 *
 * @fires oriel-leave - Leave was pressed.
 * @fires oriel-changed - A panel was opened or closed.
 * @fires oriel-announce - Something happened. `detail` is `{text, urgency}`, for a screen reader.
 * @csspart header - The line above the pictures.
 * @csspart panel - Chat or people.
 * @csspart notice - What is wrong or unusual now.
 */
export class CallElement extends RoomPart {
  static override styles = [baseStyles, buttonStyles, callStyles];
  static override properties = {
    room: { attribute: false },
    link: {},
    downloads: { attribute: false },
    keys: {},
    panel: { state: true },
    unread: { state: true },
    toast: { state: true },
    troubles: { state: true },
    narrow: { state: true },
    inviteClosed: { state: true },
  };

  /** The room, joined. */
  declare room: Room | undefined;
  /** Where others find it. */
  declare link: string;
  /** Where the service worker is that makes downloads, if it is anywhere. */
  declare downloads: string | undefined;
  /** `inside` where keys count only while the focus is in here. */
  declare keys: string;
  private declare panel: Panel | undefined;
  private declare unread: number;
  private declare toast: string;
  private declare troubles: ReadonlyMap<Device, Finding>;
  private declare narrow: boolean;
  private declare inviteClosed: boolean;

  readonly #talk = new PushToTalk({
    isOn: () => this.room !== undefined && isOn(this.room, 'microphone'),
    set: (on) => this.#set('microphone', on),
  });
  readonly #bulletins = new Bulletins(this, {
    announce: (text, urgency) => this.#announce(text, urgency),
    openPeople: () => void this.#openPanel('people'),
    failed: (device, error) => this.showTrouble(device, error),
  });
  readonly #interruption = new Interruption(this, (lost) => {
    if (lost) this.#announce(this.texts.call.lost, 'assertive');
    else this.#announce(this.texts.call.back);
  });
  readonly #observer = new ResizeObserver((entries) => {
    this.narrow = (entries.at(-1)?.contentRect.width ?? 0) < NARROW;
  });
  /** What is being found out about a device that failed. */
  readonly #looking = new Map<Device, symbol>();
  #toastTimer: ReturnType<typeof setTimeout> | undefined;
  /** What had the focus before a panel took it. */
  #opener: HTMLElement | undefined;

  constructor() {
    super();
    this.link = '';
    this.keys = '';
    this.unread = 0;
    this.toast = '';
    this.troubles = new Map();
    this.narrow = false;
    this.inviteClosed = false;
    new WakeLock(this);
    new Keyboard(this, this.#talk, {
      onShortcut: (shortcut) => this.#onShortcut(shortcut),
      onEscape: () => this.#closePanel(),
      onTalk: () => this.requestUpdate(),
      isActive: () => !this.#hasDialog(),
      isMeant: (event) => this.keys !== 'inside' || event.composedPath().includes(this),
    });
    new RoomController(this, {
      audioPlaybackChanged: undefined,
      chatMessage: (message) => this.#onChat(message),
      localTrackPublished: (publication) => this.#forget(sourceDevice(publication.source)),
      localTrackUnpublished: undefined,
      mediaDevicesError: (error, source) => this.showTrouble(sourceDevice(source), error),
      participantConnected: (participant) => this.#announce(presenceNews(participant, true, this.texts.news)),
      participantDisconnected: (participant) => this.#announce(presenceNews(participant, false, this.texts.news)),
      handRaised: (participant) => this.#announce(handNews(participant, this.texts.news)),
      reconnected: () => this.#interruption.end(),
      reconnecting: () => this.#interruption.begin(),
      trackPublished: (publication, participant) => this.#onScreen(publication, participant, true),
      trackUnmuted: (publication, participant) => {
        if (participant.isLocal) this.#forget(sourceDevice(publication.source));
      },
      trackMuted: undefined,
      trackUnpublished: (publication, participant) => this.#onScreen(publication, participant, false),
    });
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#observer.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer.disconnect();
    clearTimeout(this.#toastTimer);
  }

  /** The panel that is open. */
  get openPanel(): Panel | undefined {
    return this.panel;
  }

  /** Opens a panel, or closes it. */
  togglePanel(panel: Panel): void {
    if (this.panel === panel) this.#closePanel();
    else void this.#openPanel(panel);
  }

  /** Switches the microphone, the camera or the screen share. */
  toggle(device: Device): Promise<void> {
    const { room } = this;
    return room === undefined ? Promise.resolve() : this.#set(device, !isOn(room, device));
  }

  /** Says above the pictures why a device is not there. */
  showTrouble(device: Device, error: unknown): void {
    if (isCancelled(device, error)) return;
    void this.#examine(device, error);
  }

  async #examine(device: Device, error: unknown): Promise<void> {
    const looking = Symbol(device);
    this.#looking.set(device, looking);
    const finding = await examine(device, error, this.language.code);
    // It may work by now, or have failed again.
    if (this.#looking.get(device) !== looking) return;
    this.troubles = new Map([...this.troubles, [device, finding]]);
    this.#announce(`${finding.title}. ${finding.advice}`, 'assertive');
    this.tell<Finding>('oriel-finding', finding);
  }

  override render(): TemplateResult {
    const { room } = this;
    if (room === undefined) return html``;
    noteSelf(room);
    const covered = this.narrow && this.panel !== undefined;
    return html`
      <div
        class=${classMap({ call: true, narrow: this.narrow })}
        @oriel-device-error=${this.#onControlError}
        @oriel-toggle-panel=${(event: CustomEvent<Panel>) => this.togglePanel(event.detail)}
        @oriel-toggle-hand=${() => void this.toggleHand()}
        @oriel-send-files=${(event: CustomEvent<string | null>) => this.renderRoot.querySelector('oriel-files')?.choose(event.detail ?? undefined)}
        @oriel-write-to=${(event: CustomEvent<string>) => void this.#writeTo(event.detail)}
        @oriel-open-steering=${() => this.renderRoot.querySelector('oriel-steering')?.show()}
        @oriel-close=${() => this.#closePanel()}
        @oriel-open-settings=${() => this.renderRoot.querySelector('oriel-settings')?.show()}
        @oriel-open-help=${() => this.renderRoot.querySelector('oriel-help')?.show()}
      >
        <header class="top" part="header">
          ${mark()}
          <h1 tabindex="-1" dir="auto">${room.name}</h1>
          <div class="tools" ?inert=${covered}>
            <slot name="header-end"></slot>
            <oriel-copy-link look="quiet" exportparts=${ALL_PARTS} ?compact=${this.narrow} .link=${this.link} .language=${this.language}></oriel-copy-link>
          </div>
        </header>
        <div class="stage" ?inert=${covered}>
          ${this.#notices(room)}
          <oriel-grid exportparts=${ALL_PARTS} .room=${room} .language=${this.language}></oriel-grid>
          ${this.#floating(room)}
          <oriel-files exportparts=${ALL_PARTS} .room=${room} .code=${this.language.code} .downloads=${this.downloads}></oriel-files>
        </div>
        ${this.#panel(room)}
        <oriel-controls
          exportparts=${ALL_PARTS}
          ?inert=${covered}
          .room=${room}
          .language=${this.language}
          .panel=${this.panel}
          .unread=${this.unread}
        >
          <slot name="toolbar-start" slot="toolbar-start"></slot>
          <slot name="toolbar-end" slot="toolbar-end"></slot>
        </oriel-controls>
        <oriel-settings exportparts=${ALL_PARTS} .room=${room} .language=${this.language}></oriel-settings>
        <oriel-help exportparts=${ALL_PARTS} .language=${this.language}></oriel-help>
        <oriel-steering exportparts=${ALL_PARTS} .room=${room} .language=${this.language}></oriel-steering>
        <oriel-audio .room=${room}></oriel-audio>
      </div>
    `;
  }

  #notices(room: Room): TemplateResult {
    const state = {
      reconnecting: this.#interruption.visible,
      bulletins: this.#bulletins.lines,
      audioBlocked: !room.canPlayAudio,
      sharing: isOn(room, 'screen'),
      troubles: this.troubles,
      onStartAudio: () => void room.startAudio(),
      onStopSharing: () => void this.#set('screen', false),
      onClose: (key: BulletinKey) => this.#bulletins.close(key),
      onDismiss: (device: Device) => this.#forget(device),
    };
    return notices(state, this.texts);
  }

  #floating(room: Room): TemplateResult {
    const alone = room.remoteParticipants.size === 0 && !this.inviteClosed;
    return html`
      ${alone && this.link !== '' ? this.#invitation() : nothing}
      ${this.toast === ''
        ? nothing
        : html`<button type="button" class="toast" part="toast" @click=${() => void this.#openPanel('chat')}>
            ${icon('chat')}<span dir="auto">${this.toast}</span>
          </button>`}
      ${this.#talk.held ? html`<p class="talking">${icon('microphone')} ${this.texts.call.heard}</p>` : nothing}
    `;
  }

  #invitation(): TemplateResult {
    const words = this.texts.call;
    return html`<section class="alone" part="invitation" aria-labelledby="alone" data-testid="alone">
      <header>
        <h2 id="alone">${words.alone}</h2>
        <button
          type="button"
          class="icon-button"
          part="button"
          aria-label=${words.closeInvitation}
          @click=${() => (this.inviteClosed = true)}
        >
          ${icon('close')}
        </button>
      </header>
      <p>${words.invitation}</p>
      <p class="address" dir="ltr">${this.link.replace(/^https?:\/\//u, '')}</p>
      <oriel-copy-link look="primary" exportparts=${ALL_PARTS} .link=${this.link} .language=${this.language}></oriel-copy-link>
    </section>`;
  }

  #panel(room: Room): TemplateResult | typeof nothing {
    if (this.panel === undefined) return nothing;
    return html`<section class="panel" part="panel" aria-label=${this.texts.controls[this.panel]}>
      ${this.panel === 'chat'
        ? html`<oriel-chat exportparts=${ALL_PARTS} .room=${room} .language=${this.language}></oriel-chat>`
        : html`<oriel-people exportparts=${ALL_PARTS} .room=${room} .language=${this.language}>
            <oriel-copy-link slot="invite" class="invite" .link=${this.link} .language=${this.language}></oriel-copy-link>
          </oriel-people>`}
    </section>`;
  }

  async #openPanel(panel: Panel): Promise<void> {
    if (this.panel === undefined) this.#opener = focusedElement();
    this.panel = panel;
    this.tell('oriel-changed');
    if (panel === 'chat') {
      this.unread = 0;
      this.toast = '';
    }
    await this.updateComplete;
    const element = this.renderRoot.querySelector(panel === 'chat' ? 'oriel-chat' : 'oriel-people');
    await element?.updateComplete;
    element?.focus();
  }

  /** True if there was one to close. */
  #closePanel(): boolean {
    if (this.panel === undefined) return false;
    this.panel = undefined;
    this.tell('oriel-changed');
    const opener = this.#opener;
    // After drawing: what is covered on a phone cannot take the focus before.
    void this.updateComplete.then(() => opener?.focus());
    return true;
  }

  /** Raises the hand, or lowers it. */
  async toggleHand(): Promise<void> {
    const { localParticipant } = this.room ?? {};
    const done = localParticipant?.hand === undefined ? localParticipant?.raiseHand() : localParticipant.lowerHand();
    await done?.catch((error: unknown) => this.#announce(this.texts.problem(error as OrielError).message, 'assertive'));
  }

  async #writeTo(participant: string): Promise<void> {
    await this.#openPanel('chat');
    const chat = this.renderRoot.querySelector('oriel-chat');
    chat?.writeTo(participant);
    chat?.focus();
  }

  #hasDialog(): boolean {
    return [...this.renderRoot.querySelectorAll('oriel-settings, oriel-help, oriel-steering')].some(
      (element) => element.shadowRoot?.querySelector('dialog[open]') != null,
    );
  }

  async #set(device: Device, on: boolean): Promise<void> {
    const { room } = this;
    if (room === undefined) return;
    try {
      await setOn(room, device, on);
    } catch (error) {
      this.showTrouble(device, error);
    }
  }

  #onShortcut(shortcut: Exclude<Shortcut, 'talk'>): void {
    if (shortcut === 'chat' || shortcut === 'people') this.togglePanel(shortcut);
    else if (shortcut === 'hand') void this.toggleHand();
    else if (shortcut === 'help') this.renderRoot.querySelector('oriel-help')?.show();
    else void this.#toggleByKey(shortcut);
  }

  async #toggleByKey(device: Device): Promise<void> {
    await this.toggle(device);
    if (this.room === undefined) return;
    const { switches, news } = this.texts;
    const { on, off } = device === 'screen' ? { on: news.screenOn, off: news.screenOff } : switches[device];
    this.#announce(isOn(this.room, device) ? on : off, 'assertive');
  }

  #onChat(message: ChatMessage): void {
    if (this.room === undefined || isOwn(this.room, message)) return;
    this.#announce(chatNews(message, this.texts.news));
    if (this.panel === 'chat') return;
    this.unread += 1;
    this.toast = chatNews(message, this.texts.news);
    clearTimeout(this.#toastTimer);
    this.#toastTimer = setTimeout(() => (this.toast = ''), TOAST);
  }

  #onScreen(publication: TrackPublication, participant: Participant, shared: boolean): void {
    if (publication.source === 'screen_share') this.#announce(screenNews(participant, shared, this.texts.news));
  }

  readonly #onControlError = (event: CustomEvent<{ device: Device; error: unknown }>): void => {
    this.showTrouble(event.detail.device, event.detail.error);
  };

  #forget(device: Device): void {
    this.#looking.delete(device);
    if (this.troubles.has(device)) this.troubles = new Map([...this.troubles].filter(([other]) => other !== device));
  }

  #announce(text: string, urgency: Urgency = 'polite'): void {
    this.tell<Announcement>('oriel-announce', { text, urgency });
  }
}
