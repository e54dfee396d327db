/** Has a room do what a page asks, and tells of it in plain data: for pages that hold it, in their tree or in a frame. */
import { OrielError, type Participant } from '@oriel/client';
import type { Finding } from '../doctor/doctor.ts';
import type { RoomViewElement } from '../room/room-view.element.ts';
import type { Command, EventName, Failure, Person, RoomElementEvents, Settings, Status } from './contract.ts';

/** Who is told. */
export interface Listener {
  status(status: Status): void;
  event<Name extends EventName>(name: Name, detail: RoomElementEvents[Name]): void;
}

/** Events of what is inside: nobody's business around it, and not there where it is in a frame. */
export const INNER_EVENTS = [
  'oriel-announce',
  'oriel-changed',
  'oriel-close',
  'oriel-device',
  'oriel-device-error',
  'oriel-error',
  'oriel-finding',
  'oriel-join',
  'oriel-joined',
  'oriel-leave',
  'oriel-left',
  'oriel-open-help',
  'oriel-open-settings',
  'oriel-open-steering',
  'oriel-pin',
  'oriel-send-files',
  'oriel-toggle-hand',
  'oriel-toggle-panel',
  'oriel-write-to',
] as const;

/** Events of the room after which something else may be shown. */
const CHANGES = [
  'connectionStateChanged',
  'handLowered',
  'handRaised',
  'localTrackPublished',
  'localTrackUnpublished',
  'moved',
  'participantConnected',
  'participantDisconnected',
  'participantUpdated',
  'trackMuted',
  'trackUnmuted',
] as const;

/** For one `<oriel-room-view>`, as long as that is on its page. */
export class Agent {
  readonly #view: RoomViewElement;
  readonly #listener: Listener;
  readonly #end = new AbortController();
  readonly #ends: (() => void)[];
  #told = '';
  #began = false;

  constructor(view: RoomViewElement, listener: Listener) {
    this.#view = view;
    this.#listener = listener;
    const { room } = view;
    this.#ends = [
      ...CHANGES.map((name) => room.on(name, () => this.#changed())),
      room.on('waiting', () => listener.event('oriel-waiting', undefined)),
      room.on('participantConnected', (one) => listener.event('oriel-participant-connected', person(one))),
      room.on('participantDisconnected', (one) => listener.event('oriel-participant-disconnected', person(one))),
      room.on('chatMessage', ({ id, participant, name, text, at }) =>
        listener.event('oriel-chat-message', { id, from: participant, name, text, at }),
      ),
    ];
    for (const name of INNER_EVENTS) view.addEventListener(name, (event) => this.#inner(event as CustomEvent), { signal: this.#end.signal });
    this.#changed();
  }

  /** Takes over what the page has set. The first time, it may lead straight into the room. */
  set(settings: Settings): void {
    const { prejoin, theme, ...rest } = settings;
    Object.assign(this.#view, rest);
    if (theme === 'light' || theme === 'dark') this.#view.dataset['theme'] = theme;
    else delete this.#view.dataset['theme'];
    const isKnown = settings.roomName !== '' || settings.token !== '' || settings.ticket !== '';
    if (this.#began || prejoin !== 'off' || !isKnown) return;
    this.#began = true;
    void this.#view.updateComplete.then(() => this.#view.joinAtOnce());
  }

  /** Does it. Rejects with an `OrielError`, or where it was asked in a wrong way with a `TypeError`. */
  async command(name: Command, args: readonly unknown[]): Promise<unknown> {
    const view = this.#view;
    switch (name) {
      case 'join': {
        const isIn = await view.joinAtOnce(choice(args[0] ?? {}));
        if (!isIn) throw new TypeError('A guest needs a name: join({ name: "…" }).');
        return undefined;
      }
      case 'sendChatMessage':
        if (typeof args[0] !== 'string') throw new TypeError('sendChatMessage takes a text.');
        return view.sendChatMessage(args[0]);
      case 'diagnose':
        return (await view.diagnose()).map(plain);
      default:
        return view[name]();
    }
  }

  /** Lets go of the room; the view leaves it when it is taken off its page. */
  end(): void {
    this.#end.abort();
    for (const end of this.#ends) end();
  }

  #inner(event: CustomEvent): void {
    event.stopPropagation();
    const { room } = this.#view;
    switch (event.type) {
      case 'oriel-changed':
        // What is drawn anew says whether it is open.
        void this.#view.updateComplete.then(() => this.#changed());
        break;
      case 'oriel-joined':
        this.#changed();
        this.#listener.event('oriel-joined', { room: room.name, self: person(room.localParticipant) });
        break;
      case 'oriel-left':
        this.#changed();
        this.#listener.event('oriel-left', { reason: String(event.detail) });
        break;
      case 'oriel-error':
        this.#listener.event('oriel-error', failure(event.detail));
        break;
      case 'oriel-finding':
        this.#listener.event('oriel-blocked', plain(event.detail as Finding));
        break;
    }
  }

  #changed(): void {
    if (this.#end.signal.aborted) return;
    const view = this.#view;
    const { room } = view;
    const { localParticipant: self } = room;
    const isIn = room.state === 'connected' || room.state === 'reconnecting';
    const status: Status = {
      phase: view.whereabouts,
      room: room.name,
      self: isIn ? person(self) : undefined,
      participants: isIn ? [...room.remoteParticipants.values()].map(person) : [],
      microphone: self.isMicrophoneEnabled,
      camera: self.isCameraEnabled,
      screenShare: self.isScreenShareEnabled,
      hand: self.hand !== undefined,
      panel: view.panel,
    };
    const told = JSON.stringify(status);
    if (told === this.#told) return;
    this.#told = told;
    this.#listener.status(status);
  }
}

/** An error in plain data. */
export function failure(error: unknown): Failure {
  if (error instanceof OrielError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: 'bad_request', message: error instanceof Error ? error.message : String(error), hint: '' };
}

function person({ id, identity, name }: Participant): Person {
  return { id, identity, name };
}

function plain({ device, cause, title, advice, fix }: Finding): RoomElementEvents['oriel-blocked'] {
  return { device, cause, title, advice, fix };
}

function choice(given: unknown): { name?: string; microphone?: boolean; camera?: boolean } {
  if (typeof given !== 'object' || given === null) throw new TypeError('join takes { name, microphone, camera }, or nothing.');
  const { name, microphone, camera } = given as Record<string, unknown>;
  return {
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof microphone === 'boolean' ? { microphone } : {}),
    ...(typeof camera === 'boolean' ? { camera } : {}),
  };
}
