/** Keeps the screen of a phone on while a room is open, or something else must not be put to sleep. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** Holds the lock while its host is on the page, or from `hold` to `release`. Browsers without one dim the screen as always. */
export class WakeLock implements ReactiveController {
  #lock: WakeLockSentinel | undefined;
  #wanted = false;

  constructor(host?: ReactiveControllerHost) {
    host?.addController(this);
  }

  hostConnected(): void {
    this.hold();
  }

  hostDisconnected(): void {
    this.release();
  }

  hold(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    // A hidden page loses the lock and may ask again when it is back.
    document.addEventListener('visibilitychange', this.#request);
    this.#request();
  }

  release(): void {
    this.#wanted = false;
    document.removeEventListener('visibilitychange', this.#request);
    void this.#lock?.release();
    this.#lock = undefined;
  }

  readonly #request = (): void => {
    if (document.visibilityState !== 'visible' || !('wakeLock' in navigator)) return;
    navigator.wakeLock.request('screen').then(
      (lock) => {
        if (this.#wanted) this.#lock = lock;
        else void lock.release();
      },
      // Low battery, or a frame without the permission.
      () => undefined,
    );
  };
}
