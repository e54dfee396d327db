/** Bytes, percents and times in the reader's language. */

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** "1.5 MB", with decimal prefixes as the units of `Intl` have them. */
export function bytesInWords(bytes: number, language: string): string {
  let [value, unit] = [bytes, 0];
  for (; value >= 1000 && unit < UNITS.length - 1; unit += 1) value /= 1000;
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return new Intl.NumberFormat(language, { style: 'unit', unit: UNITS[unit]!, unitDisplay: unit === 0 ? 'long' : 'short', maximumFractionDigits: digits }).format(value);
}

/** "2 min", for seconds: the largest unit that makes sense. */
export function secondsInWords(seconds: number, language: string): string {
  const [value, unit] = seconds < 60 ? [seconds, 'second'] : seconds < 3600 ? [seconds / 60, 'minute'] : [seconds / 3600, 'hour'];
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 0 }).format(Math.max(1, Math.round(value)));
}

/** 0 to 100, and 100 only when all is there. */
export function percentOf(bytes: number, total: number): number {
  return total === 0 || bytes >= total ? 100 : Math.floor((100 * bytes) / total);
}
