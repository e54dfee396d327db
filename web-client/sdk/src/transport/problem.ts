/** What the server says when it refuses an HTTP request (RFC 9457). */

import { OrielError } from '../errors.ts';
import type { RequestError } from '../protocol.gen.ts';

/** The server's error in a refusal. A proxy's refusal is no word of the server: it is thrown as `unreachable`. */
export async function problem(response: Response): Promise<RequestError> {
  const body = (await response.json().catch(() => undefined)) as { code?: RequestError['code']; detail?: string; retry?: boolean } | undefined;
  if (body?.code === undefined) throw new OrielError('unreachable', `The server answered with HTTP status ${response.status}.`);
  return { code: body.code, message: body.detail ?? '', retry: body.retry ?? false };
}
