/** Numbers for people: short, and never wider than a tile. */

const BITS = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s'];
const BYTES = ['B', 'kB', 'MB', 'GB'];

function scaled(value: number, units: readonly string[]): string {
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export const bits = (perSecond: number): string => scaled(perSecond, BITS);

export const bytes = (count: number): string => scaled(count, BYTES);

/** Milliseconds as the largest unit that makes at least one. */
export function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86_400)} d`;
}
