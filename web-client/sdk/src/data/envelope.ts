/**
 * The form of an application's message, on a data channel as on the signaling connection (`docs/protocol.md`,
 * "Data"): a version, flags, the fields that the flags announce, the topic, and the payload. Numbers are
 * big endian.
 */

const VERSION = 1;
const LOSSY = 0x01;
const SUBSCRIBERS = 0x02;
const SENDER = 0x04;
const ID = 0x08;
const SEQ = 0x10;
const DESTINATIONS = 0x20;
const KNOWN = LOSSY | SUBSCRIBERS | SENDER | ID | SEQ | DESTINATIONS;

/** Bytes of a whole envelope. */
export const LONGEST_ENVELOPE = 65_536;
/** Bytes of a topic. */
export const LONGEST_TOPIC = 128;
/** Participants that a message may name. */
export const MOST_DESTINATIONS = 64;

/** A message and what is said about it. */
export interface Envelope {
  /** May be lost when it would come late. */
  lossy: boolean;
  /** Only for those who listen to the topic; not together with `to`. */
  subscribers: boolean;
  /** Who sent it (`PA_…`); said by the server. */
  sender?: string;
  /** The sender's own number for it. */
  id?: bigint;
  /** Its number in the room's journal. */
  seq?: bigint;
  /** For whom it is; absent means for everybody else. */
  to?: readonly string[];
  /** What it is about; may be empty. */
  topic: string;
  payload: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Bytes that a message takes beside its payload. */
export function overhead(envelope: Omit<Envelope, 'payload'>): number {
  const { sender, id, seq, to, topic } = envelope;
  const numbers = [sender, id, seq].filter((one) => one !== undefined).length;
  return 2 + 8 * numbers + (to ? 1 + 8 * to.length : 0) + 1 + encoder.encode(topic).length;
}

/** Writes an envelope. Throws a `RangeError` for what has no place in one. */
export function encodeEnvelope(envelope: Envelope): Uint8Array<ArrayBuffer> {
  const { lossy, subscribers, sender, id, seq, to, topic, payload } = envelope;
  const name = encoder.encode(topic);
  if (name.length > LONGEST_TOPIC) throw new RangeError(`a topic has at most ${LONGEST_TOPIC} bytes`);
  if (to && (to.length < 1 || to.length > MOST_DESTINATIONS)) {
    throw new RangeError(`a message names 1 to ${MOST_DESTINATIONS} participants`);
  }
  if (to && subscribers) throw new RangeError('a message is for participants or for listeners, not for both');
  const bytes = new Uint8Array(overhead(envelope) + payload.length);
  if (bytes.length > LONGEST_ENVELOPE) throw new RangeError(`a message has at most ${LONGEST_ENVELOPE} bytes`);
  const view = new DataView(bytes.buffer);
  let at = 2;
  const put = (number: bigint): void => {
    view.setBigUint64(at, number);
    at += 8;
  };
  bytes[0] = VERSION;
  bytes[1] =
    (lossy ? LOSSY : 0) |
    (subscribers ? SUBSCRIBERS : 0) |
    (sender === undefined ? 0 : SENDER) |
    (id === undefined ? 0 : ID) |
    (seq === undefined ? 0 : SEQ) |
    (to ? DESTINATIONS : 0);
  if (sender !== undefined) put(readParticipant(sender));
  if (id !== undefined) put(id);
  if (seq !== undefined) put(seq);
  if (to) {
    bytes[at++] = to.length;
    for (const one of to) put(readParticipant(one));
  }
  bytes[at++] = name.length;
  bytes.set(name, at);
  bytes.set(payload, at + name.length);
  return bytes;
}

/** Reads an envelope; undefined for anything else. The payload is a view of `bytes`. */
export function decodeEnvelope(bytes: Uint8Array): Envelope | undefined {
  if (bytes.length > LONGEST_ENVELOPE) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    const flags = view.getUint8(1);
    if (view.getUint8(0) !== VERSION || (flags & ~KNOWN) !== 0) return undefined;
    if (flags & SUBSCRIBERS && flags & DESTINATIONS) return undefined;
    const envelope: Envelope = {
      lossy: (flags & LOSSY) !== 0,
      subscribers: (flags & SUBSCRIBERS) !== 0,
      topic: '',
      payload: bytes,
    };
    let at = 2;
    const take = (): bigint => {
      const number = view.getBigUint64(at);
      at += 8;
      return number;
    };
    if (flags & SENDER) envelope.sender = writeParticipant(take());
    if (flags & ID) envelope.id = take();
    if (flags & SEQ) envelope.seq = take();
    if (flags & DESTINATIONS) {
      const count = view.getUint8(at++);
      if (count < 1 || count > MOST_DESTINATIONS) return undefined;
      envelope.to = Array.from({ length: count }, () => writeParticipant(take()));
    }
    const length = view.getUint8(at++);
    if (length > LONGEST_TOPIC || at + length > bytes.length) return undefined;
    envelope.topic = decoder.decode(bytes.subarray(at, at + length));
    envelope.payload = bytes.subarray(at + length);
    return envelope;
  } catch (error) {
    // Shorter than its flags say, or a topic that is not UTF-8.
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

const PREFIX = 'PA_';
/** Crockford's base 32 in lower case. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
/** Digits of 64 bits. */
const LENGTH = 13;

function readParticipant(id: string): bigint {
  let value = 0n;
  for (const letter of id.slice(PREFIX.length)) {
    const digit = DIGITS.indexOf(letter);
    if (digit < 0) value = -1n;
    if (value >= 0n) value = value * 32n + BigInt(digit);
  }
  const fits = value >= 0n && value < 1n << 64n;
  if (!id.startsWith(PREFIX) || id.length !== PREFIX.length + LENGTH || !fits) {
    throw new RangeError(`"${id}" is no participant's id`);
  }
  return value;
}

function writeParticipant(value: bigint): string {
  let text = '';
  for (let rest = value, digit = 0; digit < LENGTH; digit += 1, rest >>= 5n) text = DIGITS[Number(rest & 31n)] + text;
  return PREFIX + text;
}
