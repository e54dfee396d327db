/** Says in clear words why a microphone, camera or screen is not there, and what to do about it. */
import type { OrielError } from '@oriel/client';

/** What was asked for. */
export type Device = 'microphone' | 'camera' | 'screen';

/** Words for people: what is wrong, and what they can do. */
export interface Trouble {
  readonly title: string;
  readonly advice: string;
}

/** The words for an error met while opening a device. `host` is the page's, with its port. */
export function deviceTrouble(device: Device, error: unknown, host: string): Trouble {
  const failure = read(error);
  switch (failure.code) {
    case 'media_denied':
      return refused(device, failure);
    case 'media_missing':
      return {
        title: `No ${device} found`,
        advice: `Plug one in, or check that it is not switched off. You can take part without a ${device}.`,
      };
    case 'media_in_use':
      return {
        title: `The ${device} is in use or does not start`,
        advice: `Close other programs and tabs that use the ${device}, then try again.`,
      };
    case 'media_insecure_context':
      return {
        title: `This page is not secure, so the browser gives it no ${device}`,
        advice: `Open https://${host} instead. If that does not answer, whoever runs this server can switch on TLS. You can take part without a ${device}.`,
      };
    case 'media_blocked_by_policy':
      return {
        title: `The page around this room keeps the ${device} from it`,
        advice:
          'Its frame needs allow="camera; microphone; display-capture", and no Permissions-Policy header may forbid them.',
      };
    case 'media_unsuitable':
      return { title: `The chosen ${device} is not there any more`, advice: `Choose another ${device}.` };
    case 'media_ended':
      return {
        title: device === 'screen' ? 'The screen share has ended' : `The ${device} was unplugged or switched off`,
        advice: device === 'screen' ? 'Share again whenever you like.' : `Plug it in again or choose another ${device}.`,
      };
    case 'unsupported':
      return {
        title: `This browser cannot use a ${device} here`,
        advice: 'Try a current Chrome, Edge, Firefox or Safari.',
      };
    default:
      return {
        title: `The ${device} does not work`,
        advice: failure.hint === '' ? failure.message : `${failure.message} ${failure.hint}`,
      };
  }
}

/** Whether nothing is wrong: somebody closed the browser's choice of screens. */
export function isCancelled(device: Device, error: unknown): boolean {
  const { code, reason } = read(error);
  return device === 'screen' && code === 'media_denied' && !/\bsystem\b/iu.test(reason);
}

function refused(device: Device, failure: Failure): Trouble {
  if (device === 'screen') {
    return {
      title: 'The screen is not shared',
      advice:
        'If you did not cancel it yourself, allow screen recording for this browser in the settings of your computer.',
    };
  }
  if (/\bsystem\b/iu.test(failure.reason)) {
    return {
      title: `Your computer keeps the ${device} from this browser`,
      advice: `Allow the ${device} for this browser in the privacy settings of your computer, then try again.`,
    };
  }
  return {
    title: `The ${device} is not allowed`,
    advice: `Click the icon at the left of the address bar, allow the ${device} there, then try again.`,
  };
}

interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** What the browser itself said. */
  readonly reason: string;
}

function read(error: unknown): Failure {
  if (!(error instanceof Error)) return { code: '', message: String(error), hint: '', reason: '' };
  const { code = '', hint = '' } = error as Partial<OrielError>;
  const cause = error.cause;
  const reason = cause instanceof Error || cause instanceof DOMException ? cause.message : error.message;
  return { code, message: error.message, hint, reason };
}
