/** Talking while the space bar is held. It unmutes what was muted and mutes it again, nothing else. */

/** What it needs of a microphone. */
export interface Talk {
  /** Whether others can hear it now. */
  readonly isOn: () => boolean;
  /** Switches it. */
  readonly set: (on: boolean) => Promise<void>;
}

/** The state of the key. */
export class PushToTalk {
  readonly #talk: Talk;
  #held = false;

  constructor(talk: Talk) {
    this.#talk = talk;
  }

  /** Whether it is the key that has the microphone on. */
  get held(): boolean {
    return this.#held;
  }

  /** The key went down. True if it is taken: the microphone was off. */
  press(): boolean {
    if (this.#held) return true;
    if (this.#talk.isOn()) return false;
    this.#held = true;
    void this.#talk.set(true);
    return true;
  }

  /** The key came up, or the window lost it. True if it was taken. */
  release(): boolean {
    if (!this.#held) return false;
    this.#held = false;
    void this.#talk.set(false);
    return true;
  }
}
