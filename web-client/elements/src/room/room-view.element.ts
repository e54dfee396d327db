import { type DisconnectReason, type Invitation, OrielError, redeemTicket, Room, type TransportName } from '@oriel/client';
import { html, type TemplateResult } from 'lit';
import '../call/call.ts';
import type { CallElement } from '../call/call.element.ts';
import { mayPublish } from '../controls/switches.ts';
import type { Panel } from '../controls/controls.element.ts';
import type { Device } from '../doctor/judge.ts';
import { diagnose, type Finding } from '../doctor/doctor.ts';
import { type Announcement, OrielElement } from '../element/element.ts';
import type { Farewell, Texts } from '../texts/english.ts';
import { Reader } from '../texts/reader.ts';
import { roomTexts } from '../texts/texts.ts';
import { ALL_PARTS } from '../element/parts.ts';
import { RoomController } from '../element/room-controller.ts';
import { mark } from '../icons/icon.ts';
import '../prejoin/prejoin.ts';
import { browserMemory, recall } from '../prejoin/choices.ts';
import type { JoinChoice, PasswordQuestion } from '../prejoin/prejoin.element.ts';
import { baseStyles } from '../styles/base.styles.ts';
import { buttonStyles } from '../styles/button.styles.ts';
import { Announcer } from './announcer.ts';
import { farewell, refusal } from './farewell.ts';
import { roomStyles } from './room.styles.ts';

/** Where somebody is on the way through a room. */
type Phase =
  | { readonly is: 'door'; readonly password?: PasswordQuestion }
  | { readonly is: 'joining' }
  | { readonly is: 'waiting' }
  | { readonly is: 'inside' }
  | { readonly is: 'outside'; readonly words: (texts: Texts) => Farewell };

/**
 * A whole room: the door with preview and name, the room itself, and the way out. Pages that embed a room have it
 * inside `<oriel-room>`, where its events and methods are the same as those of one in a frame.
 *
 * Give it `room-name` to let guests in, or `token` or `ticket` where the page's own server hands them out.
 *
 * @fires oriel-joined - In the room. `detail` is the `Room`.
 * @fires oriel-left - Out of it. `detail` is the `DisconnectReason`.
 * @fires oriel-error - Could not get in. `detail` is the `OrielError`.
 * @fires oriel-changed - Went on to another phase, or opened or closed a panel.
 * @fires oriel-finding - What keeps a device away. `detail` is a `Finding`.
 * @slot door-header - At the top of the door.
 * @slot prejoin-header - Above the heading of the door.
 * @slot header-end - In the line above the pictures.
 * @slot toolbar-start - At the beginning of the controls.
 * @slot toolbar-end - At their end.
 * @slot left-actions - Beside the button that joins again.
 */
export class RoomViewElement extends OrielElement {
  static override styles = [baseStyles, buttonStyles, roomStyles];
  static override properties = {
    room: { attribute: false },
    url: {},
    token: {},
    ticket: {},
    embedder: { attribute: false },
    keys: {},
    microphone: {},
    camera: {},
    roomName: { attribute: 'room-name' },
    name: {},
    link: {},
    relay: { type: Boolean },
    lang: {},
    transports: { attribute: false },
    phase: { state: true },
    polite: { state: true },
    assertive: { state: true },
  };

  /** The room that everything here is drawn from; one is made where none is given. */
  declare room: Room;
  /** The server's address, `https://…`; where the page came from by default. */
  declare url: string;
  /** A token that names room and identity. Without one the server is asked for a guest's. */
  declare token: string;
  /** What the page's own back end has got for it: exchanged for a token when somebody joins. */
  declare ticket: string;
  /** In a frame: the origin of the page around it, which the ticket is for. */
  declare embedder: string;
  /** `inside` where keys count only while the focus is in here: there are other things on the page. */
  declare keys: string;
  /** `on` or `off`; what was chosen the last time else. */
  declare microphone: string;
  /** Likewise. */
  declare camera: string;
  /** The room to join as a guest, and what the door says. */
  declare roomName: string;
  /** The display name to begin with. */
  declare name: string;
  /** What the copy button copies; the page's address by default. */
  declare link: string;
  /** Whether media may go by way of a TURN server only. */
  declare relay: boolean;
  /** The language (BCP 47) that it speaks; the browser's by default, as far as there is a catalogue. */
  declare lang: string;
  /** Which ways to the server may be taken; those of the SDK by default. */
  declare transports: readonly TransportName[] | undefined;
  private declare phase: Phase;
  private declare polite: string;
  private declare assertive: string;

  readonly #reader = new Reader(this, roomTexts, () => (this.lang === '' ? navigator.languages : [this.lang]));
  readonly #announcer = new Announcer((urgency, text) => {
    this[urgency] = text;
  });
  #joining: AbortController | undefined;
  #entering: Promise<void> | undefined;
  #lastError: OrielError | undefined;
  /** What the ticket was exchanged for: good for coming back, too. */
  #redeemed: { readonly ticket: string; readonly invitation: Invitation } | undefined;

  constructor() {
    super();
    this.room = new Room();
    this.url = '';
    this.token = '';
    this.ticket = '';
    this.embedder = '';
    this.keys = '';
    this.microphone = '';
    this.camera = '';
    this.roomName = '';
    this.name = '';
    this.link = '';
    this.relay = false;
    this.lang = '';
    this.phase = { is: 'door' };
    this.polite = '';
    this.assertive = '';
    new RoomController(this, {
      disconnected: (reason) => this.#onDisconnected(reason),
      reconnected: () => {
        if (this.phase.is === 'waiting') this.#go({ is: 'inside' });
      },
      waiting: () => this.#onWaiting(),
      error: (error) => {
        this.#lastError = error;
      },
    });
    this.addEventListener('oriel-announce', (event) => {
      const { text, urgency } = (event as CustomEvent<Announcement>).detail;
      this.#announcer.say(text, urgency);
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#announcer.stop();
    void this.leave();
  }

  /** Joins as the door would, with these choices. Failure shows on the page and is told as `oriel-error`. */
  async join(choice: JoinChoice): Promise<void> {
    this.#lastError = undefined;
    this.#joining?.abort();
    const joining = new AbortController();
    this.#joining = joining;
    this.#go({ is: 'joining' });
    const before = this.#entering;
    try {
      // One way in at a time: whoever gave up has to be out again first.
      await before?.catch(() => undefined);
      await this.#chooseDevices(choice);
      this.#entering = this.#enter(choice, joining.signal);
      await this.#entering;
    } catch (error) {
      stopTracks(choice);
      if (joining.signal.aborted) return;
      if ((error as OrielError).code === 'password_required') {
        this.#go({ is: 'door', password: choice.password === undefined ? 'asked' : 'wrong' });
        return;
      }
      this.#go({ is: 'outside', words: (texts) => refusal(error as OrielError, texts) });
      this.tell('oriel-error', OrielError.from(error, 'protocol'));
      return;
    }
    this.#go({ is: 'inside' });
    this.tell('oriel-joined', this.room);
    await this.#publish(choice);
  }

  /**
   * Joins without the door, with what is given or else what `name`, `microphone` and `camera` say. False for a guest
   * without a name, who stays there.
   */
  async joinAtOnce(given: { name?: string; microphone?: boolean; camera?: boolean } = {}): Promise<boolean> {
    const known = recall(browserMemory());
    // Nobody is seen or heard who has not been asked.
    const choice = { ...known, microphone: this.microphone === 'on', camera: this.camera === 'on', ...given };
    const name = given.name ?? (this.name === '' ? known.name : this.name);
    if (this.#asksName && name.trim() === '') return false;
    await this.join({ ...choice, name, microphoneTrack: undefined, cameraTrack: undefined });
    return true;
  }

  /** Where somebody is on the way through the room. */
  get whereabouts(): Phase['is'] {
    return this.phase.is;
  }

  /** The panel that is open. */
  get panel(): Panel | undefined {
    return this.#call()?.openPanel;
  }

  /** Says of each device what keeps it away, if anything does, without asking for any of them. */
  diagnose(): Promise<readonly Finding[]> {
    return diagnose(this.#reader.language.code);
  }

  /** Leaves the room, or gives up joining it. */
  async leave(): Promise<void> {
    this.#joining?.abort();
    if (this.phase.is === 'joining' || this.phase.is === 'waiting') this.#go({ is: 'door' });
    await this.room.disconnect();
  }

  /** Switches the microphone on or off. */
  toggleMicrophone(): Promise<void> {
    return this.#toggle('microphone');
  }

  /** Switches the camera on or off. */
  toggleCamera(): Promise<void> {
    return this.#toggle('camera');
  }

  /** Starts or ends sharing the screen. */
  toggleScreenShare(): Promise<void> {
    return this.#toggle('screen');
  }

  /** Raises the hand, or lowers it. */
  async toggleHand(): Promise<void> {
    await this.#call()?.toggleHand();
  }

  /** Ends the room for everybody; for moderators. Rejects with an `OrielError`. */
  async endMeeting(): Promise<void> {
    await this.room.moderation.end();
  }

  /** Opens or closes the chat. */
  toggleChat(): void {
    this.#togglePanel('chat');
  }

  /** Opens or closes the list of people. */
  togglePeople(): void {
    this.#togglePanel('people');
  }

  /** Says something to everybody. Rejects with an `OrielError`. */
  async sendChatMessage(text: string): Promise<void> {
    await this.room.sendChat(text);
  }

  override render(): TemplateResult {
    const { code, direction } = this.#reader.language;
    // Nothing is said in a language that was not asked for.
    if (!this.#reader.isReady) return html``;
    return html`<div class="spoken" lang=${code} dir=${direction}>
      ${this.#page()}
      <div class="visually-hidden" role="status" aria-live="polite">${this.polite}</div>
      <div class="visually-hidden" role="alert" aria-live="assertive">${this.assertive}</div>
    </div>`;
  }

  #page(): TemplateResult {
    const { phase } = this;
    const { language } = this.#reader;
    const { cancel, room: words } = language.texts;
    switch (phase.is) {
      case 'door':
        return html`<div class="scroll door">
          <header><slot name="door-header"></slot></header>
          <oriel-prejoin
            exportparts=${ALL_PARTS}
            room-name=${this.roomName}
            .name=${this.name}
            .password=${phase.password ?? 'none'}
            .asksName=${this.#asksName}
            .language=${language}
            microphone=${this.microphone}
            camera=${this.camera}
            @oriel-join=${(event: CustomEvent<JoinChoice>) => void this.join(event.detail)}
          >
            <slot name="prejoin-header" slot="prejoin-header"></slot>
          </oriel-prejoin>
        </div>`;
      case 'joining':
        return html`<div class="scroll" data-testid="joining">
          <div class="words">
            <div class="spinner"></div>
            <h1 tabindex="-1">${words.joining(this.roomName)}</h1>
            <div class="ways"><button type="button" class="button" @click=${() => void this.leave()}>${cancel}</button></div>
          </div>
        </div>`;
      case 'waiting':
        return this.#waiting(words);
      case 'inside':
        return html`<oriel-call
          exportparts=${ALL_PARTS}
          .room=${this.room}
          .link=${this.link === '' ? pageAddress() : this.link}
          .language=${language}
          .downloads=${this.#downloads()}
          keys=${this.keys}
          @oriel-leave=${() => void this.leave()}
        >
          <slot name="header-end" slot="header-end"></slot>
          <slot name="toolbar-start" slot="toolbar-start"></slot>
          <slot name="toolbar-end" slot="toolbar-end"></slot>
        </oriel-call>`;
      case 'outside':
        return this.#outside(phase.words(language.texts));
    }
  }

  /** A service worker is of the page's own site, and the server has one. */
  #downloads(): string | undefined {
    return this.url === '' || new URL(this.url).origin === location.origin ? '/downloads.js' : undefined;
  }

  #waiting(words: Texts['room']): TemplateResult {
    const [room, lobby, nameless] = words.lobby;
    return html`<div class="scroll" data-testid="waiting">
      <div class="words">
        ${mark()}
        <h1 tabindex="-1">${words.waiting}</h1>
        <p>
          ${this.roomName === '' ? nameless : html`${room} <strong dir="auto">${this.roomName}</strong>`} ${lobby}
        </p>
        <div class="spinner"></div>
        <div class="ways"><button type="button" class="button" @click=${() => void this.leave()}>${words.leave}</button></div>
      </div>
    </div>`;
  }

  #outside({ title, advice, again }: Farewell): TemplateResult {
    return html`<div class="scroll" data-testid="left">
      <div class="words">
        ${mark()}
        <h1 tabindex="-1">${title}</h1>
        <p>${advice}</p>
        <div class="ways">
          <button
            type="button"
            class="button primary"
            part="button"
            data-testid="rejoin"
            @click=${() => this.#go({ is: 'door' })}
          >
            ${again}
          </button>
          <slot name="left-actions"></slot>
        </div>
      </div>
    </div>`;
  }

  #go(phase: Phase): void {
    this.phase = phase;
    this.#announcer.stop();
    this.tell('oriel-changed');
    if (phase.is === 'door') return;
    // A page that changes under a screen reader says so by its heading.
    void this.updateComplete.then(async () => {
      const call = this.#call();
      await call?.updateComplete;
      (call ?? this).renderRoot.querySelector('h1')?.focus({ preventScroll: true });
    });
  }

  #call(): CallElement | null {
    // Before it is on a page there is nothing in it.
    return this.hasUpdated ? this.renderRoot.querySelector('oriel-call') : null;
  }

  async #toggle(device: Device): Promise<void> {
    await this.#call()?.toggle(device);
  }

  #togglePanel(panel: Panel): void {
    this.#call()?.togglePanel(panel);
  }

  /** Devices of the last visit may be gone: the browser's own choice is good enough then. */
  async #chooseDevices(choice: JoinChoice): Promise<void> {
    const kinds = ['audioinput', 'videoinput', 'audiooutput'] as const;
    const chosen = kinds.flatMap((kind) => {
      const deviceId = choice[kind];
      return deviceId === undefined ? [] : [this.room.switchActiveDevice(kind, deviceId)];
    });
    await Promise.allSettled(chosen);
  }

  async #enter({ name, password }: JoinChoice, signal: AbortSignal): Promise<void> {
    const known = {
      ...(password === undefined ? {} : { password }),
      ...(this.relay ? { iceTransportPolicy: 'relay' as const } : {}),
      ...(this.transports ? { transports: this.transports } : {}),
    };
    const server = this.url === '' ? location.origin : this.url;
    if (this.ticket !== '') {
      const { url, token, webtransport } = await this.#redeem(server, signal);
      await this.room.connect(url, token, { signal, ...known, ...(webtransport ? { webtransport } : {}) });
    } else if (this.token === '') await this.room.join({ server, room: this.roomName, name, signal, ...known });
    else await this.room.connect(server, this.token, { signal, ...known });
  }

  async #redeem(server: string, signal: AbortSignal): Promise<Invitation> {
    const { ticket } = this;
    if (this.#redeemed?.ticket !== ticket) {
      const room = this.roomName === '' ? {} : { room: this.roomName };
      const embedder = this.embedder === '' ? {} : { embedder: this.embedder };
      const invitation = await redeemTicket({ server, ticket, ...room, ...embedder, signal });
      this.#redeemed = { ticket, invitation };
    }
    return this.#redeemed.invitation;
  }

  /** Whether whoever comes says who it is; else the token does. */
  get #asksName(): boolean {
    return this.token === '' && this.ticket === '';
  }

  async #publish(choice: JoinChoice): Promise<void> {
    const { localParticipant } = this.room;
    const publish = async (device: 'microphone' | 'camera', track: MediaStreamTrack | undefined) => {
      if (!choice[device] || !mayPublish(this.room, device)) {
        track?.stop();
      } else if (track?.readyState === 'live') {
        await localParticipant.publishTrack(track, { source: device });
      } else {
        // Joined before the browser had opened it.
        await (device === 'camera' ? localParticipant.setCameraEnabled(true) : localParticipant.setMicrophoneEnabled(true));
      }
    };
    const publications = { microphone: choice.microphoneTrack, camera: choice.cameraTrack } as const;
    await Promise.all(
      (['microphone', 'camera'] as const).map((device) =>
        publish(device, publications[device]).catch((error: unknown) => {
          publications[device]?.stop();
          this.#call()?.showTrouble(device, error);
        }),
      ),
    );
  }

  #onWaiting(): void {
    if (this.phase.is !== 'joining' && this.phase.is !== 'inside') return;
    this.#go({ is: 'waiting' });
    this.#announcer.say(this.#reader.language.texts.room.inLobby);
  }

  #onDisconnected(reason: DisconnectReason): void {
    if (this.phase.is !== 'inside' && this.phase.is !== 'waiting') return;
    const error = this.#lastError;
    this.#go({ is: 'outside', words: (texts) => farewell(reason, error, texts) });
    this.tell('oriel-left', reason);
  }
}

function stopTracks(choice: JoinChoice): void {
  choice.microphoneTrack?.stop();
  choice.cameraTrack?.stop();
}

/** The page's address without what may be private in it. */
function pageAddress(): string {
  return location.origin + location.pathname;
}
