/** The server as its feed tells it: live rooms, how their media fares, and the last minutes in numbers. */
import type { Flow, ParticipantQuality, ServerEvent, ServerMeasured, ServerRoomEvent } from '@oriel/client';

/** Beats that are kept: one every two seconds. */
export const KEPT = 150;

/** One live room. */
export interface RoomStatus {
  readonly id: string;
  readonly name: string;
  readonly startedAt: number;
  participants: number;
  /** Those who have media. */
  quality: readonly ParticipantQuality[];
}

/** How well somebody's media comes through. */
export type Grade = 'good' | 'fair' | 'poor';

/** The types of events that the model is made of. */
export const TYPES = [
  'room.started',
  'room.ended',
  'room.updated',
  'participant.joined',
  'participant.left',
  'participants.changed',
  'quality.measured',
  'server.measured',
] as const;

export class StatusModel {
  /** By id, the oldest first. */
  readonly rooms = new Map<string, RoomStatus>();
  /** The oldest first. */
  readonly beats: ServerMeasured[] = [];

  apply(event: ServerEvent): void {
    if ('rooms' in event && event.type === 'overview') {
      this.rooms.clear();
      for (const { room, participants } of event.rooms) {
        this.rooms.set(room.id, { id: room.id, name: room.name, startedAt: room.started_at, participants, quality: [] });
      }
    } else if (event.type === 'server.measured') {
      this.beats.push(event);
      if (this.beats.length > KEPT) this.beats.shift();
    } else if ('event' in event) {
      this.#applyToRoom(event);
    }
  }

  #applyToRoom({ at, room: { id, name }, event }: ServerRoomEvent): void {
    if (event.type === 'room.ended') {
      this.rooms.delete(id);
      return;
    }
    let room = this.rooms.get(id);
    if (!room) {
      room = { id, name, startedAt: at, participants: 0, quality: [] };
      this.rooms.set(id, room);
    }
    if (event.type === 'participant.joined') room.participants += 1;
    else if (event.type === 'participant.left') room.participants -= 1;
    else if (event.type === 'participants.changed') room.participants = event.participants;
    else if (event.type === 'quality.measured') room.quality = event.participants;
  }
}

/** The sum of what flows in one direction. */
export function total(quality: readonly ParticipantQuality[], direction: 'received' | 'sent'): Flow {
  const sum: Flow = { bits_per_second: 0, packets_per_second: 0, lost_per_thousand: 0 };
  for (const { [direction]: flow } of quality) {
    sum.bits_per_second += flow.bits_per_second;
    sum.packets_per_second += flow.packets_per_second;
    sum.lost_per_thousand = Math.max(sum.lost_per_thousand, flow.lost_per_thousand);
  }
  return sum;
}

/** What losses and delay do to a conversation: nothing, something, or too much. */
export function grade({ received, sent, round_trip_ms: delay = 0 }: ParticipantQuality): Grade {
  const lost = Math.max(received.lost_per_thousand, sent.lost_per_thousand);
  if (lost > 50 || delay > 400) return 'poor';
  return lost > 10 || delay > 200 ? 'fair' : 'good';
}
