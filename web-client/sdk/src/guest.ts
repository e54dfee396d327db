/** Guests, and pages that embed a room, get their token from the server itself: `POST /v1/join`. */

import { abortedError, OrielError } from './errors.ts';
import type { ErrorCode } from './protocol.gen.ts';
import type { TransportName, WebTransportPlace } from './transport/ways.ts';

export interface ConnectOptions {
  /** The room's password, where it has one: without it `connect` rejects with `password_required`. */
  password?: string;
  /** Whether everybody's tracks are received without asking; true by default. */
  autoSubscribe?: boolean;
  /**
   * Which ways to the server may be taken: `websocket` and `http` by default. With `webtransport` a session is tried
   * beside them, and taken where it opens.
   */
  transports?: readonly TransportName[];
  /** `false`: for data alone. Nobody's media is received, and there is no peer connection before something is published. */
  media?: boolean;
  /** `relay` lets media go by way of a TURN server only; `all` by default. */
  iceTransportPolicy?: RTCIceTransportPolicy;
  signal?: AbortSignal;
}

export interface TokenOptions extends ConnectOptions {
  /** Where the server takes WebTransport sessions, if not at its address: what `POST /v1/join` says of it. */
  webtransport?: WebTransportPlace;
}

export interface JoinOptions extends ConnectOptions {
  /** The server's address, `https://rooms.example`; by default where the page came from. */
  server?: string;
  /** Needed without a `ticket`, which has its own. */
  room?: string;
  /** In place of a room: that of the network that this device is in, where it sees others that want to be seen. */
  nearby?: boolean;
  /** The display name; a ticket's token has its own. */
  name?: string;
  /** What the page's back end has got for it from the server (`POST /v1/rooms/{room}/tickets`). Good once. */
  ticket?: string;
}

export interface TicketOptions {
  /** The server's address, `https://rooms.example`; by default where the page came from. */
  server?: string;
  /** What the page's back end has got for it. */
  ticket: string;
  /** The room, where the page knows it: a ticket for another one is then refused. */
  room?: string;
  /** For the server's own page in a frame: the origin of the page around it. */
  embedder?: string;
  signal?: AbortSignal;
}

/** What `connect` needs. */
export interface Invitation {
  /** Of the WebSocket. */
  url: string;
  token: string;
  /** Where the server takes WebTransport sessions, if it does. */
  webtransport?: WebTransportPlace;
}

/** Says where to go and with which token. Called again when the token is no longer taken. */
export type Invite = (signal: AbortSignal) => Promise<Invitation>;

/** Asks for tokens as a guest, or for a ticket's. */
export function guest(options: JoinOptions): Invite {
  return (signal) => askForInvitation({ ...options, signal });
}

/** Exchanges an embed ticket, which is good once, for a token. Rejects with `ticket_used` and the like. */
export function redeemTicket(options: TicketOptions): Promise<Invitation> {
  return askForInvitation(options);
}

/** Asks for a token. Rejects with `forbidden` where guests are not let in. */
export async function askForInvitation(options: Omit<JoinOptions, keyof ConnectOptions> & Partial<TicketOptions>): Promise<Invitation> {
  const { server = globalThis.location?.origin, room, nearby, name, ticket, embedder, signal } = options;
  let response: Response;
  let body: unknown;
  try {
    response = await fetch(new URL('/v1/join', server), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ room, nearby, name, ticket, embedder }),
      ...(signal ? { signal } : {}),
    });
    body = await response.json().catch(() => undefined);
  } catch (error) {
    if (signal?.aborted) throw abortedError(signal);
    throw new OrielError('unreachable', 'No Oriel server answers at this address.', { cause: error });
  }
  if (!response.ok) {
    if (isProblem(body)) {
      const { code, detail: message, retry } = body;
      throw OrielError.fromServer({ code, message, retry });
    }
    throw new OrielError('unreachable', `The server answered with HTTP status ${response.status}.`);
  }
  return body as Invitation;
}

/** Problem details (RFC 9457) with the server's error in them. */
interface Problem {
  code: ErrorCode;
  detail: string;
  retry: boolean;
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'detail' in body && 'retry' in body;
}

/** The address of the WebSocket, from it or from the server's `http(s)` address. */
export function socketAddress(url: string): string {
  let address: URL;
  try {
    address = new URL(url, globalThis.location?.href);
  } catch (error) {
    throw new OrielError('unreachable', `"${url}" is not an address.`, { cause: error });
  }
  address.protocol = address.protocol.replace(/^http/, 'ws');
  if (address.pathname === '/') address.pathname = '/v1/ws';
  return address.href;
}
