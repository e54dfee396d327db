/** How loudness is drawn: ears hear in decibels, so meters show decibels. */

/** Below this a meter shows nothing: room noise. In decibels of full scale. */
const FLOOR = -58;
/** Here a meter is full: a loud voice close by. */
const CEILING = -14;

/** A level (root mean square, 0 to 1) as a place on a meter, 0 to 1. */
export function meterPlace(level: number): number {
  if (level <= 0) return 0;
  const decibels = 20 * Math.log10(level);
  return Math.min(1, Math.max(0, (decibels - FLOOR) / (CEILING - FLOOR)));
}
