/** By which ways the room's page reaches the server: `?transports=webtransport,websocket`, to try one or to compare them. */
import type { TransportName } from '@oriel/client';

const TRANSPORTS: readonly TransportName[] = ['webtransport', 'websocket', 'http'];

/** Those that the query names; `undefined` for the usual ones. */
export function transportsOf(query: string): readonly TransportName[] | undefined {
  const named = new URLSearchParams(query).get('transports')?.split(',') ?? [];
  const known = TRANSPORTS.filter((name) => named.includes(name));
  return known.length > 0 ? known : undefined;
}
