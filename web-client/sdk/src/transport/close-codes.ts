/** Why the server closed a connection, by the code that it said. */

import { OrielError, type ErrorCode } from '../errors.ts';

/** The errors behind the close codes 4000 + HTTP status. */
const CLOSE_CODES: Readonly<Record<number, ErrorCode>> = {
  4400: 'bad_request',
  4401: 'unauthorized',
  4403: 'forbidden',
  4404: 'not_found',
  4413: 'too_large',
  4423: 'locked',
  4429: 'rate_limited',
  4500: 'internal',
  4503: 'busy',
};

/** `wasOpen`: whether an Oriel server was reached before. */
export function closeError(code: number, reason: string, wasOpen: boolean): OrielError {
  const words = reason || `The connection ended (${code}).`;
  const known = CLOSE_CODES[code];
  if (known) return new OrielError(known, words);
  if (!wasOpen) return new OrielError('unreachable', 'No Oriel server answers at this address.');
  return new OrielError('connection_lost', words);
}
