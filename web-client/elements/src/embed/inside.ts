/** What `<oriel-room>` needs of whatever shows the room: the same in the page's tree and in a frame. */
import type { Listener } from './agent.ts';
import type { Command, Settings } from './contract.ts';

export interface Inside {
  /** Takes over what the page has set. */
  set(settings: Settings): void;
  /** The page may look different now. */
  looks(): void;
  /** Has something done. Rejects with an error that has `code`, `message` and `hint`. */
  command(name: Command, args: readonly unknown[]): Promise<unknown>;
  /** Leaves the room, and takes away what was put into the element. */
  end(): void;
}

/** Puts a room of the server at that origin into a shadow root. Resolves when it can be told something. */
export type Begin = (root: ShadowRoot, server: string, listener: Listener, signal: AbortSignal) => Promise<Inside>;
