/**
 * Devices of the same network. Those that want to be seen meet in a room of the server's, see each other's names, and ask
 * each other to connect: whoever asked is the host, and hands its code over when the other one has agreed.
 */
import { Signaling, TypedEmitter } from '@oriel/client';

/** Milliseconds after which nobody waits for an answer any more. */
const PATIENCE = 60_000;

export type Standing =
  /** It is there. */
  | 'seen'
  /** We have asked it, and wait. */
  | 'asked'
  /** It asks us. */
  | 'asks'
  /** It has turned us away. */
  | 'refused'
  /** We have agreed, and wait for its code. */
  | 'agreed';

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly standing: Standing;
}

/** What devices say to each other: notes of `signal` requests. */
type Note =
  | { readonly nearby: 1; readonly kind: 'ask' | 'yes' | 'no' }
  | { readonly nearby: 1; readonly kind: 'code'; readonly code: string }
  /** It has come by the code, as that page. */
  | { readonly nearby: 1; readonly kind: 'here'; readonly page: string };

interface NearbyEvents {
  /** Devices have come, gone or said something. */
  changed: [];
  /** One asks to connect. */
  asked: [device: Device];
  /** One has agreed to connect: it waits for a code. */
  agreed: [device: Device];
  /** The one that we have agreed with hands its code over. */
  invited: [device: Device, code: string];
  /** One has come by our code, as that page. */
  came: [page: string];
  /** We are not seen any more. */
  ended: [];
}

export class Nearby extends TypedEmitter<NearbyEvents> {
  /** What others see. */
  readonly name: string;
  readonly #signaling: Signaling;
  /** Of those that are more than seen. */
  readonly #standings = new Map<string, { readonly standing: Standing; readonly timer: ReturnType<typeof setTimeout> }>();
  /** Those whose answer we wait for. */
  readonly #asked = new Set<string>();
  /** Those that were given our code. */
  readonly #invited = new Set<string>();

  /** Over a place in the network's room. */
  constructor(signaling: Signaling, name: string) {
    super();
    this.#signaling = signaling;
    this.name = name;
    signaling.on('participantConnected', () => this.emit('changed'));
    signaling.on('participantDisconnected', ({ id }) => this.#stand(id, 'seen'));
    signaling.on('signalReceived', (data, from) => this.#heard(data, from));
    signaling.on('disconnected', () => this.emit('ended'));
  }

  /** Shows this device by that name to those of its network. Rejects with an `OrielError` where the server does not offer that. */
  static async show(name: string): Promise<Nearby> {
    return new Nearby(await Signaling.join({ nearby: true, name }), name);
  }

  get devices(): readonly Device[] {
    return [...this.#signaling.participants.values()].map(({ id, name }) => ({ id, name, standing: this.#standings.get(id)?.standing ?? 'seen' }));
  }

  /** Asks a device to connect. */
  ask(id: string): void {
    this.#say(id, { nearby: 1, kind: 'ask' });
    this.#asked.add(id);
    this.#stand(id, 'asked');
  }

  /** Answers one that asks. */
  answer(id: string, agrees: boolean): void {
    this.#say(id, { nearby: 1, kind: agrees ? 'yes' : 'no' });
    this.#stand(id, agrees ? 'agreed' : 'seen');
  }

  /** Hands the code over to one that has agreed. */
  invite(id: string, code: string): void {
    this.#invited.add(id);
    this.#say(id, { nearby: 1, kind: 'code', code });
    this.#stand(id, 'seen');
  }

  /** Tells the one whose code we came by which page we are, so that it need not ask who that is. */
  async arrive(id: string, page: string): Promise<void> {
    await this.#signaling.signal(id, JSON.stringify({ nearby: 1, kind: 'here', page } satisfies Note)).catch(() => {});
  }

  /** Is not seen any more. */
  close(): void {
    this.#signaling.leave();
    for (const { timer } of this.#standings.values()) clearTimeout(timer);
    this.#standings.clear();
  }

  #heard(data: string, from: string): void {
    const device = this.devices.find(({ id }) => id === from);
    const note = read(data);
    if (!device || !note) return;
    const { standing } = device;
    if (note.kind === 'ask' && (standing === 'seen' || standing === 'refused' || standing === 'asked')) {
      // Where both ask, both see the question, and whoever answers first is the guest.
      this.#stand(from, 'asks');
      this.emit('asked', device);
    } else if (note.kind === 'yes' && this.#asked.has(from)) {
      this.#stand(from, 'seen');
      this.emit('agreed', device);
    } else if (note.kind === 'no' && this.#asked.delete(from)) {
      this.#stand(from, 'refused');
    } else if (note.kind === 'code' && standing === 'agreed') {
      this.#stand(from, 'seen');
      this.emit('invited', device, note.code);
    } else if (note.kind === 'here' && this.#invited.delete(from)) {
      this.emit('came', note.page);
    }
  }

  /** For a while: whoever does not answer is merely there again. */
  #stand(id: string, standing: Standing): void {
    clearTimeout(this.#standings.get(id)?.timer);
    this.#standings.delete(id);
    if (standing === 'seen') this.#asked.delete(id);
    else this.#standings.set(id, { standing, timer: setTimeout(() => this.#stand(id, 'seen'), PATIENCE) });
    this.emit('changed');
  }

  #say(to: string, note: Note): void {
    // Who does not hear it has gone.
    this.#signaling.signal(to, JSON.stringify(note)).catch(() => {});
  }
}

function read(data: string): Note | undefined {
  let note: Partial<Record<'nearby' | 'kind' | 'code' | 'page', unknown>> | null;
  try {
    note = JSON.parse(data) as typeof note;
  } catch {
    return undefined;
  }
  const isNote = note?.nearby === 1 && (note.kind !== 'code' || typeof note.code === 'string') && (note.kind !== 'here' || typeof note.page === 'string');
  return isNote ? (note as Note) : undefined;
}
