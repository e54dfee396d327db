/** A server with one participant per connection that answers as `docs/protocol.md` says. */

import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ErrorCode, Event, Joined, ParticipantInfo, Request } from '../../src/protocol.gen.ts';

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
    room: { id: 'RM_1', name: 'stand-up', started_at: 1 },
    participant: participant(id),
    participants: others,
    grants: {
      can_publish: ['camera', 'microphone', 'screen_share', 'screen_share_audio'],
      can_subscribe: true,
      can_publish_data: true,
    },
    cursor: 'E_1.0',
    ice_servers: [],
    limits: { slots: 24, sdp_bytes: 262_144, message_bytes: 65_536, chat_bytes: 8_192 },
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
  readonly #server: WebSocketServer;
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

  /** The usual reply to a request. */
  reply(request: Request): object {
    switch (request.type) {
      case 'join':
        return { ok: joined(`PA_${this.connections.length}`, this.others) };
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
  #seq = 0;

  constructor(socket: WebSocket, server: FakeServer) {
    this.socket = socket;
    socket.on('message', (data) => {
      const { id, ...request } = JSON.parse((data as Buffer).toString()) as { id: number } & Request;
      server.requests.push(request);
      const outcome = server.handler(request, this) ?? server.reply(request);
      if (Object.keys(outcome).length > 0) this.socket.send(JSON.stringify({ re: id, ...outcome }));
    });
  }

  tell(event: Event): void {
    this.#seq += 1;
    this.socket.send(JSON.stringify({ seq: this.#seq, ...event }));
  }
}

export function refusal(code: ErrorCode, retry = false): object {
  return { error: { code, message: `refused: ${code}`, retry } };
}
