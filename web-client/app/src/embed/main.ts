/**
 * The page `/embed/ROOM`: a room for a frame. With `#driven` the page around it drives it by `<oriel-room>`; without, it
 * goes by what the address says: as attributes in the query, `ticket` and `token` behind the `#`, where no server sees them.
 */
import { showFramed } from '@oriel/elements/framed';
import '@oriel/elements/room-view';
import { spoken, wanted } from '@oriel/elements/styles';
import { roomLink } from '../route.ts';

const DRIVEN = '#driven';

/** Fills `page` with the room. */
export async function showEmbedded(page: HTMLElement, name: string): Promise<void> {
  document.title = `${name} · Oriel`;
  page.classList.add('fills');
  if (location.hash === DRIVEN) {
    showFramed(page);
    return;
  }
  const flags = new URLSearchParams(location.search);
  const secrets = new URLSearchParams(location.hash.slice(1));
  // Used up, or not for whoever is shown the address.
  history.replaceState(null, '', location.pathname + location.search);
  const view = document.createElement('oriel-room-view');
  view.roomName = name;
  view.link = roomLink(location.origin, name);
  view.ticket = secrets.get('ticket') ?? '';
  view.token = secrets.get('token') ?? '';
  view.embedder = embedder();
  view.name = flags.get('name') ?? '';
  view.microphone = flags.get('microphone') ?? '';
  view.camera = flags.get('camera') ?? '';
  view.lang = spoken(wanted());
  document.documentElement.lang = view.lang;
  view.relay = flags.has('relay');
  const theme = flags.get('theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset['theme'] = theme;
  page.append(view);
  await view.updateComplete;
  if (flags.get('prejoin') === 'off') await view.joinAtOnce();
}

/** The origin of the page around this one, as far as the browser tells it without being asked by that page. */
function embedder(): string {
  if (window.parent === window) return '';
  const [origin] = location.ancestorOrigins ?? [];
  if (origin !== undefined) return origin;
  return document.referrer === '' ? '' : new URL(document.referrer).origin;
}
