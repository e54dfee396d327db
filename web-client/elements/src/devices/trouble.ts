/** Says in clear words why a microphone, camera or screen is not there, and what to do about it. */
import type { ErrorCode, OrielError } from '@oriel/client';

/** What was asked for. */
export type Device = 'microphone' | 'camera' | 'screen';

/** Words for people: what is wrong, and what they can do. */
export interface Trouble {
  readonly title: string;
  readonly advice: string;
}

/** How devices are spoken of. */
interface Nouns {
  /** "the camera". */
  readonly the: string;
  /** After "no". */
  readonly no: string;
  /** After "a". */
  readonly one: string;
  readonly is: 'is' | 'are';
}

const NOUNS: Readonly<Record<Device | 'both', Nouns>> = {
  microphone: { the: 'microphone', no: 'microphone', one: 'microphone', is: 'is' },
  camera: { the: 'camera', no: 'camera', one: 'camera', is: 'is' },
  screen: { the: 'screen', no: 'screen', one: 'screen', is: 'is' },
  both: { the: 'camera and microphone', no: 'camera or microphone', one: 'camera or microphone', is: 'are' },
};

/** What keeps camera and microphone away for one and the same reason. */
const COMMON: ReadonlySet<string> = new Set<ErrorCode>([
  'media_denied',
  'media_missing',
  'media_insecure_context',
  'media_blocked_by_policy',
  'unsupported',
]);

/** The words for an error met while opening a device. `host` is the page's, with its port. */
export function deviceTrouble(device: Device, error: unknown, host: string): Trouble {
  return describe(device, read(error), host);
}

/** One trouble for both, if camera and microphone failed for the same reason. */
export function commonTrouble(camera: unknown, microphone: unknown, host: string): Trouble | undefined {
  const [first, second] = [read(camera), read(microphone)];
  return first.code === second.code && COMMON.has(first.code) ? describe('both', first, host) : undefined;
}

/** Whether nothing is wrong: somebody closed the browser's choice of screens. */
export function isCancelled(device: Device, error: unknown): boolean {
  const failure = read(error);
  return device === 'screen' && failure.code === 'media_denied' && !isOfSystem(failure);
}

function describe(device: Device | 'both', failure: Failure, host: string): Trouble {
  const { the, no, one, is } = NOUNS[device];
  switch (failure.code) {
    case 'media_denied':
      return refused(device, failure);
    case 'media_missing':
      return {
        title: `No ${no} found`,
        advice: `Plug one in, or check that it is not switched off. You can take part without a ${one}.`,
      };
    case 'media_in_use':
      return {
        title: `The ${the} ${is} in use or does not start`,
        advice: `Close other programs and tabs that use the ${the}, then try again.`,
      };
    case 'media_insecure_context':
      return {
        title: `This page is not secure, so the browser gives it no ${no}`,
        advice: `Open https://${host} instead. If that does not answer, whoever runs this server can switch on TLS. You can take part without a ${one}.`,
      };
    case 'media_blocked_by_policy':
      return {
        title: `The page around this room keeps the ${the} from it`,
        advice:
          'Its frame needs allow="camera; microphone; display-capture", and no Permissions-Policy header may forbid them.',
      };
    case 'media_unsuitable':
      return { title: `The chosen ${the} cannot be used`, advice: `Choose another ${one}.` };
    case 'media_ended':
      return device === 'screen'
        ? { title: 'The screen share has ended', advice: 'Share again whenever you like.' }
        : { title: `The ${the} was unplugged or switched off`, advice: `Plug it in again or choose another ${one}.` };
    case 'unsupported':
      return {
        title: `This browser cannot use a ${one} here`,
        advice: 'Try a current Chrome, Edge, Firefox or Safari.',
      };
    default:
      return {
        title: `The ${the} does not work`,
        advice: failure.hint === '' ? failure.message : `${failure.message} ${failure.hint}`,
      };
  }
}

function refused(device: Device | 'both', failure: Failure): Trouble {
  const { the, is } = NOUNS[device];
  if (device === 'screen') {
    return {
      title: 'The screen is not shared',
      advice:
        'If you did not cancel it yourself, allow screen recording for this browser in the settings of your computer.',
    };
  }
  if (isOfSystem(failure)) {
    return {
      title: `Your computer keeps the ${the} from this browser`,
      advice: `Allow the ${the} for this browser in the privacy settings of your computer, then try again.`,
    };
  }
  return {
    title: `The ${the} ${is} not allowed`,
    advice: `Click the icon at the left of the address bar, allow the ${the} there, then try again.`,
  };
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** What the browser itself said. */
  readonly reason: string;
}

function isOfSystem(failure: Failure): boolean {
  return /\bsystem\b/iu.test(failure.reason);
}

function read(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: '', message: String(error), hint: '', reason: '' };
  const { code = '', hint = '' } = error as Partial<OrielError>;
  const cause = error.cause;
  const reason = cause instanceof Error || cause instanceof DOMException ? cause.message : error.message;
  return { code, message: error.message, hint, reason };
}
