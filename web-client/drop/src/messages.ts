/** What two pages say on the control channel: JSON, one object in a message. `docs/transfer.md` has an example of each. */
import { MANIFEST_PART, MAX_MANIFEST, MAX_MESSAGE, MAX_TEXT, MAX_WANTED } from './limits.ts';

/** Why a transfer ended early. */
export type EndReason =
  /** A person stopped it. */
  | 'stopped'
  /** A file can no longer be read, or has changed. */
  | 'source'
  /** What came is not what the manifest says, again and again. */
  | 'unverified'
  /** No space is left where the files are stored. */
  | 'space'
  /** The other side broke the protocol. */
  | 'protocol';

export const END_REASONS = ['stopped', 'source', 'unverified', 'space', 'protocol'] as const satisfies readonly EndReason[];

/** One message. `id` names the transfer. */
export type Message =
  | { readonly type: 'ready' }
  | { readonly type: 'offer'; readonly id: string; readonly length: number }
  | { readonly type: 'manifest'; readonly id: string; readonly part: string; readonly last: boolean }
  | { readonly type: 'accept'; readonly id: string; readonly files: string; readonly have: string }
  | { readonly type: 'decline'; readonly id: string }
  | { readonly type: 'want'; readonly id: string; readonly blocks: readonly number[] }
  | { readonly type: 'paused'; readonly id: string; readonly paused: boolean }
  | { readonly type: 'progress'; readonly id: string; readonly bytes: number }
  | { readonly type: 'done'; readonly id: string }
  | { readonly type: 'cancel'; readonly id: string; readonly reason: EndReason }
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'secret'; readonly secret: string }
  | { readonly type: 'used' };

export function encodeMessage(message: Message): string {
  return JSON.stringify(message);
}

/** The message in `text`: undefined for a type that a later version may have, `'bad'` for what is no message. */
export function decodeMessage(text: string): Message | undefined | 'bad' {
  if (text.length > MAX_MESSAGE) return 'bad';
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return 'bad';
  }
  const { type, ...fields } = Object(read) as { type?: unknown } & Record<string, unknown>;
  if (typeof type !== 'string') return 'bad';
  if (!Object.hasOwn(SHAPES, type)) return undefined;
  const shape = SHAPES[type as Message['type']];
  const isRight = Object.entries(shape).every(([name, isField]) => isField(fields[name]));
  return isRight ? (read as Message) : 'bad';
}

type Check = (value: unknown) => boolean;

const isId: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/u.test(value);
const isText = (most: number): Check => (value) => typeof value === 'string' && value.length <= most;
const isCount = (most: number): Check => (value) => Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
const isBase64: Check = (value) => typeof value === 'string' && /^[A-Za-z0-9_-]*$/u.test(value);
const isOneOf = (values: readonly string[]): Check => (value) => values.includes(value as string);

const SHAPES: Record<Message['type'], Readonly<Record<string, Check>>> = {
  ready: {},
  offer: { id: isId, length: isCount(MAX_MANIFEST) },
  manifest: { id: isId, part: isText(MANIFEST_PART), last: (value) => typeof value === 'boolean' },
  accept: { id: isId, files: isBase64, have: isBase64 },
  decline: { id: isId },
  want: {
    id: isId,
    blocks: (value) => Array.isArray(value) && value.length <= MAX_WANTED && value.every(isCount(Number.MAX_SAFE_INTEGER)),
  },
  paused: { id: isId, paused: (value) => typeof value === 'boolean' },
  progress: { id: isId, bytes: isCount(Number.MAX_SAFE_INTEGER) },
  done: { id: isId },
  cancel: { id: isId, reason: isOneOf(END_REASONS) },
  text: { text: isText(MAX_TEXT) },
  secret: { secret: isBase64 },
  used: {},
};
