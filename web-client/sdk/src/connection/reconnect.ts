/**
 * Keeps a room joined: opens a session and, when it is lost, opens another, for about half a minute.
 * In this release every attempt is a fresh join.
 */

import { OrielError } from '../errors.ts';
import type { DisconnectReason } from '../events.ts';
import type { EventFrame, Join, LeaveReason } from '../protocol.gen.ts';
import type { Transport } from '../transport/transport.ts';
import { Session } from './session.ts';

/** Milliseconds after which repairing is given up. */
const GIVE_UP_AFTER = 30_000;
/** Milliseconds that a new session must last before the next fault gets the full time again. */
const STABLE_AFTER = 10_000;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 5_000;

/** After these the room is open to us as before; any other reason means that we are not wanted. */
const REMEDIED_BY_JOINING: ReadonlySet<LeaveReason> = new Set<LeaveReason>([
  'connection_lost',
  'server_stopping',
  'internal',
]);

export interface ConnectionListener {
  /** In the room. `again` after an interruption. */
  joined(session: Session, again: boolean): void;
  event(frame: EventFrame, session: Session): void;
  /** The call is interrupted; repairing has begun. */
  interrupted(): void;
  /** Media flows again in the same session. */
  recovered(): void;
  failed(error: OrielError): void;
  warned(error: OrielError): void;
  /** It is over for good. */
  ended(reason: DisconnectReason): void;
}

/** Asks for a new token, where the page can: the old one may have expired, or its key be gone. */
export type Renew = (signal: AbortSignal) => Promise<{ token: string }>;

export class Connection {
  #join: Join;
  readonly #renew: Renew | undefined;
  readonly #makeTransport: () => Transport;
  readonly #listener: ConnectionListener;
  readonly #stop = new AbortController();
  #session: Session | undefined;
  #faultSince: number | undefined;
  #stable: ReturnType<typeof setTimeout> | undefined;

  constructor(
    join: Join,
    renew: Renew | undefined,
    makeTransport: () => Transport,
    listener: ConnectionListener,
  ) {
    this.#join = join;
    this.#renew = renew;
    this.#makeTransport = makeTransport;
    this.#listener = listener;
  }

  /** The session while the room can be reached. */
  get session(): Session | undefined {
    return this.#session?.isOver ? undefined : this.#session;
  }

  /** Joins for the first time; here failure is the caller's, there is no second try. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    const both = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    this.#enter(await this.#attempt(both), false);
  }

  /** Leaves the room, or stops trying to get into it. The listener hears nothing more. */
  async close(): Promise<void> {
    const session = this.#finish();
    if (session?.isOver) session.close();
    else await session?.leave();
  }

  /** As `close`, for a page that is going away. */
  closeNow(): void {
    const session = this.#finish();
    if (session?.isOver) session.close();
    else session?.leaveNow();
  }

  #finish(): Session | undefined {
    this.#stop.abort();
    clearTimeout(this.#stable);
    const session = this.#session;
    this.#session = undefined;
    return session;
  }

  #attempt(signal: AbortSignal): Promise<Session> {
    const listener = this.#listener;
    return Session.open(
      this.#makeTransport(),
      this.#join,
      {
        event: (frame) => this.#session && listener.event(frame, this.#session),
        mediaInterrupted: () => listener.interrupted(),
        mediaRecovered: () => listener.recovered(),
        failed: (error) => listener.failed(error),
        lost: (error, reason) => void this.#lost(error, reason),
      },
      signal,
    );
  }

  /** As `#attempt`, with a new token if the old one is no longer taken. */
  async #attemptAgain(): Promise<Session> {
    const { signal } = this.#stop;
    try {
      return await this.#attempt(signal);
    } catch (error) {
      if (!this.#renew || !(error instanceof OrielError) || error.code !== 'unauthorized') throw error;
      const { token } = await this.#renew(signal);
      this.#join = { ...this.#join, token };
      return this.#attempt(signal);
    }
  }

  #enter(session: Session, again: boolean): void {
    if (this.#stop.signal.aborted) {
      void session.leave();
      throw new OrielError('aborted', 'The room was left before it was entered.');
    }
    const old = this.#session;
    this.#session = session;
    this.#stable = setTimeout(() => (this.#faultSince = undefined), STABLE_AFTER);
    this.#listener.joined(session, again);
    session.begin();
    old?.close();
  }

  async #lost(error: OrielError, reason: LeaveReason | undefined): Promise<void> {
    clearTimeout(this.#stable);
    if (reason !== undefined && !REMEDIED_BY_JOINING.has(reason)) {
      this.#end(reason);
      return;
    }
    // The server closes with such a code what it would refuse again.
    if (reason === undefined && !error.retryable) {
      this.#listener.failed(error);
      this.#end('refused');
      return;
    }
    this.#faultSince ??= Date.now();
    this.#listener.interrupted();
    let pause = FIRST_PAUSE;
    while (!this.#stop.signal.aborted) {
      // Spread out, as everybody else in the room lost the same server at the same moment.
      await this.#sleep(pause * (0.5 + Math.random()));
      if (this.#stop.signal.aborted) return;
      try {
        this.#enter(await this.#attemptAgain(), true);
        return;
      } catch (cause) {
        if (this.#stop.signal.aborted) return;
        const refused = OrielError.from(cause, 'unreachable');
        const late = Date.now() - this.#faultSince > GIVE_UP_AFTER;
        if (!refused.retryable || late) {
          this.#listener.failed(refused);
          this.#end(refused.retryable ? (reason ?? 'connection_lost') : 'refused');
          return;
        }
        this.#listener.warned(refused);
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      }
    }
  }

  #end(reason: DisconnectReason): void {
    this.#finish()?.close();
    this.#listener.ended(reason);
  }

  /** Waits, but not on when the network comes back or the room is left. */
  #sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = new AbortController();
      const end = (): void => {
        done.abort();
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(end, milliseconds);
      globalThis.addEventListener?.('online', end, { signal: done.signal });
      this.#stop.signal.addEventListener('abort', end, { signal: done.signal });
    });
  }
}
