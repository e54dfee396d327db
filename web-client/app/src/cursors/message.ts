/** What the pages tell each other: one byte that says what it is, then numbers, big endian. */

/** A place on the board: 0 to 1 from the left, and from the top. */
export interface Place {
  readonly x: number;
  readonly y: number;
}

export type Message =
  /** My pointer is there. */
  | { readonly kind: 'at'; readonly place: Place }
  /** It has left the board. */
  | { readonly kind: 'away' }
  /** Send `stamp` back, please. */
  | { readonly kind: 'ask'; readonly stamp: number }
  | { readonly kind: 'echo'; readonly stamp: number };

const KINDS = ['at', 'away', 'ask', 'echo'] as const;
/** Bytes of each. */
const SIZES = [5, 1, 9, 9];
const WHOLE = 0xffff;

export function encode(message: Message): Uint8Array {
  const kind = KINDS.indexOf(message.kind);
  const bytes = new Uint8Array(SIZES[kind]!);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, kind);
  if (message.kind === 'at') {
    view.setUint16(1, Math.round(clamp(message.place.x) * WHOLE));
    view.setUint16(3, Math.round(clamp(message.place.y) * WHOLE));
  } else if (message.kind !== 'away') {
    view.setFloat64(1, message.stamp);
  }
  return bytes;
}

/** `undefined` for what another version, or another application, has sent. */
export function decode(bytes: Uint8Array): Message | undefined {
  const kind = KINDS[bytes[0] ?? -1];
  if (kind === undefined || bytes.length !== SIZES[bytes[0]!]) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (kind === 'at') return { kind, place: { x: view.getUint16(1) / WHOLE, y: view.getUint16(3) / WHOLE } };
  return kind === 'away' ? { kind } : { kind, stamp: view.getFloat64(1) };
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}
