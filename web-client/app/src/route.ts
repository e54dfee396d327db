/** Which page an address means. The server gives the same document for all of them. */
import { isRoomName } from './room-name.ts';

/** A page. */
export type Route =
  | { readonly page: 'home'; readonly unknown: boolean }
  | { readonly page: 'drop' }
  | { readonly page: 'status' }
  | { readonly page: 'embed-demo' }
  | { readonly page: 'cursors' }
  | { readonly page: 'embed'; readonly room: string }
  | { readonly page: 'room'; readonly room: string; readonly relay: boolean };

/** The page for a path. A path that means nothing leads home and is `unknown`. In a room `?relay` has media go by TURN only. */
export function routeOf(path: string, query = ''): Route {
  if (path === DROP_PATH) return { page: 'drop' };
  if (path === '/') return { page: 'home', unknown: false };
  if (path === '/status') return { page: 'status' };
  if (path === '/demo/cursors') return { page: 'cursors' };
  if (path === '/embed-demo') return { page: 'embed-demo' };
  const [, kind, encoded] = /^\/(r|embed)\/([^/]+)\/?$/u.exec(path) ?? [];
  const room = encoded === undefined ? undefined : decode(encoded);
  if (kind === 'embed' && room !== undefined && isRoomName(room)) return { page: 'embed', room };
  return room !== undefined && isRoomName(room) ? { page: 'room', room, relay: new URLSearchParams(query).has('relay') } : { page: 'home', unknown: true };
}

/** The path of the file drop. What is behind its `#` is nobody's business but the page's. */
export const DROP_PATH = '/drop';

/** The path of a room. */
export function roomPath(room: string): string {
  return `/r/${encodeURIComponent(room)}`;
}

/** The address that leads others to a room. */
export function roomLink(origin: string, room: string): string {
  return origin + roomPath(room);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
