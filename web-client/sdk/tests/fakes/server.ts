/**
 * A server that answers as `docs/protocol.md` says: a participant for each join, which keeps its outcomes
 * and can be resumed.
 */

import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { decodeEnvelope } from '../../src/data/envelope.ts';
import type { ErrorCode, Event, EventFrame, Joined, ParticipantInfo, Request } from '../../src/protocol.gen.ts';

export function participant(id: string, more: Partial<ParticipantInfo> = {}): ParticipantInfo {
  return {
    id,
    identity: id.toLowerCase(),
    name: id,
    role: 'participant',
    metadata: '',
    attributes: {},
    joined_at: 1,
    tracks: [],
    ...more,
  };
}

export function joined(id: string, others: ParticipantInfo[] = []): Joined {
  return {
    room: { id: 'RM_1', name: 'stand-up', started_at: 1, locked: false, lobby: false, password: false },
    participant: participant(id),
    participants: others,
    grants: {
      can_publish: ['camera', 'microphone', 'screen_share', 'screen_share_audio'],
      can_subscribe: true,
      can_publish_data: true,
      can_update_own_metadata: true,
    },
    bindings: [],
    chat: [],
    waiting: [],
    retained: [],
    cursor: 'E_1.0',
    resume: `secret of ${id}`,
    ice_servers: [],
    limits: { slots: 24, sdp_bytes: 262_144, message_bytes: 65_536, chat_bytes: 8_192, data_bytes: 65_536, data_bytes_per_second: 1_048_576, data_messages_per_second: 2_000, lossy_bytes: 1_100 },
  };
}

type Handler = (request: Request, connection: ServerConnection) => object | undefined;

export class FakeServer {
  /** Everything that was asked, oldest first, over all connections. */
  readonly requests: Request[] = [];
  readonly connections: ServerConnection[] = [];
  /** Who is in the room besides whoever joins. */
  others: ParticipantInfo[] = [];
  /** Answers instead of the usual reply; undefined for the usual one, `{}` without `ok` for silence. */
  handler: Handler = () => undefined;
  /** Envelopes that came, with the outcome `{}`. */
  readonly envelopes: Uint8Array[] = [];
  /** What was told, for those who come back: by number. */
  readonly journal: EventFrame[] = [];
  readonly #server: WebSocketServer;
  readonly #outcomes = new Map<string, object>();
  /** Who each connection is. */
  readonly #who = new Map<ServerConnection, string>();
  #participants = 0;
  #tracks = 0;

  static async start(): Promise<FakeServer> {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'oriel.v1' });
    await new Promise((resolve) => server.once('listening', resolve));
    return new FakeServer(server);
  }

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket) => this.connections.push(new ServerConnection(socket, this)));
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/ws`;
  }

  get newest(): ServerConnection {
    return this.connections.at(-1)!;
  }

  types(): string[] {
    return this.requests.map(({ type }) => type);
  }

  stop(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  /** The outcome for the participant of that connection: the kept one, if it was asked before. */
  outcome(id: number, request: Request, connection: ServerConnection): object {
    const who = this.#who.get(connection);
    const kept = this.#outcomes.get(`${who} ${id}`);
    if (kept) return kept;
    this.requests.push(request);
    const outcome = this.handler(request, connection) ?? this.reply(request, connection);
    const keeps = who !== undefined && request.type !== 'offer' && Object.keys(outcome).length > 0;
    if (keeps) this.#outcomes.set(`${who} ${id}`, outcome);
    return outcome;
  }

  /** Tells everybody, and keeps it for those who come back. */
  tell(event: Event): void {
    const frame = { seq: this.journal.length + 1, ...event };
    this.journal.push(frame);
    const newest = this.connections.at(-1)?.socket;
    if (newest?.readyState === newest?.OPEN) newest?.send(JSON.stringify(frame));
  }

  /** The usual reply to a request. */
  reply(request: Request, connection: ServerConnection): object {
    switch (request.type) {
      case 'join': {
        const id = `PA_${(this.#participants += 1)}`;
        this.#who.set(connection, id);
        return { ok: joined(id, this.others) };
      }
      case 'resume': {
        const id = request.secret.replace('secret of ', '');
        this.#who.set(connection, id);
        const after = Number(request.cursor.split('.')[1]);
        const missed = this.journal.filter(({ seq = 0 }) => seq > after);
        setTimeout(() => missed.forEach((frame) => connection.socket.send(JSON.stringify(frame))));
        return { ok: { participant: id, after, to: this.journal.length, ice_servers: [] } };
      }
      case 'ice_servers':
        return { ok: { ice_servers: [{ urls: ['turn:turn.example'], username: 'fresh', credential: 'secret' }] } };
      case 'offer':
        return { ok: { sdp: 'answer' } };
      case 'publish': {
        const { kind, source, name = '', muted = false } = request;
        this.#tracks += 1;
        return { ok: { track: { id: `TR_${this.#tracks}`, kind, source, name, muted } } };
      }
      case 'chat':
        return { ok: { message: { id: 'CH_1', participant: 'PA_1', name: 'PA_1', text: request.text, at: 1 } } };
      default:
        return { ok: {} };
    }
  }
}

export class ServerConnection {
  readonly socket: WebSocket;

  constructor(socket: WebSocket, server: FakeServer) {
    this.socket = socket;
    socket.on('message', (data, isBinary) => {
      if (isBinary) {
        const bytes = new Uint8Array(data as Buffer);
        server.envelopes.push(bytes);
        this.socket.send(JSON.stringify({ re: Number(decodeEnvelope(bytes)!.id), ok: {} }));
        return;
      }
      const { id, ...request } = JSON.parse((data as Buffer).toString()) as { id: number } & Request;
      const outcome = server.outcome(id, request, this);
      if (Object.keys(outcome).length > 0) this.socket.send(JSON.stringify({ re: id, ...outcome }));
    });
  }

  /** A passing event, for this one alone. */
  tell(event: Event): void {
    this.socket.send(JSON.stringify(event));
  }
}

export function refusal(code: ErrorCode, retry = false): object {
  return { error: { code, message: `refused: ${code}`, retry } };
}
