/** A room without a server, for tests: it has who is put into it, and tells what it is told to tell. */
import type { ChatMessage, ConnectionState, Participant, Room, RoomEvents, TrackSource, Waiting } from '@oriel/client';

/** A publication that records where it was attached. */
export class FakeTrack {
  readonly attached = new Set<HTMLMediaElement>();
  readonly kind: 'audio' | 'video';
  readonly source: TrackSource;

  constructor(source: TrackSource) {
    this.source = source;
    this.kind = source === 'camera' || source === 'screen_share' ? 'video' : 'audio';
  }

  attach(element: HTMLMediaElement): HTMLMediaElement {
    this.attached.add(element);
    return element;
  }

  detach(element: HTMLMediaElement): HTMLMediaElement[] {
    this.attached.delete(element);
    return [element];
  }
}

/** Somebody in the room. Change the fields, then let the room tell. */
export class FakeParticipant {
  isSpeaking = false;
  role: 'moderator' | 'participant' = 'participant';
  readonly publications: { id: string; source: TrackSource; kind: string; muted: boolean; track: FakeTrack }[] = [];
  readonly canPublish: TrackSource[] = ['camera', 'microphone', 'screen_share', 'screen_share_audio'];
  canChat = true;
  hand: number | undefined;
  readonly id: string;
  readonly name: string;
  readonly isLocal: boolean;

  constructor(id: string, name: string, isLocal = false) {
    this.id = id;
    this.name = name;
    this.isLocal = isLocal;
  }

  get isModerator(): boolean {
    return this.role === 'moderator';
  }

  get identity(): string {
    return `identity-${this.id}`;
  }

  get isMicrophoneEnabled(): boolean {
    return this.#isEnabled('microphone');
  }

  get isCameraEnabled(): boolean {
    return this.#isEnabled('camera');
  }

  get isScreenShareEnabled(): boolean {
    return this.#isEnabled('screen_share');
  }

  getPublication(source: TrackSource) {
    return this.publications.find((publication) => publication.source === source);
  }

  /** Publishes, mutes or unmutes a source. */
  set(source: TrackSource, on: boolean): this {
    const publication = this.getPublication(source);
    if (publication !== undefined) publication.muted = !on;
    else if (on) {
      const track = new FakeTrack(source);
      this.publications.push({ id: `${this.id}-${source}`, source, kind: track.kind, muted: false, track });
    }
    return this;
  }

  setMicrophoneEnabled(on: boolean): Promise<void> {
    this.set('microphone', on);
    return Promise.resolve();
  }

  setCameraEnabled(on: boolean): Promise<void> {
    this.set('camera', on);
    return Promise.resolve();
  }

  setScreenShareEnabled(on: boolean): Promise<void> {
    this.set('screen_share', on);
    return Promise.resolve();
  }

  raiseHand(): Promise<void> {
    this.hand = 1;
    return Promise.resolve();
  }

  lowerHand(): Promise<void> {
    this.hand = undefined;
    return Promise.resolve();
  }

  #isEnabled(source: TrackSource): boolean {
    return this.getPublication(source)?.muted === false;
  }
}

/** The room. */
export class FakeRoom {
  name = 'quiet-river-stone';
  state: ConnectionState = 'connected';
  canPlayAudio = true;
  readonly localParticipant = new FakeParticipant('me', 'Ada Lovelace', true);
  readonly remoteParticipants = new Map<string, FakeParticipant>();
  chat: ChatMessage[] = [];
  waiting: Waiting[] = [];
  info = { id: 'RM_1', name: 'quiet-river-stone', started_at: 0, locked: false, lobby: false, password: false };
  /** What a moderator did, in short: `mute p1-microphone`. */
  readonly done: string[] = [];
  /** Rejects whatever a moderator does. */
  refusal: Error | undefined;
  readonly moderation = new Proxy({}, { get: (_, name) => (...args: unknown[]) => this.#do(String(name), args) });
  /** Texts that were sent, and to whom. */
  readonly sent: string[] = [];
  readonly #listeners = new Map<string, Set<(...args: never[]) => void>>();

  /** The same object as the elements take it. */
  get asRoom(): Room {
    return this as unknown as Room;
  }

  /** How many listeners there are, of all events. */
  get listenerCount(): number {
    return [...this.#listeners.values()].reduce((sum, listeners) => sum + listeners.size, 0);
  }

  on(event: string, listener: (...args: never[]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  tell<Name extends keyof RoomEvents>(event: Name, ...args: RoomEvents[Name]): void {
    for (const listener of this.#listeners.get(event) ?? []) (listener as (...args: RoomEvents[Name]) => void)(...args);
  }

  /** Lets somebody in. */
  enter(id: string, name: string): FakeParticipant {
    const participant = new FakeParticipant(id, name);
    this.remoteParticipants.set(id, participant);
    this.tell('participantConnected', participant as never);
    return participant;
  }

  /** Lets somebody out. */
  exit(id: string): void {
    const participant = this.remoteParticipants.get(id);
    this.remoteParticipants.delete(id);
    if (participant !== undefined) this.tell('participantDisconnected', participant as never);
  }

  /** Somebody writes. */
  say(participant: FakeParticipant, text: string, at = 0): void {
    const message = { id: `CH_${this.chat.length}`, participant: participant.id, name: participant.name, text, at };
    this.chat = [...this.chat, message];
    this.tell('chatMessage', message);
  }

  sendChat(text: string, { to = [] }: { to?: string[] } = {}): Promise<ChatMessage> {
    this.sent.push([...to, text].join(': '));
    this.say(this.localParticipant, text);
    return Promise.resolve(this.chat.at(-1) as ChatMessage);
  }

  activeDevice(): string | undefined {
    return undefined;
  }

  startAudio(): Promise<void> {
    this.canPlayAudio = true;
    this.tell('audioPlaybackChanged', true);
    return Promise.resolve();
  }

  #do(name: string, args: unknown[]): Promise<void> {
    if (this.refusal) return Promise.reject(this.refusal);
    const words = args.map((one) => (typeof one === 'object' && one !== null && 'id' in one ? String(one.id) : JSON.stringify(one)));
    this.done.push([name, ...words].join(' '));
    return Promise.resolve();
  }

  disconnect(): Promise<void> {
    return Promise.resolve();
  }
}

/** `participant` as the elements take it. */
export function asParticipant(participant: FakeParticipant): Participant {
  return participant as unknown as Participant;
}
