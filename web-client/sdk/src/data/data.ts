/**
 * Messages of an application's own: to everybody, to some, or to those who listen to a topic. They go by
 * a WebTransport session or a data channel where one is open, else by the signaling connection; whoever
 * receives them sees no difference.
 */

import type { Connection } from '../connection/connection.ts';
import { OrielError } from '../errors.ts';
import type { Event, Retained } from '../protocol.gen.ts';
import { decodeBase64, encodeBase64 } from '../transport/base64.ts';
import type { Incoming } from '../transport/transport.ts';
import {
  decodeEnvelope,
  encodeEnvelope,
  LONGEST_ENVELOPE,
  LONGEST_TOPIC,
  overhead,
  type Envelope,
} from './envelope.ts';
import { Handlers } from './handlers.ts';
import type { Reliability } from './lane.ts';
import { Topic, type TopicOptions } from './topic.ts';

export interface DataMessage {
  payload: Uint8Array;
  /** What it is about; may be empty. */
  topic: string;
  /** Who sent it: a participant's id, which may be gone when it is read; empty from outside the room. */
  from: string;
  reliability: Reliability;
  /** The sender's own number for it, where it has one: a later message has a greater one. */
  id?: number;
  /** It is the topic's last value, and was sent before somebody listened. */
  retained?: boolean;
}

/** A stream that somebody sends. It is cancelled if it is not read. */
export interface DataStream {
  /** Who sends it. */
  from: string;
  topic: string;
  /** What the sender says of it. */
  head: Uint8Array;
  readable: ReadableStream<Uint8Array<ArrayBuffer>>;
}

type EventMessage = Extract<Event, { type: 'data.received' }>;

export type DataHandler = (message: DataMessage) => void;

export type StreamHandler = (stream: DataStream) => void;

/** Which way messages take now. */
export type DataPath = 'webtransport' | 'channel' | 'signaling';

/** For whom it is. By default it is for everybody else. */
export interface Destination {
  /** Up to 64 participants or their ids. */
  to?: readonly ({ id: string } | string)[];
  /** Only for those who listen to the topic; not together with `to`. */
  listeners?: boolean;
}

export interface SendOptions extends Destination {
  /** What it is about, 128 bytes at most; empty by default. */
  topic?: string;
  /** `lossy` messages are not sent again and may come out of order; `reliable` by default. */
  reliability?: Reliability;
  /** Gives it a number by which receivers see which of two messages is the later one. */
  ordered?: boolean;
  /** The room keeps it as the topic's last value, for those who come later; an empty one is forgotten. For `reliable` ones alone. */
  retain?: boolean;
  /** Milliseconds that it may wait in this browser; 100 for `lossy` messages, any time for others. */
  maxAge?: number;
}

export interface StreamOptions extends Destination {
  /** What the receivers are told of it, 4 KiB at most. */
  head?: Uint8Array | string;
}

/** What data needs of its room. */
export interface DataHost {
  /** The connection with the room that was joined. Throws `not_connected` outside of one. */
  connected(): Pick<Connection, 'lanes' | 'carrier' | 'isReachable' | 'joined' | 'number' | 'give' | 'request'>;
  /** Says which topics are listened to from now on. Not called outside of a room. */
  listen(topics: string[]): void;
  warned(error: OrielError): void;
}

/** Milliseconds that a lossy message is worth waiting for. */
const LOSSY_AGE = 100;
/** Bytes of a value that a room keeps. */
const LONGEST_RETAINED = 16_384;
/** Bytes of what is said of a stream. */
const LONGEST_HEAD = 4_096;
/** Topics that one participant may listen to. */
const MOST_TOPICS = 64;

const encoder = new TextEncoder();

export class RoomData {
  readonly #host: DataHost;
  readonly #handlers = new Handlers<DataMessage>();
  readonly #streamHandlers = new Handlers<DataStream>();
  /** The last values that the room keeps, by topic. */
  readonly #retained = new Map<string, DataMessage>();
  #listening: readonly string[] = [];
  #saying = false;

  /** @internal */
  constructor(host: DataHost) {
    this.#host = host;
  }

  /**
   * Sends bytes, or text as UTF-8. Resolves when the message is handed over, with true; waits while too many wait
   * already, and resolves with false for one that has grown too old meanwhile. Rejects with an `OrielError`.
   */
  async send(payload: Uint8Array | string, options: SendOptions = {}): Promise<boolean> {
    const { reliability = 'reliable', retain = false, ordered = false } = options;
    const message = envelopeOf(payload, options);
    const connection = this.#host.connected();
    const most = retain ? LONGEST_RETAINED : this.#most(message);
    if (message.payload.length > most) {
      const kind = retain ? 'value that the room keeps' : `${reliability} message`;
      throw new OrielError('too_large', `A ${kind} may have ${most} bytes here; this one has ${message.payload.length}.`);
    }
    if (retain) {
      await this.#retain(message);
      return true;
    }
    const { lanes } = connection;
    if (lanes?.isOpen(reliability)) {
      const bytes = encode(ordered ? { ...message, id: BigInt(connection.number()) } : message);
      try {
        return await lanes.send(reliability, bytes, options.maxAge ?? (message.lossy ? LOSSY_AGE : Infinity));
      } catch (error) {
        // The way closed before it took the message: the other one is left.
        if (!(error instanceof OrielError) || error.code !== 'connection_lost') throw error;
      }
    }
    // Behind an interruption it would come too late.
    if (message.lossy && !connection.isReachable) return false;
    await connection.give((id) => encode({ ...message, id: BigInt(id) }));
    return true;
  }

  /** Calls `handler` for each message, or for each on one topic. Returns the function that ends it. */
  on(handler: DataHandler): () => void;
  on(topic: string, handler: DataHandler): () => void;
  on(first: string | DataHandler, second?: DataHandler): () => void {
    const stop = this.#listen(this.#handlers, first, second);
    const handle = typeof first === 'string' ? second! : first;
    const known = [...this.#retained.values()].filter(({ topic }) => typeof first !== 'string' || topic === first);
    let isOver = false;
    if (known.length > 0) queueMicrotask(() => known.forEach((message) => !isOver && handle(message)));
    return () => {
      isOver = true;
      stop();
    };
  }

  /** Messages about one thing, for those who want them. */
  topic(name: string, options: TopicOptions = {}): Topic {
    return new Topic(this, name, options);
  }

  /** Bytes that the payload of a message about that topic may have now. */
  maxSize(topic: string, reliability: Reliability = 'reliable'): number {
    return this.#most(envelopeOf('', { topic, reliability }));
  }

  /** Which way messages of that kind take now. */
  path(reliability: Reliability = 'reliable'): DataPath {
    const { carrier, lanes } = this.#host.connected();
    if (carrier) return 'webtransport';
    return lanes?.isOpen(reliability) ? 'channel' : 'signaling';
  }

  /**
   * Opens a stream of bytes to others, for what is too long for messages. A receiver that does not keep up loses it, and
   * holds up nobody else. Rejects with `unsupported` where we are not in the room by WebTransport; receivers must be, too.
   */
  async open(topic: string, options: StreamOptions = {}): Promise<WritableStream<Uint8Array>> {
    const { carrier, isReachable } = this.#host.connected();
    const head = envelopeOf(options.head ?? '', { ...options, topic });
    if (head.payload.length > LONGEST_HEAD) {
      throw new OrielError('too_large', `A stream's head may have ${LONGEST_HEAD} bytes; this one has ${head.payload.length}.`);
    }
    if (!isReachable) throw new OrielError('connection_lost', 'The connection is being repaired.');
    if (!carrier) throw new OrielError('unsupported', 'Streams need a WebTransport session: join with `transports: [\'webtransport\', …]`.');
    const bytes = encode(head);
    try {
      return await carrier.open(bytes);
    } catch (error) {
      throw OrielError.from(error, 'connection_lost');
    }
  }

  /** Calls `handler` for each stream that somebody opens, or for each on one topic. The first handler for it has it. */
  onStream(handler: StreamHandler): () => void;
  onStream(topic: string, handler: StreamHandler): () => void;
  onStream(first: string | StreamHandler, second?: StreamHandler): () => void {
    return this.#listen(this.#streamHandlers, first, second);
  }

  /** @internal In a room as somebody new, who listens to nothing yet. */
  entered(retained?: readonly Retained[]): void {
    this.#listening = [];
    this.#update();
    this.keep(retained);
  }

  /** @internal What the room keeps now: what is new of it is told. */
  keep(retained: readonly Retained[] = []): void {
    const before = new Map(this.#retained);
    this.#retained.clear();
    for (const { topic, payload, from = '', id } of retained) {
      const message: DataMessage = { payload: decodeBase64(payload), topic, from, reliability: 'reliable', retained: true, ...(id === undefined ? {} : { id }) };
      this.#retained.set(topic, message);
      if (!isSame(before.get(topic), message)) this.#handlers.tell(message);
    }
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
  deliver({ payload, topic, sender = '', lossy, id }: Envelope): void {
    const message: DataMessage = { payload, topic, from: sender, reliability: lossy ? 'lossy' : 'reliable' };
    if (id !== undefined) message.id = Number(id);
    this.#handlers.tell(message);
  }

  /** @internal The same as JSON. */
  deliverEvent({ payload, topic, from = '', lossy = false, id, retain = false }: EventMessage): void {
    const message: DataMessage = { payload: decodeBase64(payload), topic, from, reliability: lossy ? 'lossy' : 'reliable' };
    if (id !== undefined) message.id = id;
    if (retain) this.#retained.delete(topic);
    if (retain && message.payload.length > 0) this.#retained.set(topic, { ...message, retained: true });
    // Of what the room keeps our own comes back, so that everybody has the same; nobody here has to be told.
    if (from !== '' && from === this.#host.connected().joined?.participant.id) return;
    this.#handlers.tell(message);
  }

  /** @internal Somebody's stream has begun. */
  deliverStream({ head, body }: Incoming): void {
    const envelope = decodeEnvelope(head);
    const { sender = '', topic = '', payload = head } = envelope ?? {};
    const isTaken = envelope !== undefined && this.#streamHandlers.offer({ from: sender, topic, head: payload, readable: body });
    if (!isTaken) body.cancel().catch(() => {});
  }

  async #retain(message: Envelope): Promise<void> {
    const { lossy, topic, payload, to } = message;
    if (lossy || to) throw new OrielError('bad_request', 'What the room keeps is reliable, and not for some alone.');
    // Everybody knows of it, whoever listens: who listens later has it already.
    await this.#host.connected().request<'send'>({ type: 'send', topic, payload: encodeBase64(payload), retain: true });
  }

  /** Bytes that the payload may have. By whatever way it may go; the longer form counts. */
  #most(message: Envelope): number {
    const full = { ...message, id: 0n };
    if (!message.lossy) return LONGEST_ENVELOPE - overhead({ ...full, sender: '', seq: 0n });
    const { joined, lanes } = this.#host.connected();
    const most = Math.min(joined?.limits.lossy_bytes ?? LONGEST_ENVELOPE, lanes?.most('lossy') ?? Infinity);
    return Math.max(0, most - overhead(full));
  }

  #listen<T extends { topic: string }>(handlers: Handlers<T>, first: string | ((one: T) => void), second?: (one: T) => void): () => void {
    const topic = typeof first === 'string' ? first : undefined;
    const handle = typeof first === 'string' ? second : first;
    if (!handle) throw new OrielError('bad_request', 'Data needs a handler.');
    if (topic !== undefined) this.#check(topic);
    const remove = handlers.add(topic, handle);
    this.#update();
    return () => {
      remove();
      this.#update();
    };
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
    return [...new Set([...this.#handlers.topics(), ...this.#streamHandlers.topics()])].sort();
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

function envelopeOf(payload: Uint8Array | string, options: SendOptions): Envelope {
  const { topic = '', to, reliability = 'reliable', listeners = false } = options;
  return {
    lossy: reliability === 'lossy',
    subscribers: listeners,
    topic,
    payload: typeof payload === 'string' ? encoder.encode(payload) : payload,
    ...(to ? { to: to.map((one) => (typeof one === 'string' ? one : one.id)) } : {}),
  };
}

function encode(message: Envelope): Uint8Array<ArrayBuffer> {
  try {
    return encodeEnvelope(message);
  } catch (error) {
    throw OrielError.from(error, 'bad_request');
  }
}

function isSame(one: DataMessage | undefined, other: DataMessage): boolean {
  if (one?.from !== other.from || one.id !== other.id || one.payload.length !== other.payload.length) return false;
  return one.payload.every((byte, index) => byte === other.payload[index]);
}
