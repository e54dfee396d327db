/** Streams of an application's bytes, and the codes that they are reset with (`docs/protocol.md`, "Streams"). */

import { OrielError, type ErrorCode } from '../errors.ts';
import { frame, FrameReader } from './framing.ts';
import type { Incoming } from './transport.ts';

/** What each code means, and to whom it is told. */
const CODES: readonly (readonly [ErrorCode, string])[] = [
  ['connection_lost', 'The stream was cut.'],
  ['too_slow', 'The stream was not read as fast as it came.'],
  ['aborted', 'The other side ended the stream.'],
  ['forbidden', 'Streams are not allowed here.'],
  ['too_large', 'The stream, or what it begins with, is too large.'],
  ['busy', 'There are too many streams.'],
  ['stopping', 'The server is restarting.'],
];
const CANCELLED = 2;

/** Begins a stream with its head; what follows is the writer's. Closing the stream ends it, aborting it resets it. */
export async function outgoing(stream: WritableStream, head: Uint8Array): Promise<WritableStream<Uint8Array>> {
  const writer = (stream as WritableStream<Uint8Array>).getWriter();
  // Whoever writes is told.
  writer.closed.catch(() => {});
  const translated = <T>(promise: Promise<T>): Promise<T> => promise.catch((error: unknown) => Promise.reject(streamError(error)));
  await translated(writer.write(frame(head)));
  return new WritableStream<Uint8Array>(
    {
      start: (controller) => void writer.closed.catch((error: unknown) => controller.error(streamError(error))),
      write: (bytes) => translated(writer.write(bytes)),
      close: () => translated(writer.close()),
      abort: () => writer.abort(reset()),
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 65_536 }),
  );
}

/** Reads the head of a stream, of `most` bytes at most. What follows is read as it is asked for. */
export async function incoming(stream: ReadableStream<Uint8Array<ArrayBuffer>>, most: number): Promise<Incoming> {
  const reader = stream.getReader();
  const frames = new FrameReader(most);
  let head;
  let rest = new Uint8Array();
  try {
    while (!head) {
      const { done, value } = await reader.read();
      if (done) throw new RangeError('the stream ended in its head');
      [head, rest] = frames.read(value);
    }
  } catch (error) {
    await reader.cancel(reset()).catch(() => {});
    throw error;
  }
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      start: (controller) => {
        if (rest.length > 0) controller.enqueue(rest);
      },
      pull: async (controller) => {
        try {
          const { done, value } = await reader.read();
          if (done) controller.close();
          else controller.enqueue(value);
        } catch (error) {
          controller.error(streamError(error));
        }
      },
      cancel: () => reader.cancel(reset()),
    },
    { highWaterMark: 0 },
  );
  return { head, body };
}

function reset(): WebTransportError {
  return new WebTransportError('cancelled', { streamErrorCode: CANCELLED });
}

function streamError(error: unknown): OrielError {
  const { streamErrorCode } = error as { streamErrorCode?: number | null };
  const [code, words] = CODES[streamErrorCode ?? 0] ?? CODES[0]!;
  return new OrielError(code, words, { cause: error });
}
