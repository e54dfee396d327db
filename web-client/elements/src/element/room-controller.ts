/** Draws an element again when its room changes. */
import type { Room, RoomEvents } from '@oriel/client';
import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** Listeners by event name; `undefined` where drawing again is all there is to do. */
type Listeners = { [Name in keyof RoomEvents]?: ((...args: RoomEvents[Name]) => void) | undefined };

/** Listens to whichever room the host has, from its first drawing until it leaves the page. */
export class RoomController implements ReactiveController {
  readonly #host: ReactiveControllerHost & { readonly room: Room | undefined };
  readonly #listeners: Listeners;
  #room: Room | undefined;
  #ends: (() => void)[] = [];

  constructor(host: ReactiveControllerHost & { readonly room: Room | undefined }, listeners: Listeners) {
    this.#host = host;
    this.#listeners = listeners;
    host.addController(this);
  }

  hostConnected(): void {
    this.#host.requestUpdate();
  }

  hostUpdate(): void {
    if (this.#host.room === this.#room) return;
    this.hostDisconnected();
    this.#room = this.#host.room;
    for (const name of Object.keys(this.#listeners) as (keyof RoomEvents)[]) this.#listen(name);
  }

  hostDisconnected(): void {
    for (const end of this.#ends) end();
    this.#ends = [];
    this.#room = undefined;
  }

  #listen<Name extends keyof RoomEvents>(name: Name): void {
    const room = this.#room;
    if (room === undefined) return;
    const listener = this.#listeners[name];
    this.#ends.push(
      room.on(name, (...args) => {
        listener?.(...args);
        this.#host.requestUpdate();
      }),
    );
  }
}
