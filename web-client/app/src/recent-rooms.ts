/** The rooms that were visited in this browser, newest first. Kept here and nowhere else. */
import { isRoomName } from './room-name.ts';

/** One visit. */
export interface RecentRoom {
  readonly name: string;
  /** Milliseconds since 1970 (UTC) of the last visit. */
  readonly at: number;
}

const KEY = 'oriel.recent-rooms';
const KEPT = 6;

/** The part of `localStorage` that is needed. */
export type Memory = Pick<Storage, 'getItem' | 'setItem'>;

/** The rooms that were visited. What cannot be read is left out. */
export function recentRooms(memory: Memory): RecentRoom[] {
  try {
    const stored: unknown = JSON.parse(memory.getItem(KEY) ?? '[]');
    return Array.isArray(stored) ? stored.filter(isRecentRoom).slice(0, KEPT) : [];
  } catch {
    return [];
  }
}

/** Notes a visit. */
export function rememberRoom(memory: Memory, name: string, at: number): void {
  write(memory, [{ name, at }, ...recentRooms(memory).filter((room) => room.name !== name)].slice(0, KEPT));
}

/** Forgets a room. */
export function forgetRoom(memory: Memory, name: string): void {
  write(
    memory,
    recentRooms(memory).filter((room) => room.name !== name),
  );
}

function write(memory: Memory, rooms: readonly RecentRoom[]): void {
  try {
    memory.setItem(KEY, JSON.stringify(rooms));
  } catch {
    // Full or forbidden: the list is a comfort, not a promise.
  }
}

function isRecentRoom(value: unknown): value is RecentRoom {
  if (typeof value !== 'object' || value === null) return false;
  const { name, at } = value as Partial<RecentRoom>;
  return typeof name === 'string' && isRoomName(name) && typeof at === 'number' && Number.isFinite(at);
}
