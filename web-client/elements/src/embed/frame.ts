/** A room in a frame: the page's side. It makes the frame, hands it one port, and speaks to it by that alone. */
import type { Listener } from './agent.ts';
import {
  type Command,
  type FrameMessage,
  isOurs,
  NO_SETTINGS,
  type PageMessage,
  readFrameMessage,
  Refusal,
  type RoomElementEvents,
  type Settings,
  VERSION,
} from './contract.ts';
import type { Inside } from './inside.ts';
import { gatherLooks } from './looks.ts';
import { SlotOverlay } from './slot-overlay.ts';

/** What a room needs of the page around its frame. */
const ALLOW =
  'camera; microphone; display-capture; autoplay; fullscreen; picture-in-picture; screen-wake-lock; clipboard-write; speaker-selection';
/** Milliseconds after the frame has loaded in which its page must speak, or it is not ours. */
const PATIENCE = 5000;
/** Features that the frame cannot have where our own page may not have them. */
const FEATURES = ['camera', 'microphone', 'display-capture'];

/** Puts a frame into `root`, which has nothing else, and waits until its page is there. */
export async function begin(root: ShadowRoot, server: string, listener: Listener, signal: AbortSignal): Promise<Inside> {
  const host = root.host as HTMLElement;
  const frame = document.createElement('iframe');
  frame.allow = ALLOW;
  frame.title = host.getAttribute('frame-title') ?? 'Oriel';
  const room = host.getAttribute('room-name') ?? (host as Partial<Settings>).roomName ?? '';
  frame.src = `${server}/embed/${encodeURIComponent(room === '' ? 'room' : room)}#driven`;
  const here = heardFrom(frame, server, signal);
  root.append(frame);
  try {
    await here;
  } catch (error) {
    frame.remove();
    throw error;
  }
  const channel = new MessageChannel();
  frame.contentWindow?.postMessage({ oriel: VERSION, type: 'hello' }, server, [channel.port2]);
  return new FrameInside(root, frame, channel.port1, listener);
}

/** The frame's page says that it is there: it alone, from the server's origin. */
function heardFrom(frame: HTMLIFrameElement, server: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const listening = { signal: AbortSignal.any([over.signal, signal]) };
    const onMessage = (event: MessageEvent): void => {
      if (event.source !== frame.contentWindow || event.origin !== server || !isOurs(event.data)) return;
      over.abort();
      resolve();
    };
    const onLoad = (): void => {
      setTimeout(() => {
        over.abort();
        reject(Object.assign(new Error('no room has come'), { code: 'frame_refused' }));
      }, PATIENCE);
    };
    addEventListener('message', onMessage, listening);
    frame.addEventListener('load', onLoad, listening);
    signal.addEventListener('abort', () => reject(new Error('the element is gone')), { once: true });
  });
}

/** What waits for a reply. */
interface Asked {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: Error) => void;
}

class FrameInside implements Inside {
  readonly #host: HTMLElement;
  readonly #frame: HTMLIFrameElement;
  readonly #port: MessagePort;
  readonly #listener: Listener;
  readonly #slots: SlotOverlay;
  readonly #asked = new Map<number, Asked>();
  readonly #watch = new MutationObserver(() => this.looks());
  readonly #dark = matchMedia('(prefers-color-scheme: dark)');
  #number = 0;

  constructor(root: ShadowRoot, frame: HTMLIFrameElement, port: MessagePort, listener: Listener) {
    this.#host = root.host as HTMLElement;
    this.#frame = frame;
    this.#port = port;
    this.#listener = listener;
    port.onmessage = ({ data }) => this.#hear(data);
    this.#slots = new SlotOverlay(root, (sizes) => this.#post({ type: 'slots', sizes }));
    const attributes = { attributes: true, attributeFilter: ['class', 'style', 'data-theme'] };
    for (const element of [this.#host, document.documentElement, document.body]) this.#watch.observe(element, attributes);
    this.#watch.observe(document.head, { childList: true, subtree: true, characterData: true });
    this.#dark.addEventListener('change', this.#onDark);
    this.looks();
    const { origin } = new URL(frame.src);
    this.#post({ type: 'around', forbidden: forbidden(origin) });
  }

  set(settings: Settings): void {
    // The element has more properties than are settings.
    const names = Object.keys(NO_SETTINGS) as (keyof Settings)[];
    const chosen = Object.fromEntries(names.map((name) => [name, settings[name]])) as unknown as Settings;
    // Others come by this page, not by the frame's.
    const link = settings.link === '' ? location.origin + location.pathname : settings.link;
    this.#post({ type: 'settings', settings: { ...chosen, link } });
  }

  looks(): void {
    this.#post({ type: 'looks', looks: gatherLooks(this.#host) });
  }

  command(name: Command, args: readonly unknown[]): Promise<unknown> {
    const id = (this.#number += 1);
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#post({ type: 'command', id, name, args });
    });
  }

  end(): void {
    this.#watch.disconnect();
    this.#dark.removeEventListener('change', this.#onDark);
    this.#slots.end();
    this.#port.close();
    // The room leaves when its page goes.
    this.#frame.remove();
    for (const { reject } of this.#asked.values()) reject(Object.assign(new Error('The room was taken off the page.'), { code: 'aborted', hint: '' }));
    this.#asked.clear();
  }

  readonly #onDark = (): void => this.looks();

  #post(message: PageMessage): void {
    this.#port.postMessage({ ...message, oriel: VERSION });
  }

  #hear(data: unknown): void {
    let message: FrameMessage;
    try {
      message = readFrameMessage(data);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#listener.event('oriel-error', { code: 'protocol', message: error.message, hint: '' });
      return;
    }
    switch (message.type) {
      case 'status':
        this.#listener.status(message.status);
        break;
      case 'event':
        this.#listener.event(message.name, message.detail as RoomElementEvents[typeof message.name]);
        break;
      case 'slots':
        this.#slots.place(message.places);
        break;
      case 'refused':
        this.#listener.event('oriel-error', { code: 'protocol', message: message.reason, hint: '' });
        break;
      case 'reply': {
        const asked = this.#asked.get(message.id);
        this.#asked.delete(message.id);
        if (message.failure === undefined) asked?.resolve(message.value);
        else asked?.reject(Object.assign(new Error(message.failure.message), message.failure));
        break;
      }
    }
  }
}

/** What this page may not have for that origin; nothing where the browser does not say. */
function forbidden(origin: string): string[] {
  const { permissionsPolicy, featurePolicy } = document as { permissionsPolicy?: Policy; featurePolicy?: Policy };
  const policy = permissionsPolicy ?? featurePolicy;
  // A frame has what its page may have itself, and gives it by `allow`; or what the header names it for.
  return policy === undefined ? [] : FEATURES.filter((feature) => !policy.allowsFeature(feature) && !policy.allowsFeature(feature, origin));
}

interface Policy {
  allowsFeature(feature: string, origin?: string): boolean;
}
