/**
 * Signaling of one participation: the same participant on one connection after the other. It knows the
 * place in the room's journal up to which events were read, and what opens the way back. When to go
 * that way stands in `connection.ts`.
 */

import { OrielError } from '../errors.ts';
import type { EventFrame, IceServer, InLobby, Join, Joined, LeaveReason, ReplyFrame, Resumed } from '../protocol.gen.ts';
import { decodeEnvelope, type Envelope } from '../data/envelope.ts';
import type { Carrier, Replies, RequestOf, RequestType, Transport } from '../transport/transport.ts';
import { Requests } from './requests.ts';

/** Milliseconds of silence after which the server is asked for a sign of life. */
const HEARTBEAT = 12_000;
/** Milliseconds that the sign may take to come. */
const HEARTBEAT_TIMEOUT = 6_000;
/** The same when there is reason to doubt: some round trips, within bounds. */
const PROBE_ROUND_TRIPS = 4;
const SHORTEST_PROBE = 500;
const LONGEST_PROBE = 1_500;
/** Milliseconds that fresh ICE servers may take. */
const ICE_SERVERS_TIMEOUT = 2_000;
/** Milliseconds that a good-bye may take. */
const LEAVE_TIMEOUT = 1_000;

export interface LinkListener {
  /** An event, once, in the room's order. */
  event(frame: EventFrame): void;
  /** An application's message that came by the signaling connection, in the same order. */
  message(envelope: Envelope): void;
  /** The connection is gone, not by `close`. `reason` is the server's word, if it said one. */
  lost(error: OrielError, reason: LeaveReason | undefined): void;
}

/** A place in a journal: `epoch.seq`. */
interface Cursor {
  epoch: string;
  seq: number;
}

export class Link {
  readonly #makeTransport: () => Transport;
  readonly #listener: LinkListener;
  readonly #requests = new Requests();
  #transport: Transport | undefined;
  #attached = false;
  /** What came before anybody listens, in order. */
  #early: (EventFrame | Envelope)[] | undefined = [];
  #wayBack: { room: string; secret: string } | undefined;
  #cursor: Cursor = { epoch: '', seq: 0 };
  #reason: LeaveReason | undefined;
  #pulse: ReturnType<typeof setInterval> | undefined;
  #probing = false;
  #heardAt = 0;
  /** Milliseconds that the opening's reply took. */
  #roundTrip = LONGEST_PROBE;
  #ended = false;

  constructor(makeTransport: () => Transport, listener: LinkListener) {
    this.#makeTransport = makeTransport;
    this.#listener = listener;
  }

  /** Whether the room can be reached this moment. */
  get isAttached(): boolean {
    return this.#attached;
  }

  /** What the connection of this moment carries beside requests and events, if it does. */
  get carrier(): Carrier | undefined {
    return this.#attached ? this.#transport?.carrier : undefined;
  }

  /** Whether there is a way back as the same participant. */
  get canResume(): boolean {
    return this.#wayBack !== undefined && this.#reason === undefined && !this.#ended;
  }

  /** Whether this participation is over. */
  get isOver(): boolean {
    return this.#ended;
  }

  /** Reaches the server and joins. Events that come before `begin` are kept for it. */
  async join(join: Join, signal?: AbortSignal): Promise<Joined | InLobby> {
    const reply = await this.#attach<'join'>({ type: 'join', ...join }, signal);
    if ('resume' in reply) this.#place(reply);
    return reply;
  }

  /** Reaches the server again and goes on where the last connection ended. */
  async resume(signal?: AbortSignal): Promise<Resumed> {
    if (!this.#wayBack) throw new OrielError('not_connected', 'There is nothing to resume.');
    const { room, secret } = this.#wayBack;
    const cursor = `${this.#cursor.epoch}.${this.#cursor.seq}`;
    return this.#attach<'resume'>({ type: 'resume', room, secret, cursor }, signal);
  }

  /** Tells everything from now on. */
  begin(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const one of early) this.#deliver(one);
  }

  /** Asks; what a lost connection leaves unanswered is asked again on the next. */
  request<T extends RequestType>(request: RequestOf<T>): Promise<Replies[T]> {
    return this.#requests.ask(request);
  }

  /** Hands over an application's message. Resolves when it will reach everybody whom it is for. */
  async give(envelope: (id: number) => Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#requests.give(envelope);
  }

  /** A number for a message that is no request, of the same count. */
  number(): number {
    return this.#requests.number();
  }

  /** ICE servers, made out anew. Rejects when they do not come soon: a path is looked for without them then. */
  async iceServers(): Promise<IceServer[]> {
    const renewed = await this.#requests.askNow<'ice_servers'>({ type: 'ice_servers' }, ICE_SERVERS_TIMEOUT);
    return renewed.ice_servers;
  }

  /** There is reason to doubt that the connection lives: finds out soon. */
  probe(): void {
    this.#askForLife(Math.min(Math.max(PROBE_ROUND_TRIPS * this.#roundTrip, SHORTEST_PROBE), LONGEST_PROBE));
  }

  /** Says good-bye and closes. */
  async leave(): Promise<void> {
    await this.#requests.askNow<'leave'>({ type: 'leave' }, LEAVE_TIMEOUT).catch(() => {});
    this.close();
  }

  /** As `leave`, for a page that is going away: it can say good-bye, but wait for nothing. */
  leaveNow(): void {
    this.#requests.askNow<'leave'>({ type: 'leave' }).catch(() => {});
    this.close();
  }

  /** Closes without a word to the listener. Unanswered requests reject. */
  close(error = new OrielError('aborted', 'The connection was closed.')): void {
    this.#ended = true;
    this.#drop();
    this.#requests.end(error);
  }

  async #attach<T extends 'join' | 'resume'>(opening: RequestOf<T>, signal?: AbortSignal): Promise<Replies[T]> {
    const transport = (this.#transport = this.#makeTransport());
    const isCurrent = (): boolean => this.#transport === transport;
    const send = transport.send.bind(transport);
    const abort = (): void => {
      transport.close();
      this.#requests.detach(new OrielError('aborted', 'The call was aborted.', { cause: signal?.reason }));
    };
    try {
      await transport.open(
        {
          frame: (frame) => isCurrent() && this.#receive(frame),
          envelope: (bytes) => isCurrent() && this.#receiveEnvelope(bytes),
          closed: (error) => isCurrent() && this.#lost(error),
        },
        signal,
      );
      signal?.addEventListener('abort', abort, { once: true });
      const askedAt = Date.now();
      const reply = await this.#requests.askNow<T>(opening, undefined, send);
      this.#roundTrip = Date.now() - askedAt;
      if (!isCurrent()) throw new OrielError('connection_lost', 'The connection ended right after it was made.');
      this.#attached = true;
      this.#pulse = setInterval(() => this.#beat(), HEARTBEAT);
      this.#requests.attach(send);
      return reply;
    } catch (error) {
      transport.close();
      if (isCurrent()) this.#transport = undefined;
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #receive(frame: ReplyFrame | EventFrame): void {
    this.#heardAt = Date.now();
    if ('re' in frame) {
      this.#requests.answer(frame);
      return;
    }
    if (frame.seq !== undefined && !this.#advance(frame.seq)) return;
    this.#deliver(frame);
  }

  #receiveEnvelope(bytes: Uint8Array): void {
    this.#heardAt = Date.now();
    const envelope = decodeEnvelope(bytes);
    if (!envelope) {
      this.#end(new OrielError('protocol', 'The server sent an envelope that cannot be read.'));
      return;
    }
    if (envelope.seq !== undefined && !this.#advance(Number(envelope.seq))) return;
    this.#deliver(envelope);
  }

  /** False for an event that was read before. */
  #advance(seq: number): boolean {
    if (seq <= this.#cursor.seq) return false;
    this.#cursor.seq = seq;
    return true;
  }

  #deliver(one: EventFrame | Envelope): void {
    if (this.#early) {
      this.#early.push(one);
      return;
    }
    if (!('type' in one)) {
      this.#listener.message(one);
      return;
    }
    switch (one.type) {
      case 'lobby.admitted':
        this.#place(one.joined);
        break;
      case 'moved':
        // What was asked in the other room is answered by nobody.
        this.#requests.forget(new OrielError('connection_lost', 'You were moved to another room meanwhile.'));
        this.#place(one.joined);
        break;
      case 'gap':
        this.#cursor = readCursor(one.snapshot.cursor);
        break;
      case 'disconnected':
        this.#reason = one.reason;
        break;
      default:
    }
    this.#listener.event(one);
  }

  #place(joined: Joined): void {
    this.#wayBack = { room: joined.room.name, secret: joined.resume };
    this.#cursor = readCursor(joined.cursor);
  }

  /** Browsers neither show nor send WebSocket pings: a path that died silently is found by asking. */
  #beat(): void {
    if (Date.now() - this.#heardAt >= HEARTBEAT) this.#askForLife(HEARTBEAT_TIMEOUT);
  }

  #askForLife(timeout: number): void {
    if (!this.#attached || this.#probing) return;
    this.#probing = true;
    const transport = this.#transport;
    this.#requests
      .askNow<'ping'>({ type: 'ping' }, timeout)
      .catch((error: unknown) => {
        const silent = error instanceof OrielError && error.code === 'timeout' && this.#transport === transport;
        if (silent) this.#end(new OrielError('connection_lost', 'The server has gone silent.', { cause: error }));
      })
      .finally(() => (this.#probing = false));
  }

  /** Gives the connection up from our side. */
  #end(error: OrielError): void {
    this.#transport?.close();
    this.#lost(error);
  }

  #lost(error: OrielError): void {
    const wasAttached = this.#attached;
    this.#drop();
    this.#requests.detach(error);
    // One that was not attached yet has somebody waiting for it.
    if (wasAttached) this.#listener.lost(error, this.#reason);
  }

  #drop(): void {
    this.#attached = false;
    clearInterval(this.#pulse);
    this.#transport?.close();
    this.#transport = undefined;
  }
}

function readCursor(cursor: string): Cursor {
  const dot = cursor.lastIndexOf('.');
  return { epoch: cursor.slice(0, dot), seq: Number(cursor.slice(dot + 1)) };
}
