/** By which way the page is in its room: the best one, or the one in the address, to compare them. */
import type { JoinOptions } from '@oriel/client';

export const WAYS = ['best', 'webtransport', 'channel', 'websocket'] as const;
export type Way = (typeof WAYS)[number];

/** What `?way=` says. */
export function wayOf(query: string): Way {
  const wanted = new URLSearchParams(query).get('way');
  return WAYS.find((way) => way === wanted) ?? 'best';
}

/** How the room is joined for that. */
export function joinBy(way: Way): Pick<JoinOptions, 'transports' | 'media'> {
  switch (way) {
    case 'best':
      return { transports: ['webtransport', 'websocket', 'http'] };
    case 'webtransport':
      return { transports: ['webtransport'], media: false };
    case 'channel':
      return { transports: ['websocket', 'http'] };
    case 'websocket':
      return { transports: ['websocket'], media: false };
  }
}
