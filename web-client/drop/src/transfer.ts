/** One transfer between two pages, as both of its ends see it. */
import { TypedEmitter } from '@oriel/client';
import type { Manifest } from './manifest.ts';
import type { EndReason, Message } from './messages.ts';
import { Speed } from './speed.ts';

export type TransferState =
  /** It waits for the receiver's word. */
  | 'offered'
  /** It was accepted, and is not complete. */
  | 'active'
  /** All that was accepted is there and verified. */
  | 'done'
  /** The receiver does not want it. */
  | 'declined'
  /** It ended early: `endReason`. */
  | 'ended';

export interface TransferEvents {
  /** Anything that this object says has changed. */
  changed: [];
}

/** What a transfer needs of the connection with the other page. */
export interface Wire {
  say(message: Message): void;
  /** There may be blocks to send. */
  feed(): void;
  /** The other side broke the protocol: it is not spoken with any more. */
  broken(): void;
}

export abstract class Transfer extends TypedEmitter<TransferEvents> {
  readonly manifest: Manifest;
  /** Without one the connection is lost, and the transfer waits. */
  protected wire: Wire | undefined;
  readonly #speed = new Speed();
  #state: TransferState = 'offered';
  #endReason: EndReason | undefined;
  #endedByThem = false;
  #pausedHere = false;
  #pausedThere = false;
  #bytes = 0;
  #total = 0;

  constructor(manifest: Manifest, wire: Wire) {
    super();
    this.manifest = manifest;
    this.wire = wire;
  }

  get id(): string {
    return this.manifest.id;
  }

  get state(): TransferState {
    return this.#state;
  }

  /** Why it ended early. */
  get endReason(): EndReason | undefined {
    return this.#endReason;
  }

  /** Whether it was the other side that ended it. */
  get endedByThem(): boolean {
    return this.#endedByThem;
  }

  get pausedHere(): boolean {
    return this.#pausedHere;
  }

  get pausedThere(): boolean {
    return this.#pausedThere;
  }

  /** Whether the connection is lost: it goes on when the other side is back. */
  get isInterrupted(): boolean {
    return this.wire === undefined;
  }

  /** Whether it will not change any more. */
  get isOver(): boolean {
    return this.#state === 'done' || this.#state === 'declined' || this.#state === 'ended';
  }

  /** Bytes that are stored at the receiver, verified. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that were accepted. */
  get total(): number {
    return this.#total;
  }

  /** Of the last seconds. */
  get bytesPerSecond(): number {
    return this.#state === 'active' && !this.isPaused && !this.isInterrupted ? this.#speed.bytesPerSecond : 0;
  }

  /** Seconds that the rest will take; undefined while nobody can say. */
  get secondsLeft(): number | undefined {
    return this.bytesPerSecond > 0 ? this.#speed.secondsFor(this.#total - this.#bytes) : undefined;
  }

  get isPaused(): boolean {
    return this.#pausedHere || this.#pausedThere;
  }

  /** Stops it for a while. Either side may, and each resumes what it has paused. */
  pause(): void {
    this.#pause(true);
  }

  resume(): void {
    this.#pause(false);
  }

  /** Ends it. What has come of it is deleted. */
  cancel(): void {
    this.end('stopped');
  }

  /** @internal The connection is lost. */
  interrupt(): void {
    this.wire = undefined;
    this.#pausedThere = false;
    this.#speed.reset();
    this.emit('changed');
  }

  /** @internal The other side broke the protocol: it is not spoken with any more. */
  abandon(): void {
    if (!this.isOver) this.#finish('protocol');
  }

  /** @internal What the other side says of this transfer. */
  take(message: Message): void {
    if (this.isOver) return;
    if (message.type === 'paused') {
      this.#pausedThere = message.paused;
      this.#speed.reset();
      this.moved();
      this.emit('changed');
    } else if (message.type === 'cancel') {
      this.#endedByThem = true;
      this.#finish(message.reason);
    } else {
      this.heard(message);
    }
  }

  /** Messages of the kinds that only one end gets. */
  protected abstract heard(message: Message): void;
  /** It was resumed or paused, on either side. */
  protected abstract moved(): void;
  /** It is over, one way or another. */
  protected abstract over(): void;

  protected begin(total: number, bytes: number): void {
    this.#state = 'active';
    this.#total = total;
    this.progress(bytes);
  }

  protected progress(bytes: number): void {
    this.#bytes = bytes;
    this.#speed.at(performance.now(), bytes);
    this.emit('changed');
  }

  protected settle(state: 'done' | 'declined'): void {
    this.#state = state;
    this.over();
    this.emit('changed');
  }

  /** Ends it early, and says why. */
  protected end(reason: EndReason): void {
    if (this.isOver) return;
    this.wire?.say({ type: 'cancel', id: this.id, reason });
    this.#finish(reason);
  }

  #finish(reason: EndReason): void {
    this.#state = 'ended';
    this.#endReason = reason;
    this.over();
    this.emit('changed');
  }

  #pause(paused: boolean): void {
    if (this.#pausedHere === paused || this.isOver) return;
    this.#pausedHere = paused;
    this.#speed.reset();
    this.wire?.say({ type: 'paused', id: this.id, paused });
    this.moved();
    this.emit('changed');
  }
}
