/** What one can do about somebody in the room: the entries of their menu. */
import type { Participant, Room } from '@oriel/client';
import type { Question } from '../confirm/confirm.element.ts';
import type { IconName } from '../icons/icon.ts';
import type { Texts } from '../texts/texts.ts';

/** One entry. */
export interface PersonAction {
  readonly id: string;
  readonly icon: IconName;
  readonly words: string;
  /** What is asked first, where it cannot be undone. */
  readonly question?: Omit<Question, 'act'>;
  readonly act: () => Promise<void>;
}

/** What we may do about `participant`, in the order of a menu; writing privately is not among it. */
export function personActions(room: Room, participant: Participant, words: Texts['people']): PersonAction[] {
  if (!room.localParticipant.isModerator || participant.isLocal) return [];
  const { moderation } = room;
  const { name, role } = participant;
  const actions: (PersonAction | undefined)[] = [
    ...(['microphone', 'camera', 'screen_share'] as const).map((source): PersonAction | undefined => {
      const publication = participant.getPublication(source);
      const icon = source === 'screen_share' ? 'screen' : source;
      if (publication === undefined) return undefined;
      if (!publication.muted) {
        const off = icon === 'screen' ? 'screen-off' : (`${icon}-off` as const);
        return { id: `mute-${icon}`, icon: off, words: words.mute[icon], act: () => moderation.mute(publication) };
      }
      const act = () => moderation.askToUnmute(publication);
      return { id: `ask-${icon}`, icon, words: words.ask[icon], act };
    }),
    participant.hand === undefined
      ? undefined
      : { id: 'lower-hand', icon: 'hand', words: words.lowerHand, act: () => moderation.lowerHand(participant) },
    role === 'moderator'
      ? { id: 'demote', icon: 'people', words: words.demote, act: () => moderation.setRole(participant, 'participant') }
      : { id: 'promote', icon: 'people', words: words.promote, act: () => moderation.setRole(participant, 'moderator') },
    {
      id: 'remove',
      icon: 'remove',
      words: words.remove,
      question: { heading: words.removeHeading(name), words: words.removeWords(name), yes: words.removeYes },
      act: () => moderation.remove(participant),
    },
  ];
  return actions.filter((action) => action !== undefined);
}

/** Everybody in the order of the list: raised hands first, the earliest first; then as they came, we before all. */
export function inOrder(room: Room): Participant[] {
  const everybody: Participant[] = [room.localParticipant, ...room.remoteParticipants.values()];
  // Without a hand all are equal, and a sort keeps the order of equals.
  const place = ({ hand }: Participant): number => hand ?? Number.MAX_SAFE_INTEGER;
  return everybody.sort((a, b) => place(a) - place(b));
}
