/** How requests reach the server and events come back, whatever carries them. */

import type { OrielError } from '../errors.ts';
import type { Answer, Done, EventFrame, Join, Joined, Posted, Published, Request } from '../protocol.gen.ts';

/** What each request is answered with. */
export interface Replies {
  join: Joined;
  leave: Done;
  offer: Answer;
  candidate: Done;
  publish: Published;
  unpublish: Done;
  mute: Done;
  chat: Posted;
}

export type RequestType = Request['type'];
export type RequestOf<T extends RequestType> = Extract<Request, { type: T }>;

export interface TransportListener {
  /** An event, in the server's order. */
  event(frame: EventFrame): void;
  /** The transport is gone, not by `close`. Nothing follows. */
  closed(error: OrielError): void;
}

/** One attachment to a room. It is used once: a new attachment is a new object. */
export interface Transport {
  /** Reaches the server and joins. Events that come before `events` is called are kept for it. */
  attach(join: Join, signal?: AbortSignal): Promise<Joined>;
  /** Asks; rejects with an `OrielError`, `timeout` if no answer comes. Requests arrive in order. */
  request<T extends RequestType>(request: RequestOf<T>): Promise<Replies[T]>;
  /** Tells `listener` everything from now on. */
  events(listener: TransportListener): void;
  /** Ends it. Unanswered requests reject with `aborted`. */
  close(): void;
}
