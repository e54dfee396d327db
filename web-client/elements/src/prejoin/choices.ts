/** What somebody chose the last time: remembered in this browser, and nowhere else. */

/** The choices of the pre-join page. */
export interface Choices {
  readonly name: string;
  /** Join with the microphone on. */
  readonly microphone: boolean;
  /** Join with the camera on. */
  readonly camera: boolean;
  readonly audioinput?: string | undefined;
  readonly videoinput?: string | undefined;
  readonly audiooutput?: string | undefined;
}

const KEY = 'oriel.choices';
const DEFAULTS: Choices = { name: '', microphone: true, camera: true };

/** The part of `localStorage` that is needed. */
export type Memory = Pick<Storage, 'getItem' | 'setItem'>;

/** This browser's memory; `undefined` where it is switched off, as in some frames. */
export function browserMemory(): Memory | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

/** What was chosen, with defaults for what was not or cannot be read. */
export function recall(memory: Memory | undefined): Choices {
  try {
    const stored: unknown = JSON.parse(memory?.getItem(KEY) ?? '{}');
    return typeof stored === 'object' && stored !== null ? sound(stored as Record<string, unknown>) : DEFAULTS;
  } catch {
    return DEFAULTS;
  }
}

/** Keeps choices for the next time; forgetting is no failure. */
export function remember(memory: Memory | undefined, choices: Choices): void {
  try {
    memory?.setItem(KEY, JSON.stringify(choices));
  } catch {
    // Full or forbidden: they choose again next time.
  }
}

/** Only what has the type that it should have. */
function sound(stored: Record<string, unknown>): Choices {
  const text = (key: string) => (typeof stored[key] === 'string' ? stored[key] : undefined);
  const flag = (key: 'microphone' | 'camera') =>
    typeof stored[key] === 'boolean' ? stored[key] : DEFAULTS[key];
  return {
    name: text('name') ?? DEFAULTS.name,
    microphone: flag('microphone'),
    camera: flag('camera'),
    audioinput: text('audioinput'),
    videoinput: text('videoinput'),
    audiooutput: text('audiooutput'),
  };
}
