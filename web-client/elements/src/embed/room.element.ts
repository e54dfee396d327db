/** `<oriel-room>`: a room in any page, in the page's own tree or in a frame. It is small, and loads the rest. */
import type { Finding } from '../doctor/doctor.ts';
import type { Listener } from './agent.ts';
import { ATTRIBUTES, type Command, COMMANDS, EVENTS, NO_SETTINGS, NO_STATUS, type RoomElementEvents, type Settings, type Status } from './contract.ts';
import type { Begin, Inside } from './inside.ts';
import { embedWords } from './words.ts';

const STYLE = `
  :host { display: block; position: relative; overflow: hidden; height: 600px; }
  :host([hidden]) { display: none; }
  iframe { display: block; width: 100%; height: 100%; border: 0; }
  p { margin: 0; padding: 24px; font: 15px/1.45 system-ui, sans-serif; }
  .over { position: absolute; visibility: hidden; width: max-content; }
  .over.shown { visibility: visible; }
`;

/** The properties that are set as they are; `lang` and `data-theme` are every element's own. */
type Own = { -readonly [Name in Exclude<keyof Settings, 'lang' | 'theme'>]: Settings[Name] };

// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the properties are defined below, from one list
export interface RoomElement extends Own {
  addEventListener<Name extends keyof RoomElementEvents>(
    type: Name,
    listener: (event: CustomEvent<RoomElementEvents[Name]>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(type: string, listener: EventListenerOrEventListenerObject, options?: boolean | AddEventListenerOptions): void;
}

/**
 * A room. Its attributes are also properties; `isolate="iframe"` puts it into a frame, which has the same properties,
 * methods, events, custom properties, parts and slots.
 *
 * @fires oriel-ready - It can be told what to do.
 * @fires oriel-status - `status` has changed; it is the `detail`.
 * @fires oriel-joined - In the room.
 * @fires oriel-waiting - In its lobby.
 * @fires oriel-left - Out of it; `detail.reason` says why.
 * @fires oriel-error - `detail` has `code`, `message` and `hint`.
 * @fires oriel-participant-connected - Somebody came: `{id, identity, name}`.
 * @fires oriel-participant-disconnected - Somebody went.
 * @fires oriel-chat-message - Somebody wrote, or we did.
 * @fires oriel-blocked - A device cannot be used: what keeps it away, and what to change.
 */
// eslint-disable-next-line @typescript-eslint/no-unsafe-declaration-merging -- the properties are defined below, from one list
export class RoomElement extends HTMLElement {
  static readonly observedAttributes = [...Object.keys(ATTRIBUTES), 'url', 'isolate'];
  /** The server of elements without `url`: that of the script that defines them. */
  static server = '';
  /** How to begin in each mode. */
  static modes: Readonly<Record<'shadow' | 'iframe', () => Promise<{ readonly begin: Begin }>>> = {
    shadow: () => import('./shadow.ts'),
    iframe: () => import('./frame.ts'),
  };

  readonly #root = this.attachShadow({ mode: 'open' });
  #settings: Settings = NO_SETTINGS;
  #status: Status = NO_STATUS;
  #inside: Promise<Inside> | undefined;
  #end = new AbortController();
  #isPlanned = false;

  static {
    for (const name of Object.keys(NO_SETTINGS) as (keyof Settings)[]) {
      if (name === 'lang' || name === 'theme') continue;
      Object.defineProperty(this.prototype, name, {
        get(this: RoomElement) {
          return this.#settings[name];
        },
        set(this: RoomElement, value: string | boolean | null | undefined) {
          this.#set(name, typeof NO_SETTINGS[name] === 'boolean' ? Boolean(value) : String(value ?? ''));
        },
        configurable: true,
        enumerable: true,
      });
    }
  }

  /** How things stand. */
  get status(): Status {
    return this.#status;
  }

  /** `iframe` for a room in a frame, where neither side can reach the other. Set it before the element is on the page. */
  get isolate(): string {
    return this.getAttribute('isolate') ?? '';
  }

  set isolate(mode: string) {
    this.setAttribute('isolate', mode);
  }

  /** The server's address; that of the script by default. */
  get url(): string {
    return this.getAttribute('url') ?? RoomElement.server;
  }

  set url(address: string) {
    this.setAttribute('url', address);
  }

  /** Joins without the door: with these, or as the attributes say. Rejects for a guest without a name. */
  join(choice: { name?: string; microphone?: boolean; camera?: boolean } = {}): Promise<void> {
    return this.#command('join', choice);
  }

  /** Leaves the room, or gives up joining it. */
  leave(): Promise<void> {
    return this.#command('leave');
  }

  /** Switches the microphone on or off. */
  toggleMicrophone(): Promise<void> {
    return this.#command('toggleMicrophone');
  }

  /** Switches the camera on or off. */
  toggleCamera(): Promise<void> {
    return this.#command('toggleCamera');
  }

  /** Starts or ends sharing the screen. Browsers want a click for it: in a frame, one inside of it. */
  toggleScreenShare(): Promise<void> {
    return this.#command('toggleScreenShare');
  }

  /** Raises the hand, or lowers it. */
  toggleHand(): Promise<void> {
    return this.#command('toggleHand');
  }

  /** Opens or closes the chat. */
  toggleChat(): Promise<void> {
    return this.#command('toggleChat');
  }

  /** Opens or closes the list of people. */
  togglePeople(): Promise<void> {
    return this.#command('togglePeople');
  }

  /** Says something to everybody. */
  sendChatMessage(text: string): Promise<void> {
    return this.#command('sendChatMessage', text);
  }

  /** Ends the room for everybody; for moderators. */
  endMeeting(): Promise<void> {
    return this.#command('endMeeting');
  }

  /** What keeps camera, microphone and screen away, as far as can be seen without asking for them. */
  diagnose(): Promise<readonly Pick<Finding, 'device' | 'cause' | 'title' | 'advice' | 'fix'>[]> {
    return this.#command('diagnose');
  }

  /** For a room in a frame: reads the page's styles again. What is in `<head>`, and classes, it sees itself. */
  async updateLooks(): Promise<void> {
    (await this.#inside)?.looks();
  }

  /** The methods that there are. */
  getSupportedCommands(): readonly string[] {
    return COMMANDS;
  }

  /** The events that there are. */
  getSupportedEvents(): readonly string[] {
    return EVENTS;
  }

  connectedCallback(): void {
    this.#takeEarly();
    if (this.#inside !== undefined) return;
    this.#end = new AbortController();
    const inside = this.#begin(this.#end.signal);
    this.#inside = inside;
    // Whoever calls a method hears of it, too.
    inside.catch(() => undefined);
  }

  disconnectedCallback(): void {
    this.#end.abort();
    const inside = this.#inside;
    this.#inside = undefined;
    void inside?.then(
      (one) => one.end(),
      () => undefined,
    );
    this.#status = NO_STATUS;
  }

  attributeChangedCallback(attribute: string, _before: string | null, value: string | null): void {
    const name = ATTRIBUTES[attribute];
    if (name !== undefined) this.#set(name, name === 'relay' ? value !== null : (value ?? ''));
    else if (this.isConnected && _before !== value) this.#again();
  }

  async #begin(signal: AbortSignal): Promise<Inside> {
    // Frameworks set attributes one after the other, once it is on the page.
    await Promise.resolve();
    const server = new URL(this.url === '' ? location.origin : this.url, location.href).origin;
    const listener: Listener = {
      status: (status) => {
        if (signal.aborted) return;
        this.#status = status;
        this.#tell('oriel-status', status);
      },
      event: (name, detail) => {
        if (!signal.aborted) this.#tell(name, detail);
      },
    };
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [style];
    this.#root.replaceChildren();
    try {
      const mode = this.isolate === 'iframe' ? 'iframe' : 'shadow';
      const { begin } = await RoomElement.modes[mode]();
      signal.throwIfAborted();
      const inside = await begin(this.#root, server, listener, signal);
      inside.set(this.#settings);
      if (!signal.aborted) this.#tell('oriel-ready', undefined);
      return inside;
    } catch (cause) {
      throw signal.aborted ? cause : this.#failed(cause);
    }
  }

  /** Says it to whoever looks at the page, and to the page. */
  #failed(cause: unknown): Error {
    const words = embedWords(this.#settings.lang);
    const isRefused = (cause as { code?: string }).code === 'frame_refused';
    const code = isRefused ? 'origin_not_allowed' : 'unreachable';
    const message = isRefused ? words.refused(location.origin) : words.unreachable;
    const line = document.createElement('p');
    line.setAttribute('role', 'alert');
    line.dir = 'auto';
    line.textContent = message;
    this.#root.replaceChildren(line);
    this.#tell('oriel-error', { code, message, hint: '' });
    return Object.assign(new Error(message, { cause }), { code, hint: '' });
  }

  #again(): void {
    this.disconnectedCallback();
    this.connectedCallback();
  }

  #set(name: keyof Settings, value: string | boolean): void {
    if (this.#settings[name] === value) return;
    this.#settings = { ...this.#settings, [name]: value };
    if (this.#isPlanned) return;
    // Several at a time are told at once.
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      void this.#inside?.then(
        (inside) => inside.set(this.#settings),
        () => undefined,
      );
    });
  }

  /** Properties that were set before the browser knew the element. */
  #takeEarly(): void {
    for (const name of [...Object.keys(NO_SETTINGS), 'url', 'isolate']) {
      if (name === 'lang' || !Object.hasOwn(this, name)) continue;
      const value: unknown = Reflect.get(this, name);
      Reflect.deleteProperty(this, name);
      Reflect.set(this, name, value);
    }
  }

  async #command<Value>(name: Command, ...args: readonly unknown[]): Promise<Value> {
    if (this.#inside === undefined) throw Object.assign(new Error('The element is not on a page.'), { code: 'not_connected', hint: '' });
    return (await (await this.#inside).command(name, args)) as Value;
  }

  #tell<Name extends keyof RoomElementEvents>(name: Name, detail: RoomElementEvents[Name]): void {
    this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true }));
  }
}
