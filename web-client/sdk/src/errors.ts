/** Errors with a stable code for programs and words for people. */

import type { ErrorCode as ServerErrorCode, RequestError } from './protocol.gen.ts';

/**
 * What went wrong. The server's codes come first; `internal` is the server's fault, never ours.
 *
 * - `unreachable`: no server answers at the address.
 * - `timeout`: the server did not answer in time.
 * - `aborted`: the caller's `AbortSignal` or `disconnect()` ended it.
 * - `not_connected`: the call needs a room that has been joined.
 * - `already_connected`: the room object is in a room, or about to be.
 * - `connection_lost`: the connection ended before the answer came.
 * - `too_slow`: a stream was not read as fast as it came.
 * - `denied`: a moderator sent us away from the lobby.
 * - `protocol`: the server said something that this version does not understand.
 * - `media_*`: a camera, microphone or screen could not be had; see `media/devices.ts`.
 * - `unsupported`: this browser cannot do it.
 */
export type ErrorCode =
  | ServerErrorCode
  | 'unreachable'
  | 'timeout'
  | 'aborted'
  | 'not_connected'
  | 'already_connected'
  | 'connection_lost'
  | 'too_slow'
  | 'denied'
  | 'protocol'
  | 'media_denied'
  | 'media_missing'
  | 'media_in_use'
  | 'media_insecure_context'
  | 'media_blocked_by_policy'
  | 'media_unsuitable'
  | 'media_ended'
  | 'media_failed'
  | 'unsupported';

/** For each code: whether the same call may succeed later, and what a person can do. */
const ROWS: Record<ErrorCode, readonly [retryable: boolean, hint: string]> = {
  bad_request: [false, 'This page and the server do not fit together; reload the page.'],
  unauthorized: [false, 'Ask for a new invitation: this one is wrong or has expired.'],
  origin_not_allowed: [false, 'Ask whoever invited you.'],
  ticket_used: [false, 'Load the page again.'],
  ticket_expired: [false, 'Load the page again.'],
  forbidden: [false, 'Ask the host of the room for the right to do this.'],
  password_required: [false, 'Ask whoever invited you for the password.'],
  locked: [false, 'Ask somebody inside to unlock the room.'],
  not_found: [false, 'It is no longer there.'],
  too_large: [false, 'Make it shorter and try again.'],
  rate_limited: [true, 'Wait a moment and try again.'],
  full: [true, 'The room is full; try again when somebody has left.'],
  busy: [true, 'The server is busy; try again in a moment.'],
  bad_sdp: [false, 'This browser and the server found no common way to send media; update the browser.'],
  stopping: [true, 'The server is restarting; try again in a moment.'],
  internal: [true, 'The server failed; try again, and tell its operator if it stays so.'],
  unreachable: [true, 'Check the network connection and the address of the server.'],
  timeout: [true, 'The network is slow or gone; check it and try again.'],
  aborted: [true, 'It was stopped before it was done.'],
  not_connected: [true, 'Join the room first.'],
  already_connected: [false, 'Leave the room first.'],
  connection_lost: [true, 'Check the network connection and try again.'],
  too_slow: [true, 'Read faster, or ask the sender for less at a time.'],
  denied: [false, 'Ask whoever invited you.'],
  protocol: [false, 'This page and the server are of different versions; reload the page.'],
  media_denied: [
    false,
    'Allow camera and microphone for this page in the browser’s address bar, and in the system’s privacy settings.',
  ],
  media_missing: [true, 'Plug the device in and try again.'],
  media_in_use: [true, 'Close other programs that use the device and try again.'],
  media_insecure_context: [false, 'Open the page over https; browsers give no camera or microphone over plain http.'],
  media_blocked_by_policy: [
    false,
    'The page that embeds this one must allow it: allow="camera; microphone; display-capture".',
  ],
  media_unsuitable: [false, 'Choose another device or ask for less resolution.'],
  media_ended: [true, 'The device was unplugged or taken away; choose another one.'],
  media_failed: [true, 'Unplug the device, plug it in again and try once more.'],
  unsupported: [false, 'Use a current version of Chrome, Edge, Firefox or Safari.'],
};

/** Every error that this package throws or emits. */
export class OrielError extends Error {
  override readonly name = 'OrielError';
  /** For programs. */
  readonly code: ErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** What a person can do about it, one sentence. */
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, { cause: options.cause });
    const [retryable, hint] = ROWS[code];
    this.code = code;
    this.retryable = options.retryable ?? retryable;
    this.hint = hint;
  }

  /** The error of a request that the server refused. */
  static fromServer(error: RequestError): OrielError {
    // A newer server may know codes that this version does not.
    const code: ErrorCode = Object.hasOwn(ROWS, error.code) ? error.code : 'protocol';
    return new OrielError(code, error.message, { retryable: error.retry });
  }

  /** `error` itself if it is one of ours, else one of ours around it. */
  static from(error: unknown, code: ErrorCode): OrielError {
    if (error instanceof OrielError) return error;
    return new OrielError(code, error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Throws `aborted` if the signal says so. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw abortedError(signal);
}

/** What an aborted call rejects with. */
export function abortedError(signal: AbortSignal): OrielError {
  return new OrielError('aborted', 'The call was aborted.', { cause: signal.reason });
}
