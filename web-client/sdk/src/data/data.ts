/**
 * Messages of an application's own: to everybody, to some, or to those who listen to a topic. They go by
 * a data channel where one is open, else by the signaling connection; whoever receives them sees no
 * difference.
 */

import { OrielError } from '../errors.ts';
import type { Event } from '../protocol.gen.ts';
import type { Channels, Reliability } from './channels.ts';
import {
  decodeEnvelope,
  encodeEnvelope,
  LONGEST_ENVELOPE,
  LONGEST_TOPIC,
  overhead,
  type Envelope,
} from './envelope.ts';
import { Topic } from './topic.ts';

export interface DataMessage {
  payload: Uint8Array;
  /** What it is about; may be empty. */
  topic: string;
  /** Who sent it: a participant's id, which may be gone when it is read; empty from outside the room. */
  from: string;
  reliability: Reliability;
}

type EventMessage = Extract<Event, { type: 'data.received' }>;

export type DataHandler = (message: DataMessage) => void;

export interface SendOptions {
  /** What it is about, 128 bytes at most; empty by default. */
  topic?: string;
  /** For whom it is: up to 64 participants or their ids. By default it is for everybody else. */
  to?: readonly ({ id: string } | string)[];
  /** `lossy` messages are not sent again and may come out of order; `reliable` by default. */
  reliability?: Reliability;
  /** Only for those who listen to the topic; not together with `to`. */
  listeners?: boolean;
}

/** What data needs of its room. */
export interface DataHost {
  /** The channels of the moment, if there are any. */
  channels(): Channels | undefined;
  /** Hands over an envelope by the signaling connection, waiting through an interruption. */
  give(envelope: (id: number) => Uint8Array<ArrayBuffer>): Promise<void>;
  /** Says which topics are listened to from now on. Not called outside of a room. */
  listen(topics: string[]): void;
  warned(error: OrielError): void;
}

/** Topics that one participant may listen to. */
const MOST_TOPICS = 64;

const encoder = new TextEncoder();

export class RoomData {
  readonly #host: DataHost;
  readonly #handlers = new Set<{ topic: string | undefined; handle: DataHandler }>();
  #listening: readonly string[] = [];
  #saying = false;

  /** @internal */
  constructor(host: DataHost) {
    this.#host = host;
  }

  /**
   * Sends bytes, or text as UTF-8. Resolves when the message is handed over; waits while too many wait
   * already. Rejects with an `OrielError`.
   */
  async send(payload: Uint8Array | string, options: SendOptions = {}): Promise<void> {
    const { topic = '', to, reliability = 'reliable', listeners = false } = options;
    const message: Envelope = {
      lossy: reliability === 'lossy',
      subscribers: listeners,
      topic,
      payload: typeof payload === 'string' ? encoder.encode(payload) : payload,
      ...(to ? { to: to.map((one) => (typeof one === 'string' ? one : one.id)) } : {}),
    };
    // By either way it may go; the longer form counts.
    const most = LONGEST_ENVELOPE - overhead({ ...message, sender: '', id: 0n, seq: 0n });
    if (message.payload.length > most) {
      const { length } = message.payload;
      throw new OrielError('too_large', `A message may have ${most} bytes here; this one has ${length}.`);
    }
    const channels = this.#host.channels();
    if (channels?.isOpen(reliability)) {
      const bytes = encode(message);
      try {
        await channels.send(reliability, bytes);
        return;
      } catch (error) {
        // The channel closed before it took the message: the other way is left.
        if (!(error instanceof OrielError) || error.code !== 'connection_lost') throw error;
      }
    }
    await this.#host.give((id) => encode({ ...message, id: BigInt(id) }));
  }

  /** Calls `handler` for each message, or for each on one topic. Returns the function that ends it. */
  on(handler: DataHandler): () => void;
  on(topic: string, handler: DataHandler): () => void;
  on(first: string | DataHandler, second?: DataHandler): () => void {
    const topic = typeof first === 'string' ? first : undefined;
    const handle = typeof first === 'string' ? second : first;
    if (!handle) throw new OrielError('bad_request', 'Data needs a handler.');
    if (topic !== undefined) this.#check(topic);
    const entry = { topic, handle };
    this.#handlers.add(entry);
    this.#update();
    return () => {
      this.#handlers.delete(entry);
      this.#update();
    };
  }

  /** Messages about one thing, for those who want them. */
  topic(name: string, options: { reliability?: Reliability } = {}): Topic {
    return new Topic(this, name, options.reliability ?? 'reliable');
  }

  /** @internal In a room as somebody new, who listens to nothing yet. */
  entered(): void {
    this.#listening = [];
    this.#update();
  }

  /** @internal An envelope came by a channel. */
  received(bytes: Uint8Array): void {
    const envelope = decodeEnvelope(bytes);
    if (envelope?.sender === undefined) {
      this.#host.warned(new OrielError('protocol', 'A data channel brought something that is no message.'));
      return;
    }
    this.deliver(envelope);
  }

  /** @internal An envelope came by the signaling connection. */
  deliver({ payload, topic, sender = '', lossy }: Envelope): void {
    this.#tell({ payload, topic, from: sender, reliability: lossy ? 'lossy' : 'reliable' });
  }

  /** @internal The same as JSON. */
  deliverEvent({ payload, topic, from = '', lossy = false }: EventMessage): void {
    const bytes = Uint8Array.from(atob(payload), (letter) => letter.charCodeAt(0));
    this.#tell({ payload: bytes, topic, from, reliability: lossy ? 'lossy' : 'reliable' });
  }

  #tell(message: DataMessage): void {
    const { topic } = message;
    for (const entry of [...this.#handlers]) {
      if (entry.topic !== undefined && entry.topic !== topic) continue;
      try {
        entry.handle(message);
      } catch (error) {
        // As with events: it harms no other handler.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #check(topic: string): void {
    if (encoder.encode(topic).length > LONGEST_TOPIC) {
      throw new OrielError('too_large', `A topic has at most ${LONGEST_TOPIC} bytes.`);
    }
    if (!this.#topics().includes(topic) && this.#topics().length >= MOST_TOPICS) {
      throw new OrielError('full', `There can be handlers for at most ${MOST_TOPICS} topics.`);
    }
  }

  #topics(): string[] {
    const topics = [...this.#handlers].flatMap(({ topic }) => (topic === undefined ? [] : [topic]));
    return [...new Set(topics)].sort();
  }

  /** What comes and goes in one turn of the event loop is said once. */
  #update(): void {
    if (this.#saying) return;
    this.#saying = true;
    queueMicrotask(() => {
      this.#saying = false;
      const topics = this.#topics();
      if (topics.join('\n') === this.#listening.join('\n')) return;
      this.#listening = topics;
      this.#host.listen(topics);
    });
  }
}

function encode(message: Envelope): Uint8Array<ArrayBuffer> {
  try {
    return encodeEnvelope(message);
  } catch (error) {
    throw OrielError.from(error, 'bad_request');
  }
}
