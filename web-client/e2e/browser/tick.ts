/**
 * A clock in the picture: the foot of every frame shows, as dark and light cells, how many ticks have
 * passed. A reader that sees it move watches live video and not the last frame of a dead stream.
 */
const CELLS = 6;
const TICK_MILLISECONDS = 250;
const FOOT = 0.25;

/** Paints the present tick over the foot of the canvas. */
export function paintTick(context: CanvasRenderingContext2D): void {
  const { width, height } = context.canvas;
  const tick = Math.floor(performance.now() / TICK_MILLISECONDS);
  for (let cell = 0; cell < CELLS; cell++) {
    context.fillStyle = (tick >> cell) & 1 ? 'white' : 'black';
    const left = Math.round((cell * width) / CELLS);
    context.fillRect(left, height * (1 - FOOT), Math.round(((cell + 1) * width) / CELLS) - left, height * FOOT);
  }
}

/** Reads the tick from a picture. */
export function readTick(context: CanvasRenderingContext2D): number {
  const { width, height } = context.canvas;
  let tick = 0;
  for (let cell = 0; cell < CELLS; cell++) {
    const x = Math.floor(((cell + 0.5) * width) / CELLS);
    const y = Math.floor(height * (1 - FOOT / 2));
    const [red = 0, green = 0, blue = 0] = context.getImageData(x, y, 1, 1).data;
    if (red + green + blue > 384) tick |= 1 << cell;
  }
  return tick;
}
