import { beforeEach, describe, expect, it } from 'vitest';
import { FakeRoom } from '../testing/fake-room.ts';
import { find, findAll, mount, settle } from '../testing/mount.ts';
import './grid.ts';

describe('oriel-grid', () => {
  let room: FakeRoom;

  beforeEach(() => {
    room = new FakeRoom();
  });

  const show = () => mount(document.createElement('oriel-grid'), { room: room.asRoom });
  const ids = (grid: Parameters<typeof findAll>[0]) =>
    findAll(grid, '[data-testid="tile"]').map((tile) => tile.dataset['participant']);

  it('has a tile for everybody and follows who comes and goes', async () => {
    room.enter('p1', 'Grace');
    const grid = await show();
    expect(ids(grid)).toEqual(['me', 'p1']);
    room.enter('p2', 'Alan');
    room.exit('p1');
    await settle(grid);
    expect(ids(grid)).toEqual(['me', 'p2']);
  });

  it('turns pages when there are too many', async () => {
    for (let index = 1; index <= 12; index += 1) room.enter(`p${index}`, `Guest ${index}`);
    const grid = await show();
    expect(ids(grid)).toHaveLength(9);
    find(grid, '[aria-label="More people"]').click();
    await settle(grid);
    expect(ids(grid)).toEqual(['p9', 'p10', 'p11', 'p12']);
    expect(find<HTMLButtonElement>(grid, '[aria-label="More people"]').disabled).toBe(true);
  });

  it('comes back from a page that has emptied', async () => {
    for (let index = 1; index <= 9; index += 1) room.enter(`p${index}`, `Guest ${index}`);
    const grid = await show();
    find(grid, '[aria-label="More people"]').click();
    await settle(grid);
    room.exit('p9');
    await settle(grid);
    expect(ids(grid)).toHaveLength(9);
  });

  it('gives a shared screen the stage, and takes it back', async () => {
    const grace = room.enter('p1', 'Grace');
    const grid = await show();
    grace.set('screen_share', true);
    room.tell('trackPublished', {} as never, grace as never);
    await settle(grid);
    expect(find(grid, '[part="stage"]').dataset['participant']).toBe('p1');
    expect(ids(grid)).toEqual(['me', 'p1']);

    find(grid, '[part="stage"]').dispatchEvent(new CustomEvent('oriel-pin'));
    await settle(grid);
    expect(findAll(grid, '[part="stage"]')).toHaveLength(0);
    expect(findAll(grid, '[data-testid="screen"]')).toHaveLength(1);
  });

  it('shows who was pinned large', async () => {
    room.enter('p1', 'Grace');
    const grid = await show();
    find(grid, '[data-participant="p1"]').dispatchEvent(new CustomEvent('oriel-pin'));
    await settle(grid);
    expect(find(grid, '[part="stage"]').dataset['participant']).toBe('p1');
    room.exit('p1');
    await settle(grid);
    expect(findAll(grid, '[part="stage"]')).toHaveLength(0);
  });
});
