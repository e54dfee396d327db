/** What happens in a room, as sentences for a screen reader and for a toast. */
import type { ChatMessage, Participant } from '@oriel/client';
import type { Texts } from '../texts/texts.ts';

type Words = Texts['news'];

/** Letters of a chat message that are read out; the panel has the rest. */
const READ_OUT = 160;

/** A chat message in one line. */
export function chatNews(message: ChatMessage, words: Words): string {
  const text = message.text.replace(/\s+/gu, ' ').trim();
  const short = text.length > READ_OUT ? `${text.slice(0, READ_OUT)}…` : text;
  return message.to === undefined ? words.said(message.name, short) : words.saidToYou(message.name, short);
}

/** Somebody came or went. */
export function presenceNews(participant: Participant, came: boolean, words: Words): string {
  return came ? words.joined(participant.name) : words.left(participant.name);
}

/** A screen is shared, or no longer. */
export function screenNews(participant: Participant, shared: boolean, words: Words): string {
  return shared ? words.shares(participant.name) : words.stopped(participant.name);
}

/** A hand went up. */
export function handNews(participant: Participant, words: Words): string {
  return participant.isLocal ? words.ownHand : words.hand(participant.name);
}
