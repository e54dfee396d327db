/** Says in clear words why a microphone, camera or screen is not there, who can change it, and how. */
import type { ErrorCode, OrielError } from '@oriel/client';
import type { Texts } from './texts/english.ts';

/** What was asked for. */
export type Device = 'microphone' | 'camera' | 'screen';

/** What keeps a device away. */
export type Cause =
  /** Nothing that could be seen. */
  | 'none'
  /** The page came over plain HTTP. */
  | 'insecure'
  | 'unsupported'
  /** The `Permissions-Policy` header of this very page. */
  | 'header'
  /** That of the page around the frame. */
  | 'header-around'
  /** The `allow` attribute of the frame. */
  | 'allow'
  /** Frame or browser: this one does not say which. */
  | 'unclear'
  /** The browser's setting for the site. */
  | 'browser'
  /** The browser's question was closed without an answer. */
  | 'dismissed'
  /** The computer's privacy settings. */
  | 'system'
  | 'missing'
  | 'in-use'
  | 'unsuitable'
  | 'ended'
  | 'other';

/** Words for people: what is wrong, what they can do, and what to put where, for who runs the page. */
export interface Words {
  readonly title: string;
  readonly advice: string;
  /** A header or an attribute, to be copied; empty where none helps. */
  readonly fix: string;
}

/** What can be seen from inside a page, without asking for a device. */
export interface Facts {
  /** The page's origin and host, with its port. */
  readonly origin: string;
  readonly host: string;
  readonly secure: boolean;
  readonly framed: boolean;
  /** Whether the browser has the interface at all. */
  readonly supported: boolean;
  /** Whether the policies of this page and those around it let it; `undefined` where the browser does not say. */
  readonly allowed: boolean | undefined;
  /** The page around the frame may not use it itself, as that page has told. */
  readonly forbiddenAround: boolean;
  /** What the person has said; `undefined` where the browser does not say. */
  readonly permission: PermissionState | undefined;
  /** Whether there is one; `undefined` where the browser does not say. */
  readonly present: boolean | undefined;
}

/** What keeps a device away, by what can be seen. */
export function causeByFacts(facts: Facts): Cause {
  if (!facts.supported) return facts.secure ? 'unsupported' : 'insecure';
  if (facts.allowed === false) return blockedBy(facts);
  if (facts.permission === 'denied') return 'browser';
  return facts.present === false ? 'missing' : 'none';
}

/** What has kept a device away, by the error that was met and by what can be seen. */
export function causeOf(error: unknown, facts: Facts): Cause {
  const failure = read(error);
  switch (failure.code) {
    case 'media_denied':
      if (isOfSystem(failure)) return 'system';
      if (facts.allowed === false) return blockedBy(facts);
      if (facts.permission === 'prompt') return 'dismissed';
      return facts.framed && facts.allowed === undefined ? 'unclear' : 'browser';
    case 'media_blocked_by_policy':
      return blockedBy(facts);
    default:
      return CAUSES[failure.code as ErrorCode] ?? 'other';
  }
}

/** The words for a cause. Those of `other` are the error's own. */
export function wordsFor(cause: Cause, device: Device | 'both', facts: Facts, texts: Texts, error?: unknown): Words {
  const nouns = texts.nouns[device];
  const { message, hint } = read(error);
  const text = device === 'screen' ? { ...texts.causes, ...texts.screen }[cause] : texts.causes[cause];
  const [title, advice] = text({ ...nouns, host: facts.host, said: [message, hint].filter((part) => part !== '').join(' ') });
  return { title, advice, fix: fixFor(cause, facts) };
}

/** Whether nothing is wrong: somebody closed the browser's choice of screens. */
export function isCancelled(device: Device, error: unknown): boolean {
  const failure = read(error);
  return device === 'screen' && failure.code === 'media_denied' && !isOfSystem(failure);
}

/** Whether camera and microphone, kept away for this, are spoken of at once. */
export function isShared(cause: Cause): boolean {
  return !['in-use', 'unsuitable', 'ended', 'other', 'none'].includes(cause);
}

const CAUSES: Readonly<Partial<Record<ErrorCode, Cause>>> = {
  media_missing: 'missing',
  media_in_use: 'in-use',
  media_insecure_context: 'insecure',
  media_unsuitable: 'unsuitable',
  media_ended: 'ended',
  unsupported: 'unsupported',
};

/** The features that a room needs, as policies call them. */
export const FEATURES: Readonly<Record<Device, string>> = { camera: 'camera', microphone: 'microphone', screen: 'display-capture' };

function blockedBy(facts: Facts): Cause {
  if (!facts.framed) return 'header';
  return facts.forbiddenAround ? 'header-around' : 'allow';
}

function fixFor(cause: Cause, { origin }: Facts): string {
  const header = (who: string) => `Permissions-Policy: ${Object.values(FEATURES).map((feature) => `${feature}=(${who})`).join(', ')}`;
  switch (cause) {
    case 'header':
      return header('self');
    case 'header-around':
      return header(`self "${origin}"`);
    case 'allow':
    case 'unclear':
      return `<iframe allow="${Object.values(FEATURES).join('; ')}">`;
    default:
      return '';
  }
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
  if (error === undefined) return { code: '', message: '', hint: '', reason: '' };
  if (!(error instanceof Error)) return { code: '', message: typeof error === 'string' ? error : JSON.stringify(error), hint: '', reason: '' };
  const { code = '', hint = '' } = error as Partial<OrielError>;
  const cause = error.cause;
  const reason = cause instanceof Error || cause instanceof DOMException ? cause.message : error.message;
  return { code, message: error.message, hint, reason };
}
