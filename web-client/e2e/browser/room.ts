/** The room of the page, as its SDK has it: what people cannot see and a test has to know. */
import type { DataMessage, Room, RoomEvents } from '@oriel/client';

/** The page's room object. */
export function room(): Room {
  const element = document.querySelector('oriel-room-view');
  if (element === null) throw new Error('this page has no room');
  return (element as unknown as { room: Room }).room;
}

const NOTED = [
  'reconnecting',
  'reconnected',
  'connected',
  'disconnected',
  'moved',
  'participantConnected',
  'participantDisconnected',
  'trackPublished',
  'trackUnpublished',
  'trackSubscribed',
  'trackUnsubscribed',
] as const satisfies readonly (keyof RoomEvents)[];

let noted: string[] = [];
let listening = false;

/** Names of the events that the room has told since the call before. The first call begins to listen. */
export function happenings(): string[] {
  if (!listening) for (const name of NOTED) room().on(name, () => noted.push(name));
  listening = true;
  const names = noted;
  noted = [];
  return names;
}

/** What has come of an application's messages: how many, how many bytes, and the digest of them all in order. */
export interface Arrived {
  readonly messages: number;
  readonly bytes: number;
  readonly sha256: string;
  /** `from/topic/text` of those that are short. */
  readonly texts: readonly string[];
}

let messages: DataMessage[] | undefined;

/** Topics of `sendBytes`: what is sent, and how far a receiver is. */
const FILE = 'file';
const PROGRESS = 'progress';
/** Bytes that may be on their way to a receiver: less than what the server keeps for one that is slow. */
const WINDOW = 400_000;

/** Begins to keep what comes; those on `topic` only with a topic. */
export function keepData(topic?: string): void {
  const kept: DataMessage[] = (messages ??= []);
  let bytes = 0;
  const keep = (message: DataMessage) => {
    if (message.topic === PROGRESS) return;
    kept.push(message);
    if (message.topic !== FILE) return;
    bytes += message.payload.length;
    void room().data.send(String(bytes), { topic: PROGRESS, to: [message.from] });
  };
  if (topic === undefined) room().data.on(keep);
  else room().data.on(topic, keep);
}

/** What was kept so far. */
export async function arrived(): Promise<Arrived> {
  const all = messages ?? [];
  const bytes = all.reduce((sum, { payload }) => sum + payload.length, 0);
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const { payload } of all) {
    whole.set(payload, at);
    at += payload.length;
  }
  const short = all.filter(({ payload }) => payload.length <= 64);
  const texts = short.map(({ from, topic, payload }) => `${from}/${topic}/${new TextDecoder().decode(payload)}`);
  return { messages: all.length, bytes, sha256: await digest(whole), texts };
}

/** Sends so many pseudo-random bytes in messages of `size` to the one other; gives their digest. */
export async function sendBytes(count: number, size: number): Promise<string> {
  const whole = new Uint8Array(count);
  let state = 1;
  for (let index = 0; index < count; index += 1) {
    // A linear congruential generator: cheap, and no byte can be guessed from its place.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    whole[index] = state >>> 24;
  }
  let arrived = 0;
  let wake = () => {};
  const stop = room().data.on(({ topic, payload }) => {
    if (topic !== PROGRESS) return;
    arrived = Number(new TextDecoder().decode(payload));
    wake();
  });
  for (let at = 0; at < count; at += size) {
    while (at - arrived > WINDOW) await new Promise<void>((resolve) => (wake = resolve));
    await room().data.send(whole.subarray(at, at + size), { topic: FILE });
  }
  stop();
  return digest(whole);
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
