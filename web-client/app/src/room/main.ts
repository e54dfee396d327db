/** The page `/r/ROOM`: one `<oriel-room-view>` that fills the window. */
import '@oriel/elements/room-view';
import { mark, speak } from '@oriel/elements/styles';
import { html, render } from 'lit';
import { rememberRoom } from '../recent-rooms.ts';
import { roomLink } from '../route.ts';
import { inSameLanguage } from '../same-language.ts';
import { pageTexts } from './texts/texts.ts';
import { transportsOf } from './transports.ts';

/** Fills `page` with the room. */
export async function showRoom(page: HTMLElement, name: string, relay: boolean): Promise<void> {
  const { code, texts } = await speak(pageTexts);
  document.title = `${name} · Oriel`;
  page.classList.add('fills');
  const room = document.createElement('oriel-room-view');
  room.roomName = name;
  room.relay = relay;
  room.lang = code;
  room.transports = transportsOf(location.search);
  room.link = roomLink(location.origin, name);
  room.append(brandLink(), homeLink(texts.home));
  room.addEventListener('oriel-joined', () => rememberRoom(localStorage, name, Date.now()));
  page.append(room);
}

/** Our name at the door, leading home. */
function brandLink(): HTMLElement {
  const link = document.createElement('a');
  link.slot = 'door-header';
  link.className = 'brand';
  link.href = inSameLanguage('/');
  render(html`${mark()} Oriel`, link);
  return link;
}

/** The way out, shown after leaving. */
function homeLink(words: string): HTMLElement {
  const link = document.createElement('a');
  link.slot = 'left-actions';
  link.className = 'home';
  link.href = inSameLanguage('/');
  link.textContent = words;
  return link;
}
