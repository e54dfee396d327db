/** A proxy as some networks have it: it does not let everything through. */

import { once } from 'node:events';
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

export interface StrictProxy {
  /** Where pages are to be opened instead of at the server. */
  readonly url: string;
  /** Lets these through from now on, or not; what goes through already and is not allowed any more is cut. */
  allow(what: { webSockets: boolean; streams: boolean }): void;
  /** How many WebSockets, and how many event streams, were opened through it. */
  readonly opened: { webSockets: number; streams: number };
  stop(): Promise<void>;
}

/** A proxy before `upstream` (`http://host:port`) that lets everything through until it is told otherwise. */
export async function startStrictProxy(upstream: string): Promise<StrictProxy> {
  const target = new URL(upstream);
  const opened = { webSockets: 0, streams: 0 };
  let allowed = { webSockets: true, streams: true };
  const sockets = new Set<Socket>();
  const streams = new Set<ServerResponse>();
  const server = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    const isStream = incoming.headers.accept === 'text/event-stream';
    if (isStream && !allowed.streams) {
      outgoing.writeHead(403, { 'content-type': 'text/html' }).end('no streams here');
      return;
    }
    const { method, url, headers } = incoming;
    const asked = ask({ host: target.hostname, port: target.port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      if (!isStream) return;
      opened.streams += 1;
      streams.add(outgoing);
    });
    asked.on('error', () => outgoing.destroy());
    outgoing.on('close', () => {
      streams.delete(outgoing);
      asked.destroy();
    });
    incoming.pipe(asked);
  });
  server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
    if (!allowed.webSockets) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    opened.webSockets += 1;
    const through = connect(Number(target.port), target.hostname, () => {
      const headers = Object.entries(incoming.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
      through.write(`GET ${incoming.url} HTTP/1.1\r\n${headers.join('')}\r\n`);
      through.write(head);
      socket.pipe(through).pipe(socket);
    });
    for (const [one, other] of [[socket, through], [through, socket]] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    opened,
    allow: (what) => {
      allowed = what;
      if (!what.webSockets) for (const socket of sockets) socket.destroy();
      if (!what.streams) for (const stream of streams) stream.destroy();
    },
    stop: async () => {
      server.closeAllConnections();
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
