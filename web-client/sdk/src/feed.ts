/**
 * What happens on a server, or in one room, for those whose token lets them observe: an event stream that is opened
 * again where it was cut (`docs/protocol.md`, "Observers").
 */

import { OrielError } from './errors.ts';
import type { Event, EventFrame, Flow, RequestError, RoomInfo } from './protocol.gen.ts';
import { readEvents } from './transport/event-stream.ts';
import { problem } from './transport/problem.ts';

/** Milliseconds that a stream may be silent: the server sends a comment every 15 seconds. */
const SILENCE = 40_000;
/** Milliseconds before a stream that was cut is opened again: at first, and at most. */
const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

/** The place that an event of all rooms belongs to. */
export interface RoomPlace {
  id: string;
  name: string;
}

/** All rooms as they are: the first event of a feed of all rooms, and the first after a gap. */
export interface ServerOverview {
  type: 'overview';
  lost: boolean;
  rooms: { room: RoomInfo; participants: number }[];
  cursor: string;
}

/** What the server is doing, every two seconds, for feeds whose `types` name it. */
export interface ServerMeasured {
  type: 'server.measured';
  at: number;
  rooms: number;
  participants: number;
  tracks: number;
  sessions: number;
  received: Omit<Flow, 'lost_per_thousand'>;
  sent: Omit<Flow, 'lost_per_thousand'>;
  /** Of one core. */
  processor_percent: number;
  memory_bytes: number;
  workers: { busy_percent: number; sessions: number }[];
}

/** An event of some room. */
export interface ServerRoomEvent {
  seq?: number;
  type: Event['type'];
  at: number;
  room: RoomPlace;
  event: EventFrame;
}

/** What a feed of all rooms tells. */
export type ServerEvent = ServerOverview | ServerMeasured | ServerRoomEvent;

export interface FeedOptions {
  /** A token with `oriel.observe`. */
  token: string;
  /** The types of events; all but what is measured without it. An overview always comes. */
  types?: readonly string[];
  /** Said when the stream is open, and when it is not. */
  onState?: (isOpen: boolean) => void;
  /** There is nothing more to read, or the token does not do. Nothing follows. */
  onEnd?: (error: OrielError) => void;
}

/** A feed that is being read, until it is closed. */
export class Feed<T> {
  readonly #address: string;
  readonly #options: FeedOptions;
  readonly #told: (event: T) => void;
  readonly #closed = new AbortController();
  #place = '';
  #pause = FIRST_PAUSE;

  private constructor(address: string, options: FeedOptions, told: (event: T) => void) {
    this.#address = options.types ? `${address}?types=${options.types.join()}` : address;
    this.#options = options;
    this.#told = told;
    void this.#run();
  }

  /** Reads what happens in all rooms of the server at `url` (`https://host`). */
  static ofServer(url: string, options: FeedOptions, told: (event: ServerEvent) => void): Feed<ServerEvent> {
    return new Feed(`${url}/v1/events`, options, told);
  }

  /** Reads what happens in one room. */
  static ofRoom(url: string, room: string, options: FeedOptions, told: (event: EventFrame) => void): Feed<EventFrame> {
    return new Feed(`${url}/v1/rooms/${encodeURIComponent(room)}/events`, options, told);
  }

  /** Ends it. Nothing more is told. */
  close(): void {
    this.#closed.abort();
  }

  async #run(): Promise<void> {
    while (!this.#closed.signal.aborted) {
      try {
        await this.#read();
      } catch (error) {
        if (this.#closed.signal.aborted) return;
        if (error instanceof OrielError && !error.retryable) {
          this.#options.onState?.(false);
          this.#options.onEnd?.(error);
          return;
        }
      }
      if (this.#closed.signal.aborted) return;
      this.#options.onState?.(false);
      await pause(this.#pause, this.#closed.signal);
      this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
    }
  }

  /** One stream, to its end. */
  async #read(): Promise<void> {
    const watch = new AbortController();
    let timer = setTimeout(() => watch.abort(), SILENCE);
    try {
      const headers: Record<string, string> = { accept: 'text/event-stream', authorization: `Bearer ${this.#options.token}` };
      if (this.#place) headers['last-event-id'] = this.#place;
      const signal = AbortSignal.any([watch.signal, this.#closed.signal]);
      const response = await fetch(this.#address, { headers, signal });
      if (!response.ok || !response.body) throw OrielError.fromServer(await problem(response));
      this.#options.onState?.(true);
      const alive = (): void => {
        clearTimeout(timer);
        timer = setTimeout(() => watch.abort(), SILENCE);
      };
      await readEvents(response.body, alive, ({ id, kind, data }) => {
        this.#pause = FIRST_PAUSE;
        if (kind === 'closed') throw OrielError.fromServer(JSON.parse(data) as RequestError);
        if (id) this.#place = id;
        if (!this.#closed.signal.aborted) this.#told(JSON.parse(data) as T);
      });
    } finally {
      clearTimeout(timer);
      watch.abort();
    }
  }
}

function pause(longest: number, signal: AbortSignal): Promise<void> {
  // Spread out: all feeds of a server that has stopped come back to it at once.
  const time = longest * (0.5 + Math.random() / 2);
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, time);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
