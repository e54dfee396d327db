/**
 * Frames by plain HTTP, where WebSockets are blocked: requests by POST, replies and events by an event stream,
 * or by long polling where streams are blocked or held up, too (`docs/protocol.md`, "Without a WebSocket").
 */

import { abortedError, OrielError } from '../errors.ts';
import type { EventFrame, ReplyFrame, RequestError } from '../protocol.gen.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { readEvents, type StreamEvent } from './event-stream.ts';
import { problem } from './problem.ts';
import type { Frame, Transport, TransportListener } from './transport.ts';

/** Seconds that the server waits for something to tell. */
const WAIT = 25;
/** Milliseconds until a response that should be on its way is given up. */
const TIMEOUT = 10_000;
/** Milliseconds that a stream may be silent before its first word, and later: the server sends a comment every 15 seconds. */
const FIRST_WORD = 4_000;
const SILENCE = 40_000;
/** Milliseconds that a stream is worth opening another one for. */
const SHORTEST = 1_000;
/** Requests in one body; the server takes no more. */
const MOST_FRAMES = 64;
/** Bodies that a browser still sends when the page is gone. */
const KEPT_BYTES = 16_384;

/** The first request, and what it names its room by. */
interface Opening {
  id: number;
  type: string;
  token?: string;
  room?: string;
}

interface Opened {
  connection: string;
  reply: ReplyFrame;
}

interface Polled {
  frames: (ReplyFrame | EventFrame | string)[];
  after: string;
}

export class HttpTransport implements Transport {
  readonly #base: string;
  readonly #reading = new AbortController();
  #listener: TransportListener | undefined;
  #waiting: Frame[] = [];
  #sending = false;
  #room = '';
  #connection: string | undefined;
  /** How many frames were read. */
  #after = 0;
  #streams: boolean;

  /** `base` is the server's `http(s)` address without a path. `streams`: whether to try an event stream first. */
  constructor(base: string, streams = true) {
    this.#base = base;
    this.#streams = streams;
  }

  /** There is nothing to open before the first request: that reaches the server, or not. */
  open(listener: TransportListener, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(abortedError(signal));
    this.#listener = listener;
    return Promise.resolve();
  }

  send(frame: Frame): void {
    if (!this.#listener) return;
    this.#waiting.push(frame);
    void this.#flush();
  }

  close(): void {
    this.#listener = undefined;
    this.#reading.abort();
    // A good-bye goes out all the same.
    void this.#flush(true);
  }

  async #flush(now = false): Promise<void> {
    if (this.#waiting.length === 0 || (this.#sending && !(now && this.#connection))) return;
    this.#sending = true;
    try {
      while (this.#waiting.length > 0) {
        if (this.#connection) await this.#ask(this.#waiting.splice(0, MOST_FRAMES));
        else await this.#begin(this.#waiting.shift()!);
      }
    } catch (error) {
      this.#end(OrielError.from(error, 'unreachable'));
    } finally {
      this.#sending = false;
    }
  }

  async #begin(frame: Frame): Promise<void> {
    const opening = JSON.parse(frame as string) as Opening;
    this.#room = opening.room ?? roomOf(opening.token ?? '');
    const response = await this.#fetch('requests', { method: 'POST', body: frame });
    if (!response.ok) {
      const error = await problem(response);
      this.#listener?.frame({ re: opening.id, error });
      throw OrielError.fromServer(error);
    }
    const { connection, reply } = (await response.json()) as Opened;
    this.#connection = connection;
    this.#listener?.frame(reply);
    void this.#read();
  }

  async #ask(frames: Frame[]): Promise<void> {
    const texts = frames.map((frame) => (typeof frame === 'string' ? frame : JSON.stringify(encodeBase64(frame))));
    const body = `[${texts.join()}]`;
    const response = await this.#fetch('requests', { method: 'POST', body, keepalive: body.length < KEPT_BYTES });
    if (!response.ok) throw ended(await problem(response));
  }

  /** By stream as long as that goes, else by polling, until it is over. */
  async #read(): Promise<void> {
    try {
      while (this.#listener) {
        if (this.#streams) await this.#stream();
        else await this.#poll();
      }
    } catch (error) {
      this.#end(OrielError.from(error, 'connection_lost'));
    }
  }

  /** Reads one stream to its end. One that says nothing, or is cut at once, is the last. */
  async #stream(): Promise<void> {
    const watch = new AbortController();
    const signal = AbortSignal.any([watch.signal, this.#reading.signal]);
    let timer = setTimeout(() => watch.abort(), FIRST_WORD);
    const begunAt = Date.now();
    let heard = false;
    const alive = (): void => {
      heard = true;
      clearTimeout(timer);
      timer = setTimeout(() => watch.abort(), SILENCE);
    };
    try {
      const headers = { accept: 'text/event-stream', 'last-event-id': String(this.#after) };
      const response = await fetch(this.#address('events'), { headers: { ...headers, ...this.#authorization() }, signal });
      const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
      if (response.ok && isStream && response.body) await readEvents(response.body, alive, (event) => this.#told(event));
      else if (response.headers.get('content-type') === 'application/problem+json') this.#end(ended(await problem(response)));
    } catch {
      // Cut, or silent. The connection is still there, and so is what was not read.
    } finally {
      clearTimeout(timer);
    }
    if (!heard || Date.now() - begunAt < SHORTEST) this.#streams = false;
  }

  #told({ id, kind, data }: StreamEvent): void {
    let told: unknown;
    try {
      told = JSON.parse(data);
    } catch (error) {
      this.#end(new OrielError('protocol', 'The server sent something that is not JSON.', { cause: error }));
      return;
    }
    if (kind === 'closed') {
      this.#end(ended(told as RequestError));
      return;
    }
    this.#after = Number(id);
    this.#deliver(told as ReplyFrame | EventFrame | string);
  }

  async #poll(): Promise<void> {
    const timeout = AbortSignal.timeout(WAIT * 1000 + TIMEOUT);
    const response = await fetch(`${this.#address('events')}?after=${this.#after}&wait=${WAIT}`, {
      headers: { accept: 'application/json', ...this.#authorization() },
      signal: AbortSignal.any([timeout, this.#reading.signal]),
    });
    if (!response.ok) throw ended(await problem(response));
    const { frames, after } = (await response.json()) as Polled;
    for (const frame of frames) this.#deliver(frame);
    this.#after = Number(after);
  }

  #deliver(frame: ReplyFrame | EventFrame | string): void {
    if (typeof frame === 'string') this.#listener?.envelope(decodeBase64(frame));
    else this.#listener?.frame(frame);
  }

  #address(what: string): string {
    return `${this.#base}/v1/rooms/${encodeURIComponent(this.#room)}/${what}`;
  }

  #authorization(): Record<string, string> {
    return this.#connection ? { authorization: `Bearer ${this.#connection}` } : {};
  }

  #fetch(what: string, init: RequestInit): Promise<Response> {
    const headers = { 'content-type': 'application/json', ...this.#authorization() };
    return fetch(this.#address(what), { ...init, headers, signal: AbortSignal.timeout(TIMEOUT) });
  }

  #end(error: OrielError): void {
    const listener = this.#listener;
    this.#listener = undefined;
    this.#waiting = [];
    this.#reading.abort();
    listener?.closed(error);
  }
}

/** Why a connection is over. One that the server has forgotten is lost, and may be resumed. */
function ended(error: RequestError): OrielError {
  if (error.code === 'not_found') return new OrielError('connection_lost', error.message);
  return OrielError.fromServer(error);
}

/** The room that a token opens; the server refuses what this cannot read. */
function roomOf(token: string): string {
  try {
    const claims = token.split('.')[1] ?? '';
    const bytes = decodeBase64(claims.replaceAll('-', '+').replaceAll('_', '/'));
    const { video } = JSON.parse(new TextDecoder().decode(bytes)) as { video?: { room?: string } };
    return video?.room ?? '-';
  } catch {
    return '-';
  }
}
