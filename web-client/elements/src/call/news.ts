/** What happens in a room, as sentences for a screen reader and for a toast. */
import type { ChatMessage, Participant } from '@oriel/client';

/** Letters of a chat message that are read out; the panel has the rest. */
const READ_OUT = 160;

/** A chat message in one line. */
export function chatNews(message: ChatMessage): string {
  const text = message.text.replace(/\s+/gu, ' ').trim();
  const whom = message.to === undefined ? '' : ' (only for you)';
  return `${message.name}${whom}: ${text.length > READ_OUT ? `${text.slice(0, READ_OUT)}…` : text}`;
}

/** Somebody came or went. */
export function presenceNews(participant: Participant, came: boolean): string {
  return `${participant.name} ${came ? 'joined' : 'left'}`;
}

/** A screen is shared, or no longer. */
export function screenNews(participant: Participant, shared: boolean): string {
  return shared ? `${participant.name} shares the screen` : `${participant.name} stopped sharing the screen`;
}

/** A switch of our own was pressed by key, where no button says so. */
export function switchNews(name: string, on: boolean): string {
  return `${name} ${on ? 'on' : 'off'}`;
}

/** A hand went up. */
export function handNews(participant: Participant): string {
  return participant.isLocal ? 'Your hand is raised' : `${participant.name} raised a hand`;
}
