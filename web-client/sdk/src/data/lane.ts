/**
 * How messages wait to be sent: no faster than the server takes them, in order, and lossy ones only as long as
 * they are worth something. What they go out by is an `Outlet`: a data channel, or a part of a WebTransport
 * session.
 */

import { OrielError } from '../errors.ts';
import type { Limits } from '../protocol.gen.ts';

/** What the server takes in a second. */
export type DataLimits = Pick<Limits, 'data_bytes_per_second' | 'data_messages_per_second'>;

export type Reliability = 'reliable' | 'lossy';

/** What messages of one kind go out by. */
export interface Outlet {
  readonly isOpen: boolean;
  /** Bytes that wait in the browser. */
  readonly waiting: number;
  /** The longest message that the path takes in one piece, in bytes; absent where it takes any. */
  readonly most?: number;
  /** Hands a message to the browser. Throws where it is not open. */
  send(bytes: Uint8Array<ArrayBuffer>): void;
  /** From now on `drained` is called when no more than `low` bytes wait, and `closed` at the end. */
  watch(low: number, drained: () => void, closed: () => void): void;
}

export type Outlets = Readonly<Record<Reliability, Outlet>>;

/**
 * The shares of what the server takes in a second that may wait in the browser before senders do, and at
 * which they go on. After a gap in the path all of that arrives within moments, and must still be taken.
 */
const FULL = 1 / 2;
const LOW = 1 / 8;
/** The same for lossy messages: in the browser none of them can grow too old. */
const LOSSY_FULL = 1 / 32;
const LOSSY_LOW = 1 / 64;
/** Messages that may wait for that. */
const LIMIT = 1_024;
/** The share of what the server takes that one connection sends: it ends connections that send more. */
const SHARE = 0.9;
/** Seconds of that which may go at once after a silence. */
const BURST = 0.25;

interface Waiting {
  bytes: Uint8Array<ArrayBuffer>;
  /** When it is too old, by `performance.now()`. */
  until: number;
  resolve: (isSent: boolean) => void;
  reject: (error: OrielError) => void;
}

/** The ways out of one connection, which share what the server takes. */
export class Lanes {
  readonly #outlets: Outlets;
  readonly #lanes: Readonly<Record<Reliability, Lane>>;

  constructor(outlets: Outlets, limits: DataLimits) {
    const pace = new Pace(limits);
    const bytes = limits.data_bytes_per_second;
    this.#outlets = outlets;
    this.#lanes = {
      reliable: new Lane(outlets.reliable, pace, FULL * bytes, LOW * bytes),
      lossy: new Lane(outlets.lossy, pace, LOSSY_FULL * bytes, LOSSY_LOW * bytes),
    };
  }

  isOpen(reliability: Reliability): boolean {
    return this.#outlets[reliability].isOpen;
  }

  /** The longest message in bytes, where the path knows better than the server's limits. */
  most(reliability: Reliability): number {
    return this.#outlets[reliability].most ?? Infinity;
  }

  /**
   * Resolves with true when the browser has taken the message, waiting while too much waits there already; with
   * false if it was not within `maxAge` milliseconds. Rejects with `connection_lost` if the way closed before that.
   */
  send(reliability: Reliability, bytes: Uint8Array<ArrayBuffer>, maxAge = Infinity): Promise<boolean> {
    return this.#lanes[reliability].send(bytes, maxAge);
  }

  close(): void {
    for (const lane of Object.values(this.#lanes)) lane.close();
  }
}

/** How much may go now, of both kinds together. */
class Pace {
  readonly #bytesPerSecond: number;
  readonly #messagesPerSecond: number;
  /** Seconds of sending that are owed to the clock; beyond the burst they have to be waited for. */
  #debt = 0;
  #at = performance.now();

  constructor(limits: DataLimits) {
    this.#bytesPerSecond = SHARE * limits.data_bytes_per_second;
    this.#messagesPerSecond = SHARE * limits.data_messages_per_second;
  }

  /** Milliseconds until something may go. */
  get wait(): number {
    const now = performance.now();
    this.#debt = Math.max(0, this.#debt - (now - this.#at) / 1_000);
    this.#at = now;
    return Math.max(0, this.#debt - BURST) * 1_000;
  }

  spend(bytes: number): void {
    this.#debt += Math.max(bytes / this.#bytesPerSecond, 1 / this.#messagesPerSecond);
  }
}

/** Who waits to send by one outlet. */
class Lane {
  readonly #outlet: Outlet;
  readonly #pace: Pace;
  readonly #full: number;
  #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(outlet: Outlet, pace: Pace, full: number, low: number) {
    this.#outlet = outlet;
    this.#pace = pace;
    this.#full = full;
    outlet.watch(
      low,
      () => this.#drain(),
      () => this.close(),
    );
  }

  async send(bytes: Uint8Array<ArrayBuffer>, maxAge: number): Promise<boolean> {
    if (this.#waiting.length === 0 && this.#mayGo) {
      this.#hand(bytes);
      return true;
    }
    if (this.#waiting.length >= LIMIT) {
      throw new OrielError('busy', `${LIMIT} messages wait already: wait for them to be sent.`);
    }
    return new Promise<boolean>((resolve, reject) => {
      this.#waiting.push({ bytes, until: performance.now() + maxAge, resolve, reject });
      this.#drain();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.splice(0)) reject(lost());
  }

  get #isFull(): boolean {
    return this.#outlet.waiting >= this.#full;
  }

  get #mayGo(): boolean {
    return !this.#isFull && this.#pace.wait === 0;
  }

  #drain(): void {
    const now = performance.now();
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const isTooOld = next.until <= now;
      if (!isTooOld && !this.#mayGo) break;
      this.#waiting.shift();
      try {
        if (!isTooOld) this.#hand(next.bytes);
        next.resolve(!isTooOld);
      } catch (error) {
        next.reject(OrielError.from(error, 'connection_lost'));
      }
    }
    clearTimeout(this.#timer);
    const [next] = this.#waiting;
    // While the browser is full, it says when it no longer is.
    const pause = next && Math.min(next.until - now, this.#isFull ? Infinity : this.#pace.wait);
    if (pause !== undefined && pause < Infinity) this.#timer = setTimeout(() => this.#drain(), Math.ceil(pause));
  }

  #hand(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#outlet.isOpen) throw lost();
    this.#outlet.send(bytes);
    this.#pace.spend(bytes.length);
  }
}

function lost(): OrielError {
  return new OrielError('connection_lost', 'The way for data is closed.');
}
