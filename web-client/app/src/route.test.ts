import { describe, expect, it } from 'vitest';
import { roomLink, routeOf } from './route.ts';

describe('routeOf', () => {
  it.each([
    ['/', { page: 'home', unknown: false }],
    ['/r/tea', { page: 'room', room: 'tea', relay: false }],
    ['/r/tea/', { page: 'room', room: 'tea', relay: false }],
    ['/r/Team%2ESync', { page: 'room', room: 'Team.Sync', relay: false }],
    ['/drop', { page: 'drop' }],
    ['/demo/cursors', { page: 'cursors' }],
    ['/demo', { page: 'home', unknown: true }],
    ['/drop/', { page: 'home', unknown: true }],
    ['/r/', { page: 'home', unknown: true }],
    ['/r/a%20b', { page: 'home', unknown: true }],
    ['/r/%E0%A4', { page: 'home', unknown: true }],
    ['/elsewhere', { page: 'home', unknown: true }],
  ])('%j', (path, route) => {
    expect(routeOf(path)).toEqual(route);
  });

  it('leads back from the link it makes', () => {
    const link = new URL(roomLink('https://rooms.example', 'Team.Sync_1'));
    expect(routeOf(link.pathname)).toEqual({ page: 'room', room: 'Team.Sync_1', relay: false });
  });

  it('takes the wish for a relay', () => {
    expect(routeOf('/r/tea', '?relay')).toEqual({ page: 'room', room: 'tea', relay: true });
    expect(routeOf('/status')).toEqual({ page: 'status' });
    expect(routeOf('/', '?relay')).toEqual({ page: 'home', unknown: false });
  });
});
