/** What happens around us in the page while we are in a room. */

export interface PageListener {
  /** The page is being left: there is time to say something, but not to wait for an answer. */
  goes(): void;
  /** A device was plugged in or out. */
  devicesChanged(): void;
}

export class Page {
  readonly #left = new AbortController();

  /** Listens until `leave`. Works without a page, too: then nothing happens around us. */
  constructor(listener: PageListener) {
    const { signal } = this.#left;
    const hidden = (event: PageTransitionEvent): void => {
      // One that the browser keeps may be shown again, and then goes on.
      if (!event.persisted) listener.goes();
    };
    globalThis.addEventListener?.('pagehide', hidden, { signal });
    const devices = globalThis.navigator?.mediaDevices as MediaDevices | undefined;
    devices?.addEventListener('devicechange', () => listener.devicesChanged(), { signal });
  }

  leave(): void {
    this.#left.abort();
  }
}
