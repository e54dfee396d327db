/** Messages about one thing, for those who want them: they reach only participants who listen. */

import type { Reliability } from './channels.ts';
import type { DataHandler, RoomData, SendOptions } from './data.ts';

export class Topic {
  readonly name: string;
  readonly reliability: Reliability;
  readonly #data: RoomData;

  /** @internal */
  constructor(data: RoomData, name: string, reliability: Reliability) {
    this.#data = data;
    this.name = name;
    this.reliability = reliability;
  }

  /** Sends to those who listen to the topic, or to these participants whether they listen or not. */
  send(payload: Uint8Array | string, options: Pick<SendOptions, 'to'> = {}): Promise<void> {
    const whom = options.to ? { to: options.to } : { listeners: true };
    return this.#data.send(payload, { topic: this.name, reliability: this.reliability, ...whom });
  }

  /** Listens: calls `handler` for each message. Returns the function that ends it. */
  subscribe(handler: DataHandler): () => void {
    return this.#data.on(this.name, handler);
  }
}
