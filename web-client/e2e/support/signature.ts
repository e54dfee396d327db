/**
 * What tells one test participant from another: a colour on its camera and a tone on its microphone.
 * A receiver that decodes both has got that participant's media and nobody else's.
 */
export interface Signature {
  /** The participant's display name. */
  readonly name: string;
  /** Fills the camera's picture: red, green, blue from 0 to 255. */
  readonly colour: readonly [red: number, green: number, blue: number];
  /** The microphone's tone in hertz. */
  readonly tone: number;
}

/** Far apart in colour; no tone is a harmonic of another. */
export const SIGNATURES = {
  rose: { name: 'Rose', colour: [215, 40, 50], tone: 440 },
  olive: { name: 'Olive', colour: [40, 165, 60], tone: 620 },
  violet: { name: 'Violet', colour: [60, 70, 220], tone: 830 },
  amber: { name: 'Amber', colour: [225, 190, 40], tone: 1010 },
  teal: { name: 'Teal', colour: [40, 190, 200], tone: 1290 },
} as const satisfies Record<string, Signature>;

/** Taking BT.601 for BT.709, as receivers without the color-space header extension do, moves a channel by up to 31. */
const COLOUR_TOLERANCE = 40;

/** Half the distance of the closest two tones is 80; a peak is read to within a few hertz. */
const TONE_TOLERANCE = 12;

/** The name of the participant whose colour this is, or the colour itself when it is nobody's. */
export function nameOfColour(colour: readonly number[] | undefined): string {
  if (colour === undefined) return 'no picture';
  const owner = Object.values(SIGNATURES).find((signature) =>
    signature.colour.every((value, channel) => Math.abs(value - (colour[channel] ?? -255)) <= COLOUR_TOLERANCE),
  );
  return owner?.name ?? `rgb(${colour.join(', ')})`;
}

/** The name of the participant whose tone this is, or the frequency itself when it is nobody's. */
export function nameOfTone(frequency: number | undefined): string {
  if (frequency === undefined) return 'silence';
  const owner = Object.values(SIGNATURES).find((signature) => Math.abs(signature.tone - frequency) <= TONE_TOLERANCE);
  return owner?.name ?? `${frequency.toFixed(0)} Hz`;
}
