/**
 * What two pages say to each other by way of the room, before they are connected. Where both have the secret of the
 * link, every note carries a keyed hash of itself: the server that relays it can neither write one nor put its own
 * certificate in the place of theirs.
 */
import { fromBase64, toBase64, type Bytes } from './bytes.ts';
import { MAX_LANES, VERSION } from './limits.ts';

/** `from` and `to` are pages: random, new with each load. */
export type Note = { readonly from: string } & (
  | { readonly kind: 'hello'; readonly files?: number; readonly bytes?: number }
  | { readonly kind: 'welcome' | 'refused'; readonly to: string }
  | { readonly kind: 'description'; readonly to: string; readonly lane: number; readonly description: RTCSessionDescriptionInit }
  | { readonly kind: 'candidate'; readonly to: string; readonly lane: number; readonly candidate: RTCIceCandidateInit }
);

/** A note that came. */
export interface OpenedNote {
  readonly note: Note;
  /** It was written by somebody who has the same secret. */
  readonly isSealed: boolean;
}

/** The random name of a page. */
export function namePage(): string {
  return toBase64(crypto.getRandomValues(new Uint8Array(12)));
}

const utf8 = new TextEncoder();

/** Writes and reads notes, with a secret or without. */
export class Seal {
  readonly #key: Promise<CryptoKey> | undefined;

  constructor(secret?: Bytes) {
    this.#key = secret && crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
  }

  async write(note: Note): Promise<string> {
    const body = JSON.stringify(note);
    const key = await this.#key;
    const mac = key && toBase64(new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8.encode(body))));
    return JSON.stringify({ drop: VERSION, body, ...(mac === undefined ? {} : { mac }) });
  }

  /** The note in what came; undefined for anything else, also for one with a wrong seal. */
  async open(data: string): Promise<OpenedNote | undefined> {
    const { drop, body, mac } = parsed(data) as { drop?: unknown; body?: unknown; mac?: unknown };
    if (drop !== VERSION || typeof body !== 'string') return undefined;
    const note = parsed(body);
    if (!isNote(note)) return undefined;
    const key = await this.#key;
    if (!key || mac === undefined) return { note, isSealed: false };
    const hash = typeof mac === 'string' ? fromBase64(mac) : undefined;
    const isRight = hash !== undefined && (await crypto.subtle.verify('HMAC', key, hash, utf8.encode(body)));
    return isRight ? { note, isSealed: true } : undefined;
  }
}

function parsed(text: string): object {
  try {
    return Object(JSON.parse(text)) as object;
  } catch {
    return {};
  }
}

function isPage(value: unknown): boolean {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{16}$/u.test(value);
}

function isNote(value: object): value is Note {
  const { from, to, kind, lane, description, candidate, files, bytes } = value as Record<string, unknown>;
  if (!isPage(from)) return false;
  const isAmount = (amount: unknown): boolean => amount === undefined || (Number.isSafeInteger(amount) && (amount as number) >= 0);
  if (kind === 'hello') return isAmount(files) && isAmount(bytes);
  if (!isPage(to)) return false;
  if (kind === 'welcome' || kind === 'refused') return true;
  if (!Number.isInteger(lane) || (lane as number) < 0 || (lane as number) >= MAX_LANES) return false;
  if (kind === 'candidate') return typeof candidate === 'object' && candidate !== null;
  return kind === 'description' && typeof (Object(description) as { sdp?: unknown }).sdp === 'string';
}
