/** A participant without a room page: the SDK in a page of the server's, for messages and streams alone. */
import { OrielError, Room, type DataMessage, type DataStream, type JoinOptions, type RoomEvents, type TokenOptions, type TopicOptions } from '@oriel/client';

/** What a test may call in the page. */
export interface MemberProbe {
  readonly room: Room;
  /** Joins as a guest. Resolves with our id; rejects with the error's code as its message. */
  join(options: JoinOptions): Promise<string>;
  connect(url: string, token: string, options: TokenOptions): Promise<string>;
  /** Begins to listen to a topic. */
  listen(topic: string, options: TopicOptions): void;
  /** `text/from/reliability`, with `/retained` behind, of what has come. */
  readonly heard: string[];
  /** Sends these, one after the other; how many were handed over. */
  send(topic: string, texts: readonly string[], options: TopicOptions, to?: readonly string[]): Promise<number>;
  /** Sends so many bytes as a stream; resolves with their digest when all are handed over, or with the code that stopped it. */
  stream(topic: string, bytes: number, head: string): Promise<string>;
  /** Reads streams on a topic to their end, or gives them up after `most` bytes. */
  take(topic: string, most?: number): void;
  /** `head/from/bytes/digest` of those that ended; the code instead of the digest of those that broke. */
  readonly streams: string[];
  /** Names of the events that the room has told. */
  readonly told: string[];
}

declare global {
  interface Window {
    orielMember: MemberProbe;
  }
}

/** Bytes that are written into a stream at a time. */
const PIECE = 60_000;

const room = new Room({ adaptiveViewport: false });
const heard: string[] = [];
const streams: string[] = [];
const told: string[] = [];
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

for (const name of ['reconnecting', 'reconnected', 'disconnected', 'participantConnected', 'participantDisconnected'] satisfies (keyof RoomEvents)[]) {
  room.on(name, (...args: unknown[]) => told.push(name === 'disconnected' ? `${name} ${String(args[0])}` : name));
}

async function enter(joining: Promise<void>): Promise<string> {
  try {
    await joining;
  } catch (error) {
    throw new Error(codeOf(error), { cause: error });
  }
  return room.localParticipant.id;
}

function codeOf(error: unknown): string {
  return error instanceof OrielError ? error.code : String(error);
}

async function digest(pieces: readonly Uint8Array<ArrayBuffer>[]): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', await new Blob([...pieces]).arrayBuffer()));
  return [...hash.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function read({ head, from, readable }: DataStream, most: number): Promise<void> {
  const reader = readable.getReader();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let count = 0;
  let end: string;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      count += value.length;
      if (count >= most) {
        await reader.cancel();
        break;
      }
    }
    end = await digest(pieces);
  } catch (error) {
    end = codeOf(error);
  }
  streams.push(`${text(head)}/${from}/${count}/${end}`);
}

window.orielMember = {
  room,
  heard,
  streams,
  told,
  join: (options) => enter(room.join(options)),
  connect: (url, token, options) => enter(room.connect(url, token, options)),
  listen: (topic, options) => {
    room.data.topic(topic, options).subscribe(({ payload, from, reliability, retained }: DataMessage) => {
      heard.push(`${text(payload)}/${from}/${reliability}${retained ? '/retained' : ''}`);
    });
  },
  send: async (topic, texts, options, to) => {
    let count = 0;
    const channel = room.data.topic(topic, options);
    for (const one of texts) if (await channel.send(one, to ? { to } : {})) count += 1;
    return count;
  },
  stream: async (topic, bytes, head) => {
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (let at = 0; at < bytes; at += PIECE) pieces.push(crypto.getRandomValues(new Uint8Array(Math.min(PIECE, bytes - at))));
    try {
      const writer = (await room.data.topic(topic).open({ head })).getWriter();
      for (const piece of pieces) await writer.write(piece);
      await writer.close();
    } catch (error) {
      return codeOf(error);
    }
    return digest(pieces);
  },
  take: (topic, most = Infinity) => void room.data.onStream(topic, (stream) => void read(stream, most)),
};
