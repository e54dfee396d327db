/** The page `/r/ROOM`: one `<oriel-room-view>` that fills the window. */
import '@oriel/elements/room-view';
import { mark } from '@oriel/elements/styles';
import { html, render } from 'lit';
import { rememberRoom } from '../recent-rooms.ts';
import { roomLink } from '../route.ts';
import { transportsOf } from './transports.ts';

/** Fills `page` with the room. */
export function showRoom(page: HTMLElement, name: string, relay: boolean): void {
  document.title = `${name} · Oriel`;
  page.classList.add('fills');
  const room = document.createElement('oriel-room-view');
  room.roomName = name;
  room.relay = relay;
  room.transports = transportsOf(location.search);
  room.link = roomLink(location.origin, name);
  room.append(brandLink(), homeLink());
  room.addEventListener('oriel-joined', () => rememberRoom(localStorage, name, Date.now()));
  page.append(room);
}

/** Our name at the door, leading home. */
function brandLink(): HTMLElement {
  const link = document.createElement('a');
  link.slot = 'door-header';
  link.className = 'brand';
  link.href = '/';
  render(html`${mark()} Oriel`, link);
  return link;
}

/** The way out, shown after leaving. */
function homeLink(): HTMLElement {
  const link = document.createElement('a');
  link.slot = 'left-actions';
  link.className = 'home';
  link.href = '/';
  link.textContent = 'Back to the start page';
  return link;
}
