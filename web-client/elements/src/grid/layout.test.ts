import { describe, expect, it } from 'vitest';
import { gridLayout, pageCount, pageSize, stripSide } from './layout.ts';

const desktop = { width: 1280, height: 680 };
const phone = { width: 374, height: 640 };
const gap = 8;

describe('gridLayout', () => {
  it.each([
    [desktop, 1, 1, 1],
    [desktop, 2, 2, 1],
    [desktop, 3, 2, 2],
    [desktop, 4, 2, 2],
    [desktop, 6, 3, 2],
    [desktop, 9, 3, 3],
    [desktop, 16, 4, 4],
    [desktop, 25, 5, 5],
    [phone, 1, 1, 1],
    [phone, 2, 1, 2],
    [phone, 4, 2, 2],
    [phone, 6, 2, 3],
    [{ width: 844, height: 300 }, 2, 2, 1],
    [{ width: 844, height: 300 }, 3, 3, 1],
  ])('in %j, %i tiles stand in %i columns and %i rows', (box, count, columns, rows) => {
    expect(gridLayout(box, count, gap)).toMatchObject({ columns, rows });
  });

  it('never lets tiles stick out, whatever the box and the count', () => {
    for (let count = 1; count <= 25; count += 1) {
      for (const box of [desktop, phone, { width: 200, height: 900 }, { width: 1900, height: 240 }]) {
        const { columns, rows, tile } = gridLayout(box, count, gap);
        expect(columns * rows).toBeGreaterThanOrEqual(count);
        expect(tile.width * columns + gap * (columns - 1)).toBeLessThanOrEqual(box.width);
        expect(tile.height * rows + gap * (rows - 1)).toBeLessThanOrEqual(box.height);
        expect(tile.width).toBeGreaterThan(0);
      }
    }
  });

  it('keeps tiles between upright and widescreen', () => {
    for (const box of [desktop, phone, { width: 200, height: 900 }, { width: 1900, height: 240 }]) {
      const { tile } = gridLayout(box, 3, gap);
      expect(tile.width / tile.height).toBeGreaterThan(0.74);
      expect(tile.width / tile.height).toBeLessThan(1.79);
    }
  });

  it('answers for a box that has no room yet', () => {
    expect(gridLayout({ width: 0, height: 0 }, 3, gap).tile).toEqual({ width: 0, height: 0 });
  });
});

describe('pages', () => {
  it('hold more tiles on larger screens', () => {
    expect(pageSize(phone)).toBe(9);
    expect(pageSize(desktop)).toBe(16);
    expect(pageSize({ width: 1880, height: 900 })).toBe(25);
  });

  it('are as many as needed and never none', () => {
    expect(pageCount(0, 9)).toBe(1);
    expect(pageCount(9, 9)).toBe(1);
    expect(pageCount(10, 9)).toBe(2);
  });
});

describe('stripSide', () => {
  it('puts people beside a wide stage and below an upright one', () => {
    expect(stripSide(desktop)).toBe('right');
    expect(stripSide(phone)).toBe('bottom');
  });
});
