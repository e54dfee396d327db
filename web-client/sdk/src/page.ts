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
    globalThis.addEventListener?.('pagehide', () => listener.goes(), { signal });
    const devices = globalThis.navigator?.mediaDevices as MediaDevices | undefined;
    devices?.addEventListener('devicechange', () => listener.devicesChanged(), { signal });
  }

  leave(): void {
    this.#left.abort();
  }
}
