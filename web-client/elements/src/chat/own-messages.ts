/** Which messages are ours. Our participant id is new after a long interruption; older messages stay ours. */
import type { ChatMessage, Room } from '@oriel/client';

const ownIds = new WeakMap<Room, Set<string>>();

/** Notes who we are now. To be called whenever that may have changed. */
export function noteSelf(room: Room): ReadonlySet<string> {
  const ids = ownIds.get(room) ?? new Set();
  ownIds.set(room, ids.add(room.localParticipant.id));
  return ids;
}

/** Whether we wrote it, under whichever id. */
export function isOwn(room: Room, message: ChatMessage): boolean {
  return noteSelf(room).has(message.participant);
}
