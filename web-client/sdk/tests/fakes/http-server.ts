/** A server without WebSockets: one connection, its frames by event stream or by polling. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the server does to those who ask for a stream. */
export type Streaming = 'open' | 'refused' | 'silent';

export class FakeHttpServer {
  readonly #server: Server;
  readonly #frames: unknown[] = [];
  readonly #readers = new Set<() => void>();
  readonly #streams = new Set<ServerResponse>();
  streaming: Streaming = 'open';
  /** The problem that everything is answered with. */
  refusal: { status: number; code: string } | undefined;
  /** The bodies of all requests by POST. */
  readonly bodies: unknown[] = [];
  /** The place that each reader began at, and how it read. */
  readonly places: [string, 'stream' | 'poll'][] = [];

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<FakeHttpServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeHttpServer(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  tell(...frames: unknown[]): void {
    this.#frames.push(...frames);
    for (const read of this.#readers) read();
  }

  cutStreams(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.refusal) {
      const { status, code } = this.refusal;
      response.writeHead(status, { 'content-type': 'application/problem+json' });
      response.end(JSON.stringify({ code, detail: 'no', retry: false }));
      return;
    }
    if (request.method === 'POST') {
      this.#take(request, JSON.parse(Buffer.concat(chunks).toString()) as { id: number }, response);
    } else if (request.headers.accept === 'text/event-stream') {
      this.#stream(request, response);
    } else {
      this.#poll(new URL(request.url!, this.url).searchParams.get('after')!, response);
    }
  }

  #take(request: IncomingMessage, body: { id: number }, response: ServerResponse): void {
    this.bodies.push(body);
    if (request.headers.authorization) response.writeHead(202).end('{}');
    else response.end(JSON.stringify({ connection: 'key', reply: { re: body.id, ok: {} } }));
  }

  #stream(request: IncomingMessage, response: ServerResponse): void {
    let at = Number(request.headers['last-event-id'] ?? 0);
    this.places.push([String(at), 'stream']);
    if (this.streaming === 'silent') return;
    if (this.streaming === 'refused') {
      response.writeHead(403, { 'content-type': 'text/html' }).end('no streams here');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write('retry: 500\n\n');
    const write = (): void => {
      for (; at < this.#frames.length; at += 1) {
        response.write(`id: ${at + 1}\nevent: x\ndata: ${JSON.stringify(this.#frames[at])}\n\n`);
      }
    };
    this.#streams.add(response);
    this.#readers.add(write);
    response.on('close', () => {
      this.#streams.delete(response);
      this.#readers.delete(write);
    });
    write();
  }

  #poll(place: string, response: ServerResponse): void {
    this.places.push([place, 'poll']);
    const write = (): void => {
      const frames = this.#frames.slice(Number(place));
      if (frames.length === 0) return;
      this.#readers.delete(write);
      response.end(JSON.stringify({ frames, after: String(this.#frames.length) }));
    };
    this.#readers.add(write);
    response.on('close', () => this.#readers.delete(write));
    write();
  }
}
