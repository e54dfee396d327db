/**
 * The two data channels of a peer connection, agreed on without a word: `reliable` (id 0, everything, in
 * order) and `lossy` (id 1, nothing is sent twice).
 */

import { OrielError } from '../errors.ts';
import type { Limits } from '../protocol.gen.ts';

/** What the server takes in a second. */
type DataLimits = Pick<Limits, 'data_bytes_per_second' | 'data_messages_per_second'>;

export type Reliability = 'reliable' | 'lossy';

/**
 * The shares of what the server takes in a second that may wait in the browser before senders do, and at
 * which they go on. After a gap in the path all of that arrives within moments, and must still be taken.
 */
const FULL = 1 / 2;
const LOW = 1 / 8;
/** Messages that may wait for that. */
const LIMIT = 1_024;
/** The share of what the server takes that one connection sends: it ends connections that send more. */
const SHARE = 0.9;
/** Seconds of that which may go at once after a silence. */
const BURST = 0.25;

const OPTIONS: Readonly<Record<Reliability, RTCDataChannelInit>> = {
  reliable: { negotiated: true, id: 0, ordered: true },
  lossy: { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 },
};

interface Waiting {
  bytes: Uint8Array<ArrayBuffer>;
  resolve: () => void;
  reject: (error: OrielError) => void;
}

export class Channels {
  readonly #lanes: Readonly<Record<Reliability, Lane>>;

  /** They open with the connection, and keep to `limits`. `received` is told every message, of both. */
  constructor(pc: RTCPeerConnection, limits: DataLimits, received: (bytes: Uint8Array) => void) {
    const pace = new Pace(limits);
    this.#lanes = {
      reliable: new Lane(pc.createDataChannel('reliable', OPTIONS.reliable), pace, limits, received),
      lossy: new Lane(pc.createDataChannel('lossy', OPTIONS.lossy), pace, limits, received),
    };
  }

  isOpen(reliability: Reliability): boolean {
    return this.#lanes[reliability].isOpen;
  }

  /**
   * Resolves when the browser has taken the message, waiting while too much waits there already. Rejects
   * with `connection_lost` if the channel closed before that.
   */
  send(reliability: Reliability, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#lanes[reliability].send(bytes);
  }

  close(): void {
    for (const lane of Object.values(this.#lanes)) lane.close();
  }
}

/** How much may go now, of both channels together. */
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

/** One channel, and who waits to send by it. */
class Lane {
  readonly #channel: RTCDataChannel;
  readonly #pace: Pace;
  readonly #full: number;
  #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(channel: RTCDataChannel, pace: Pace, limits: DataLimits, received: (bytes: Uint8Array) => void) {
    this.#channel = channel;
    this.#pace = pace;
    this.#full = FULL * limits.data_bytes_per_second;
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = LOW * limits.data_bytes_per_second;
    channel.onbufferedamountlow = () => this.#drain();
    channel.onclose = () => this.#closed();
    channel.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) received(new Uint8Array(data));
    };
  }

  get isOpen(): boolean {
    return this.#channel.readyState === 'open';
  }

  async send(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    if (this.#waiting.length === 0 && this.#mayGo) {
      this.#hand(bytes);
      return;
    }
    if (this.#waiting.length >= LIMIT) {
      throw new OrielError('busy', `${LIMIT} messages wait already: wait for them to be sent.`);
    }
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
      this.#drain();
    });
  }

  close(): void {
    this.#channel.onmessage = null;
    this.#closed();
  }

  get #mayGo(): boolean {
    return this.#channel.bufferedAmount < this.#full && this.#pace.wait === 0;
  }

  #drain(): void {
    while (this.#waiting.length > 0 && this.#mayGo) {
      const next = this.#waiting.shift()!;
      try {
        this.#hand(next.bytes);
        next.resolve();
      } catch (error) {
        next.reject(OrielError.from(error, 'connection_lost'));
      }
    }
    clearTimeout(this.#timer);
    // While the browser is full, it says when it no longer is.
    const isFull = this.#channel.bufferedAmount >= this.#full;
    if (this.#waiting.length > 0 && !isFull) this.#timer = setTimeout(() => this.#drain(), this.#pace.wait);
  }

  #hand(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.isOpen) throw lost();
    this.#channel.send(bytes);
    this.#pace.spend(bytes.length);
  }

  #closed(): void {
    clearTimeout(this.#timer);
    for (const { reject } of this.#waiting.splice(0)) reject(lost());
  }
}

function lost(): OrielError {
  return new OrielError('connection_lost', 'The data channel is closed.');
}
