/** Which pictures a room has, in an order that does not change when people speak. */
import type { Participant, Room } from '@oriel/client';
import type { TilePicture } from '../tile/tile.element.ts';

/** One thing to look at. */
export interface Picture {
  /** Stays the same for as long as the picture is there. */
  readonly key: string;
  readonly participant: Participant;
  readonly picture: TilePicture;
}

/** Everybody's camera tile: ourselves first, then the others in the order they came. */
export function people(room: Room): Picture[] {
  return [room.localParticipant, ...room.remoteParticipants.values()].map((participant) => ({
    // Our own id is new after joining again; our tile is the same one.
    key: participant.isLocal ? 'you' : participant.id,
    participant,
    picture: 'camera',
  }));
}

/** The others' shared screens, the oldest first. Our own we see on our own screen. */
export function screens(room: Room): Picture[] {
  return [...room.remoteParticipants.values()]
    .filter((participant) => participant.isScreenShareEnabled)
    .map((participant) => ({ key: `${participant.id} screen`, participant, picture: 'screen_share' }));
}

/**
 * What stands on the stage: what was pinned, as long as it is there; else the newest screen; else
 * nothing, and everybody gets an equal tile. `hidden` screens were put aside by hand.
 */
export function stage(
  pictures: { readonly people: readonly Picture[]; readonly screens: readonly Picture[] },
  pinned: string | undefined,
  hidden: ReadonlySet<string>,
): Picture | undefined {
  const found = [...pictures.people, ...pictures.screens].find((picture) => picture.key === pinned);
  return found ?? pictures.screens.findLast((picture) => !hidden.has(picture.key));
}
