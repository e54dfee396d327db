/**
 * Where tiles go: pure arithmetic on lengths in CSS pixels.
 *
 * Tiles of one page are all of one size. Their shape gives within limits, so that a phone held upright
 * is filled as well as a wide screen.
 */

/** The widest a tile gets: width by height, as cameras see. */
const WIDEST = 16 / 9;
/** The most upright it gets in a wide box: more would cut off who sits beside whom. */
const NARROWEST_IN_WIDE = 4 / 3;
/** The most upright it gets in an upright box, where a face has to do. */
const NARROWEST_IN_UPRIGHT = 3 / 4;

/** A box to fill. */
export interface Box {
  readonly width: number;
  readonly height: number;
}

/** How a page of tiles is laid out. */
export interface GridLayout {
  readonly columns: number;
  readonly rows: number;
  /** The size of each tile. */
  readonly tile: Box;
}

/**
 * The layout in which `count` tiles, `gap` apart, cover most of `box`. Of layouts that cover the
 * same, the one with fewer empty cells wins, then the one with fewer columns.
 */
export function gridLayout(box: Box, count: number, gap: number): GridLayout {
  let best: GridLayout = { columns: 1, rows: Math.max(1, count), tile: { width: 0, height: 0 } };
  let bestScore = -1;
  const narrowest = box.width > box.height ? NARROWEST_IN_WIDE : NARROWEST_IN_UPRIGHT;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const cell = {
      width: (box.width - gap * (columns - 1)) / columns,
      height: (box.height - gap * (rows - 1)) / rows,
    };
    if (cell.width <= 0 || cell.height <= 0) continue;
    const tile = fit(cell, narrowest);
    const empty = columns * rows - count;
    // An empty cell looks worse than slightly smaller tiles.
    const score = tile.width * tile.height * (1 - (0.12 * empty) / count);
    if (score > bestScore * 1.001) {
      best = { columns, rows, tile };
      bestScore = score;
    }
  }
  return best;
}

/** The largest tile inside a cell. */
function fit(cell: Box, narrowest: number): Box {
  const shape = cell.width / cell.height;
  if (shape > WIDEST) return { width: Math.floor(cell.height * WIDEST), height: Math.floor(cell.height) };
  if (shape < narrowest) return { width: Math.floor(cell.width), height: Math.floor(cell.width / narrowest) };
  return { width: Math.floor(cell.width), height: Math.floor(cell.height) };
}

/** How many tiles one page holds: 9, 16 or 25, so that a face stays about a thumb wide. */
export function pageSize(box: Box): number {
  const area = box.width * box.height;
  if (box.width < 640 || area < 420_000) return 9;
  return area < 1_100_000 ? 16 : 25;
}

/** How many pages hold `count` tiles; one at least. */
export function pageCount(count: number, size: number): number {
  return Math.max(1, Math.ceil(count / size));
}

/** Whether the people beside a stage stand at its side or below it. */
export function stripSide(box: Box): 'right' | 'bottom' {
  return box.width / box.height > 1.25 ? 'right' : 'bottom';
}
