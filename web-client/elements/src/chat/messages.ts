/** How chat messages stand together. */
import type { ChatMessage } from '@oriel/client';

/** Messages of one writer closer than this share one heading. In milliseconds. */
const TOGETHER = 3 * 60_000;

/** Whether `message` needs a heading of its own below `previous`. */
export function isFirst(message: ChatMessage, previous: ChatMessage | undefined): boolean {
  return (
    previous === undefined ||
    previous.participant !== message.participant ||
    message.at - previous.at > TOGETHER ||
    // What is for some is not to stand below the heading of what is for all.
    String(previous.to) !== String(message.to)
  );
}

/** Bytes of a text as the wire counts them (UTF-8). */
export function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
