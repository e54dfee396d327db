/** How frames reach the server and come back, whatever carries them. */

import type { Outlets } from '../data/lane.ts';
import type { OrielError } from '../errors.ts';
import type {
  Answer,
  Done,
  EventFrame,
  IceServers,
  InLobby,
  Joined,
  Posted,
  Published,
  ReplyFrame,
  Request,
  Resumed,
} from '../protocol.gen.ts';

export type RequestType = Request['type'];
export type RequestOf<T extends RequestType> = Extract<Request, { type: T }>;

/** What requests are answered with, where it is more than `{}`. */
interface Answers {
  join: Joined | InLobby;
  resume: Resumed;
  offer: Answer;
  ice_servers: IceServers;
  publish: Published;
  chat: Posted;
}

/** What each request is answered with. */
export type Replies = { [T in RequestType]: T extends keyof Answers ? Answers[T] : Done };

/** One message on its way out: JSON as text, or an envelope of an application's data. */
export type Frame = string | Uint8Array<ArrayBuffer>;

export interface TransportListener {
  /** A reply or an event, in the server's order. */
  frame(frame: ReplyFrame | EventFrame): void;
  /** An envelope, in the same order. */
  envelope(bytes: Uint8Array): void;
  /** An open transport is gone, not by `close`. Nothing follows. */
  closed(error: OrielError): void;
}

/** A stream of bytes from another participant. */
export interface Incoming {
  /** Its envelope: who sent it, what it is about, and as its payload what the sender says of it. */
  head: Uint8Array;
  body: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** What a transport carries beside frames: data past the journal, and streams. */
export interface Carrier {
  readonly outlets: Outlets;
  /** Opens a stream to others, for whom its envelope says. */
  open(head: Uint8Array<ArrayBuffer>): Promise<WritableStream<Uint8Array>>;
  /** Tells every stream that comes, from now on. */
  accept(told: (incoming: Incoming) => void): void;
}

/** One connection with the server. It is used once: a new connection is a new object. */
export interface Transport {
  /** Absent where there are frames and nothing else. */
  readonly carrier?: Carrier | undefined;
  /** Reaches the server. Rejects with an `OrielError`. */
  open(listener: TransportListener, signal?: AbortSignal): Promise<void>;
  /** Frames arrive in order, or the transport is closed. */
  send(frame: Frame): void;
  /** Ends it without a word to the listener. */
  close(): void;
}
