/** Shows the page that the address means. Each page is loaded when it is needed. */
import { routeOf } from './route.ts';

const route = routeOf(location.pathname, location.search);
const page = document.querySelector<HTMLElement>('#page');

if (page !== null) {
  page.replaceChildren();
  if (route.page === 'room') {
    const { showRoom } = await import('./room/main.ts');
    await showRoom(page, route.room, route.relay);
  } else if (route.page === 'embed') {
    const { showEmbedded } = await import('./embed/main.ts');
    await showEmbedded(page, route.room);
  } else if (route.page === 'embed-demo') {
    const { showDemo } = await import('./embed-demo/main.ts');
    await showDemo(page);
  } else if (route.page === 'drop') {
    const { showDrop } = await import('./drop/main.ts');
    await showDrop(page);
  } else if (route.page === 'cursors') {
    const { showCursors } = await import('./cursors/main.ts');
    await showCursors(page);
  } else if (route.page === 'status') {
    const { showStatus } = await import('./status/main.ts');
    await showStatus(page);
  } else {
    const { showHome } = await import('./home/main.ts');
    await showHome(page, route.unknown);
  }
}
