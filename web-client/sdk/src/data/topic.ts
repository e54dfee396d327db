/** Messages about one thing, for those who want them: they reach only participants who listen. */

import type { DataHandler, RoomData, SendOptions, StreamOptions } from './data.ts';
import type { Reliability } from './lane.ts';

export interface TopicOptions extends Pick<SendOptions, 'retain' | 'maxAge'> {
  /** `lossy` messages are not sent again and may come out of order; `reliable` by default. */
  reliability?: Reliability;
  /** Of each sender's lossy messages, one that comes behind a later one is not told. */
  ordered?: boolean;
}

/** Senders whose last message is remembered, for the order. */
const MOST_SENDERS = 1_024;

export class Topic {
  readonly name: string;
  readonly reliability: Reliability;
  readonly #data: RoomData;
  readonly #options: TopicOptions;

  /** @internal */
  constructor(data: RoomData, name: string, options: TopicOptions) {
    this.#data = data;
    this.name = name;
    this.reliability = options.reliability ?? 'reliable';
    this.#options = options;
  }

  /** Bytes that a message may have now. */
  get maxSize(): number {
    return this.#data.maxSize(this.name, this.reliability);
  }

  /**
   * Sends to those who listen to the topic, or to these participants whether they listen or not. Resolves with false
   * for a message that grew too old before it could go.
   */
  send(payload: Uint8Array | string, options: Pick<SendOptions, 'to'> = {}): Promise<boolean> {
    return this.#data.send(payload, { ...this.#options, topic: this.name, reliability: this.reliability, ...whom(options) });
  }

  /** Listens: calls `handler` for each message. Returns the function that ends it. */
  subscribe(handler: DataHandler): () => void {
    const isWanted = this.#options.ordered && this.reliability === 'lossy' ? inOrder() : () => true;
    return this.#data.on(this.name, (message) => {
      if (isWanted(message.from, message.id)) handler(message);
    });
  }

  /** Opens a stream of bytes to those who listen, or to these participants; see `RoomData.open`. */
  open(options: Pick<StreamOptions, 'to' | 'head'> = {}): Promise<WritableStream<Uint8Array>> {
    return this.#data.open(this.name, { ...options, ...whom(options) });
  }
}

function whom({ to }: Pick<SendOptions, 'to'>): Pick<SendOptions, 'to' | 'listeners'> {
  return to ? { to } : { listeners: true };
}

/** Whether a message is later than all that came before from its sender. One without a number is. */
function inOrder(): (from: string, id: number | undefined) => boolean {
  const newest = new Map<string, number>();
  return (from, id) => {
    if (id === undefined) return true;
    if (id <= (newest.get(from) ?? -1)) return false;
    // Who has been silent the longest is forgotten first.
    newest.delete(from);
    newest.set(from, id);
    if (newest.size > MOST_SENDERS) newest.delete(newest.keys().next().value!);
    return true;
  };
}
