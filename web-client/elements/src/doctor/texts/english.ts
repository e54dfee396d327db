/** What the permission doctor says, in English. Other languages have the same keys. */
import type { Cause } from '../judge.ts';

/** How devices are spoken of. */
export interface Nouns {
  /** "the camera". */
  readonly the: string;
  /** After "no". */
  readonly no: string;
  /** After "a". */
  readonly one: string;
  readonly is: string;
}

/** What sentences are made of. */
export interface Filling extends Nouns {
  /** The page's host, with its port. */
  readonly host: string;
  /** What an error said itself. */
  readonly said: string;
}

/** Title and advice. */
export type Sentence = (filling: Filling) => readonly [title: string, advice: string];

export interface Texts {
  readonly nouns: Readonly<Record<'microphone' | 'camera' | 'screen' | 'both', Nouns>>;
  readonly causes: Readonly<Record<Cause, Sentence>>;
  /** Where a screen is spoken of in another way. */
  readonly screen: Readonly<Partial<Record<Cause, Sentence>>>;
}

export const english: Texts = {
  nouns: {
    microphone: { the: 'microphone', no: 'microphone', one: 'microphone', is: 'is' },
    camera: { the: 'camera', no: 'camera', one: 'camera', is: 'is' },
    screen: { the: 'screen', no: 'screen', one: 'screen', is: 'is' },
    both: { the: 'camera and microphone', no: 'camera or microphone', one: 'camera or microphone', is: 'are' },
  },
  causes: {
    none: ({ the }) => [`Nothing keeps the ${the} away`, 'The browser may still ask before it is used.'],
    insecure: ({ no, one, host }) => [
      `This page is not secure, so the browser gives it no ${no}`,
      `Open https://${host} instead. If that does not answer, whoever runs this server can switch on TLS. You can take part without a ${one}.`,
    ],
    unsupported: ({ one }) => [`This browser cannot use a ${one} here`, 'Try a current Chrome, Edge, Firefox or Safari.'],
    header: ({ the, host }) => [
      `This page’s own Permissions-Policy header forbids the ${the}`,
      `Whoever runs ${host} can change the header to:`,
    ],
    'header-around': ({ the }) => [
      `The page around this room forbids the ${the}, by its Permissions-Policy header`,
      'Whoever runs that page can change the header to:',
    ],
    allow: ({ the }) => [
      `The page around this room keeps the ${the} from it`,
      'No Permissions-Policy header may forbid it there, and the frame needs:',
    ],
    unclear: ({ the, is }) => [
      `The ${the} ${is} not allowed in this frame`,
      'Look at the icon at the left of the address bar. If it is allowed there, the page around this room has to let it, too:',
    ],
    browser: ({ the, is, host }) => [
      `The ${the} ${is} not allowed`,
      `Click the icon at the left of the address bar, allow the ${the} for ${host} there, then try again.`,
    ],
    dismissed: ({ the }) => [
      `The browser asked for the ${the} and got no answer`,
      'Try again, and choose “Allow” when it asks.',
    ],
    system: ({ the }) => [
      `Your computer keeps the ${the} from this browser`,
      `Allow the ${the} for this browser in the privacy settings of your computer, then try again.`,
    ],
    missing: ({ no, one }) => [
      `No ${no} found`,
      `Plug one in, or check that it is not switched off. You can take part without a ${one}.`,
    ],
    'in-use': ({ the, is }) => [
      `The ${the} ${is} in use or does not start`,
      `Close other programs and tabs that use the ${the}, then try again.`,
    ],
    unsuitable: ({ the, one }) => [`The chosen ${the} cannot be used`, `Choose another ${one}.`],
    ended: ({ the, one }) => [`The ${the} was unplugged or switched off`, `Plug it in again or choose another ${one}.`],
    other: ({ the, said }) => [`The ${the} does not work`, said],
  },
  screen: {
    browser: () => [
      'The screen is not shared',
      'If you did not cancel it yourself, allow screen recording for this browser in the settings of your computer.',
    ],
    system: () => [
      'The screen is not shared',
      'If you did not cancel it yourself, allow screen recording for this browser in the settings of your computer.',
    ],
    ended: () => ['The screen share has ended', 'Share again whenever you like.'],
  },
};
