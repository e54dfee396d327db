/** Keys pressed on the page, as shortcuts of the room. */
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { PushToTalk } from './push-to-talk.ts';
import { isPressable, isTyping, type Shortcut, shortcutFor } from './shortcuts.ts';

/** What the keys do. */
export interface KeyboardActions {
  /** A key of the map, other than the one to talk. */
  readonly onShortcut: (shortcut: Exclude<Shortcut, 'talk'>) => void;
  /** Escape. True if something was closed. */
  readonly onEscape: () => boolean;
  /** The state of the talk key changed. */
  readonly onTalk: () => void;
  /** False while a dialog has the keyboard. */
  readonly isActive: () => boolean;
  /** Whether a key is for this room, and not for something else on the page. */
  readonly isMeant: (event: KeyboardEvent) => boolean;
}

/** Listens while its host is on the page. */
export class Keyboard implements ReactiveController {
  readonly #actions: KeyboardActions;
  readonly #talk: PushToTalk;
  /** The focus was last moved by key: then the space bar belongs to the focused button. */
  #byKey = false;

  constructor(host: ReactiveControllerHost, talk: PushToTalk, actions: KeyboardActions) {
    this.#actions = actions;
    this.#talk = talk;
    host.addController(this);
  }

  hostConnected(): void {
    addEventListener('keydown', this.#onKeydown);
    addEventListener('keyup', this.#onKeyup);
    addEventListener('blur', this.#onBlur);
    addEventListener('pointerdown', this.#onPointerdown, true);
  }

  hostDisconnected(): void {
    removeEventListener('keydown', this.#onKeydown);
    removeEventListener('keyup', this.#onKeyup);
    removeEventListener('blur', this.#onBlur);
    removeEventListener('pointerdown', this.#onPointerdown, true);
    this.#talk.release();
  }

  readonly #onKeydown = (event: KeyboardEvent): void => {
    if (event.key === 'Tab' || event.key.startsWith('Arrow')) this.#byKey = true;
    if (event.defaultPrevented || !this.#actions.isMeant(event) || !this.#actions.isActive()) return;
    if (event.key === 'Escape') {
      if (this.#actions.onEscape()) event.preventDefault();
      return;
    }
    const target = event.composedPath()[0];
    if (isTyping(target)) return;
    const shortcut = shortcutFor(event);
    if (shortcut === undefined) return;
    if (shortcut === 'talk') {
      if (this.#byKey && isPressable(target)) return;
      // Also while it repeats: the page must not scroll, nor the button that was clicked be pressed.
      if (this.#talk.press()) event.preventDefault();
      this.#actions.onTalk();
      return;
    }
    event.preventDefault();
    if (!event.repeat) this.#actions.onShortcut(shortcut);
  };

  readonly #onKeyup = (event: KeyboardEvent): void => {
    if (event.key !== ' ' || !this.#talk.release()) return;
    event.preventDefault();
    this.#actions.onTalk();
  };

  readonly #onBlur = (): void => {
    if (this.#talk.release()) this.#actions.onTalk();
  };

  readonly #onPointerdown = (): void => {
    this.#byKey = false;
  };
}
