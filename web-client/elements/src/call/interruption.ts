/** When an interruption is worth a word: most are over before anybody has noticed. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** Milliseconds that an interruption may last unseen. */
const UNSEEN = 1_500;

/** Knows whether to show that the connection is lost. */
export class Interruption implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #changed: (lost: boolean) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #visible = false;

  /** `changed` is told when it becomes visible, and when it is over again. */
  constructor(host: ReactiveControllerHost, changed: (lost: boolean) => void) {
    this.#host = host;
    this.#changed = changed;
    host.addController(this);
  }

  get visible(): boolean {
    return this.#visible;
  }

  hostDisconnected(): void {
    clearTimeout(this.#timer);
    this.#visible = false;
  }

  begin(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#set(true), UNSEEN);
  }

  end(): void {
    clearTimeout(this.#timer);
    if (this.#visible) this.#set(false);
  }

  #set(visible: boolean): void {
    this.#visible = visible;
    this.#changed(visible);
    this.#host.requestUpdate();
  }
}
