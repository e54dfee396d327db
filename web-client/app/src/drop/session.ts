/** One stay of this page: with others in the room of a code. It is loaded when there is somebody to meet. */
import { Signaling } from '@oriel/client';
import { courierBySignaling, Disk, Drop, roomOf, type Invitation } from '@oriel/drop';
import { remember, showInAddress, type Membership } from './membership.ts';

export interface Session {
  readonly drop: Drop;
  readonly signaling: Signaling;
  readonly invitation: Invitation;
  readonly isHost: boolean;
}

/** Joins, and remembers that this tab did. */
export async function openSession(invitation: Invitation, { isHost, name, isRelayOnly }: Omit<Membership, 'code'>): Promise<Session> {
  const signaling = await Signaling.join({ room: roomOf(invitation.code), name });
  const { code, secret } = invitation;
  const role = isHost ? 'host' : 'guest';
  const disk = new Disk({ downloads: '/downloads.js' });
  const drop = new Drop({ courier: courierBySignaling(signaling), role, isRelayOnly, disk, ...(secret ? { secret } : {}) });
  remember({ code, isHost, name, isRelayOnly });
  showInAddress(invitation);
  return { drop, signaling, invitation, isHost };
}
