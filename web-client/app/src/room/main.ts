/** The page `/r/ROOM`: one `<oriel-room>` that fills the window. */
import '@oriel/elements';
import { rememberRoom } from '../recent-rooms.ts';
import { roomLink } from '../route.ts';

/** Fills `page` with the room. */
export function showRoom(page: HTMLElement, name: string): void {
  document.title = `${name} · Oriel`;
  page.classList.add('fills');
  const room = document.createElement('oriel-room');
  room.roomName = name;
  room.link = roomLink(location.origin, name);
  room.append(homeLink());
  room.addEventListener('oriel-joined', () => rememberRoom(localStorage, name, Date.now()));
  page.append(room);
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
