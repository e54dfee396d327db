/** Watches the peer connection's state: when to look for a new path, and when to look again. */

import { OrielError } from '../errors.ts';

/** Milliseconds that `disconnected` may last: most such gaps close by themselves. */
const PATIENCE = 2_000;
/** Milliseconds that a new path may take, doubled with each attempt up to the longest. */
const FIRST_PAUSE = 4_000;
const LONGEST_PAUSE = 16_000;
/** Milliseconds after which it is told that no path was ever found. */
const NEVER_AFTER = 12_000;
/** Milliseconds for which a change of the network makes us impatient. */
const DOUBT = 6_000;

export interface MediaWatchListener {
  /** Offers with new ICE credentials (RFC 8445 §2.4). */
  restart(): Promise<void>;
  /** No media flows; it is being repaired. */
  interrupted(): void;
  connected(): void;
  /** No path was ever found; it is tried again. */
  failed(error: OrielError): void;
}

type Timer = ReturnType<typeof setTimeout>;

export class MediaWatch {
  readonly #listener: MediaWatchListener;
  #state: RTCPeerConnectionState = 'new';
  #wasConnected = false;
  /** Attempts since the path was lost; 0 while none is needed. */
  #attempts = 0;
  /** By `performance.now()`. */
  #doubtUntil = 0;
  #told = false;
  #timer: Timer | undefined;
  #never: Timer | undefined;
  #stopped = false;

  constructor(listener: MediaWatchListener) {
    this.#listener = listener;
  }

  stateChanged(state: RTCPeerConnectionState): void {
    if (this.#stopped) return;
    this.#state = state;
    switch (state) {
      case 'connecting':
        this.#never ??= setTimeout(() => this.#tellNever(), NEVER_AFTER);
        return;
      case 'connected':
        this.#clear();
        this.#attempts = 0;
        this.#wasConnected = true;
        this.#listener.connected();
        return;
      case 'disconnected':
        if (this.#attempts > 0) return;
        if (performance.now() < this.#doubtUntil) this.#restart();
        else this.#after(PATIENCE, () => this.#restart());
        return;
      case 'failed':
        if (this.#attempts === 0) this.#restart();
        return;
      default:
      // `new` says nothing about a fault; `closed` is our own doing.
    }
  }

  /**
   * There may be another network now: a path that is interrupted, or that carries nothing any more, is not
   * waited for.
   */
  networkChanged(isSilent: boolean): void {
    if (this.#stopped) return;
    this.#doubtUntil = performance.now() + DOUBT;
    // An attempt that began on the old network ends there.
    if (this.#state === 'disconnected' || this.#state === 'failed' || (isSilent && this.#wasConnected)) this.#restart();
  }

  /** Something comes again: where the browser has not noticed the fault, it does not notice its end. */
  heard(): void {
    if (this.#attempts > 0 && this.#state === 'connected') this.stateChanged('connected');
  }

  stop(): void {
    this.#stopped = true;
    this.#clear();
  }

  #restart(): void {
    if (this.#stopped) return;
    if (this.#attempts === 0 && this.#wasConnected) this.#listener.interrupted();
    const pause = Math.min(FIRST_PAUSE * 2 ** this.#attempts, LONGEST_PAUSE);
    this.#attempts += 1;
    clearTimeout(this.#timer);
    const again = (): void => {
      if (this.#attempts > 0) this.#after(pause, () => this.#lookAgain());
    };
    // Refused or unanswered, the next attempt may go better. An offer waits for the signaling connection.
    this.#listener.restart().then(again, again);
  }

  #lookAgain(): void {
    if (this.#state === 'connected') this.stateChanged('connected');
    else this.#restart();
  }

  #tellNever(): void {
    if (this.#told || this.#wasConnected) return;
    this.#told = true;
    // The room works but for media; a network that changes may yet let it through.
    this.#listener.failed(
      new OrielError('unreachable', 'Audio and video do not get through: a firewall may block the media ports.'),
    );
  }

  #after(milliseconds: number, then: () => void): void {
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(then, milliseconds);
  }

  #clear(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#never);
  }
}
