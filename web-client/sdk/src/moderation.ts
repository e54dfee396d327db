/** What a moderator can do. The server refuses everybody else with `forbidden`; effects are told as events. */

import type { Participant } from './participant.ts';
import type { GrantsInfo, Role, Waiting } from './protocol.gen.ts';
import type { TrackPublication } from './publication.ts';
import type { Server } from './publisher.ts';

/** What a moderator can say of a participant; what is absent stays. */
export interface ParticipantChange {
  name?: string;
  metadata?: string;
  /** Attributes to set; those with an empty value are taken away. */
  attributes?: Record<string, string>;
}

/** How a room is entered; what is absent stays. It all ends when nobody is left in the room. */
export interface RoomChange {
  /** Nobody comes in any more, moderators aside. */
  locked?: boolean;
  /** Newcomers wait until a moderator admits them. */
  lobby?: boolean;
  /** Newcomers must know it; empty for none. */
  password?: string;
}

/** Somebody, or their id. */
export type Whom = Participant | Waiting | string;

export class Moderation {
  readonly #server: Server;

  /** @internal */
  constructor(server: Server) {
    this.#server = server;
  }

  /** Mutes somebody's track. Only its publisher can unmute it. */
  async mute(publication: TrackPublication): Promise<void> {
    await this.#server.request<'mute'>({ type: 'mute', track: publication.id, muted: true });
  }

  /** Asks somebody to unmute a track: they are told by `unmuteAsked`. */
  async askToUnmute(publication: TrackPublication): Promise<void> {
    await this.#server.request<'ask_to_unmute'>({ type: 'ask_to_unmute', track: publication.id });
  }

  async lowerHand(whom: Whom): Promise<void> {
    await this.#server.request<'hand'>({ type: 'hand', raised: false, participant: idOf(whom) });
  }

  /** Changes somebody's name, metadata or attributes. */
  async update(whom: Whom, change: ParticipantChange): Promise<void> {
    await this.#server.request<'update'>({ type: 'update', participant: idOf(whom), ...change });
  }

  /** Takes somebody out of the room, and bars them until their token ends. */
  async remove(whom: Whom): Promise<void> {
    await this.#server.request<'remove'>({ type: 'remove', participant: idOf(whom) });
  }

  /** Gives or takes the right to steer. */
  async setRole(whom: Whom, role: Role): Promise<void> {
    await this.#server.request<'set_role'>({ type: 'set_role', participant: idOf(whom), role });
  }

  /** Changes what somebody may do; what is absent stays. */
  async setGrants(whom: Whom, grants: Partial<Omit<GrantsInfo, 'can_update_own_metadata'>>): Promise<void> {
    await this.#server.request<'set_grants'>({ type: 'set_grants', participant: idOf(whom), ...grants });
  }

  /** Moves somebody to a breakout room (this room's name, a dot and more), or back to where they came from. */
  async move(whom: Whom, room: string): Promise<void> {
    await this.#server.request<'move'>({ type: 'move', participant: idOf(whom), room });
  }

  /** Locks the room, puts a lobby or a password before it, or takes them away. */
  async setRoom(change: RoomChange): Promise<void> {
    await this.#server.request<'set_room'>({ type: 'set_room', ...change });
  }

  /** Lets somebody in who waits. */
  async admit(whom: Whom): Promise<void> {
    await this.#server.request<'admit'>({ type: 'admit', participant: idOf(whom) });
  }

  /** Sends somebody away who waits. */
  async deny(whom: Whom): Promise<void> {
    await this.#server.request<'deny'>({ type: 'deny', participant: idOf(whom) });
  }

  /** Ends the room for everybody. */
  async end(): Promise<void> {
    await this.#server.request<'end'>({ type: 'end' });
  }
}

/** The id of somebody. */
export function idOf(whom: Whom): string {
  return typeof whom === 'string' ? whom : whom.id;
}
