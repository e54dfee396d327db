/** What a service worker that makes downloads is told, and what it says. */
import type { Bytes } from '../bytes.ts';

/** From a page, with a port: what is asked for at that path, once, is what the port gives. */
export interface Announcement {
  readonly path: string;
}

/** The first that the port gives: under which name the browser stores it, and how many bytes it will be. */
export interface Head {
  readonly name: string;
  readonly size: number;
}

/** What the port gives: its head, its bytes, and that these were all, or that nothing more will come. */
export type Given = Head | Bytes | 'end' | 'failed';

/** What the port hears: the browser asks for it; it has taken the bytes of one message; the person has stopped it. */
export type Heard = 'begun' | 'taken' | 'stopped';
