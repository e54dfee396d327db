/** What is written in the room, as far as it is for us. */

import type { ChatMessage } from './protocol.gen.ts';

/** Messages kept; older ones make room. */
const LENGTH = 1_000;

export class Conversation {
  #messages: readonly ChatMessage[] = [];

  /** Oldest first. */
  get messages(): readonly ChatMessage[] {
    return this.#messages;
  }

  /** Begins with what was written before we came. */
  begin(history: readonly ChatMessage[]): void {
    this.#messages = history;
  }

  /** False for one that is there already: our own come twice, as a reply and as everybody's event. */
  add(message: ChatMessage): boolean {
    if (this.#messages.some(({ id }) => id === message.id)) return false;
    this.#messages = [...this.#messages.slice(1 - LENGTH), message];
    return true;
  }
}
