/** The keyboard map of a room: which key does what, and when a key is not ours. */

/** What a key can do. `talk` lasts as long as the key is held. */
export type Shortcut = 'microphone' | 'camera' | 'screen' | 'chat' | 'people' | 'hand' | 'help' | 'talk';

const KEYS: Readonly<Record<string, Shortcut>> = {
  m: 'microphone',
  v: 'camera',
  d: 'screen',
  c: 'chat',
  p: 'people',
  h: 'hand',
  '?': 'help',
  ' ': 'talk',
};

/** The parts of a keyboard event that matter. */
export type Key = Pick<KeyboardEvent, 'key' | 'altKey' | 'ctrlKey' | 'metaKey' | 'isComposing'>;

/** What `key` does, or `undefined` if it belongs to the browser or to an input method. */
export function shortcutFor(key: Key): Shortcut | undefined {
  if (key.altKey || key.ctrlKey || key.metaKey || key.isComposing) return undefined;
  return KEYS[key.key.toLowerCase()];
}

/** Input types that take no text: shortcuts keep working there. */
const WORDLESS = new Set(['button', 'checkbox', 'color', 'file', 'image', 'radio', 'range', 'reset', 'submit']);

/** Whether keys pressed in `element` write or choose something there. */
export function isTyping(element: EventTarget | undefined): boolean {
  if (!(element instanceof HTMLElement)) return false;
  if (element instanceof HTMLInputElement) return !WORDLESS.has(element.type);
  return element.isContentEditable || element.matches('textarea, select');
}

/** Whether the space bar presses `element`. */
export function isPressable(element: EventTarget | undefined): boolean {
  return element instanceof HTMLElement && element.matches('a[href], button, input, summary, [role="button"]');
}
