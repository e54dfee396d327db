/** Watches the peer connection's state: when to look for a new path, and when to give up on it. */

import { OrielError } from '../errors.ts';

/** Milliseconds that `disconnected` may last: most such gaps close by themselves. */
const PATIENCE = 3_000;
/** Milliseconds that a new path may take. */
const RESTART_TIMEOUT = 10_000;

export interface MediaWatchListener {
  /** Offers with new ICE credentials. */
  restart(): Promise<void>;
  interrupted(): void;
  recovered(): void;
  /** No path was ever found; it is tried again. */
  failed(error: OrielError): void;
  /** A path that worked is gone and no new one was found. */
  lost(error: OrielError): void;
}

type Timer = ReturnType<typeof setTimeout>;

export class MediaWatch {
  readonly #listener: MediaWatchListener;
  #wasConnected = false;
  #interrupted = false;
  #restarting = false;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(listener: MediaWatchListener) {
    this.#listener = listener;
  }

  stateChanged(state: RTCPeerConnectionState): void {
    if (this.#stopped) return;
    switch (state) {
      case 'connected':
        this.#clear();
        this.#restarting = false;
        this.#wasConnected = true;
        if (this.#interrupted) {
          this.#interrupted = false;
          this.#listener.recovered();
        }
        return;
      case 'disconnected':
        if (!this.#restarting) this.#after(PATIENCE, () => this.#restart());
        return;
      case 'failed':
        this.#restart();
        return;
      default:
      // `new` and `connecting` say nothing about a fault; `closed` is our own doing.
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#clear();
  }

  #restart(): void {
    if (this.#restarting) return;
    this.#restarting = true;
    if (this.#wasConnected && !this.#interrupted) {
      this.#interrupted = true;
      this.#listener.interrupted();
    }
    this.#after(RESTART_TIMEOUT, () => this.#timedOut());
    this.#listener.restart().catch(() => {
      // Refused or unanswered: the time-out above decides what that means.
    });
  }

  #timedOut(): void {
    this.#restarting = false;
    if (this.#wasConnected) {
      this.#listener.lost(new OrielError('connection_lost', 'The media path to the server is gone.'));
      return;
    }
    // The room works but for media. Joining again would not change that, a network that changes might.
    this.#listener.failed(
      new OrielError('unreachable', 'Audio and video do not get through: a firewall may block the media ports.'),
    );
    this.#restart();
  }

  #after(milliseconds: number, then: () => void): void {
    this.#clear();
    this.#timer = setTimeout(then, milliseconds);
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
