/** The permission doctor: looks at the page, its frame and the browser, and says what keeps a device away. */
import { canShareScreen } from '@oriel/client';
import { type Cause, causeByFacts, causeOf, type Device, type Facts, FEATURES, isShared, type Words, wordsFor } from './judge.ts';
import { doctorTexts } from './texts/texts.ts';

/** What keeps one device away. Plain: it can be told to another page. */
export interface Finding extends Words {
  readonly device: Device;
  readonly cause: Cause;
  /** The same of camera and microphone at once, where one reason can keep both away. */
  readonly both: Words | undefined;
  readonly language: string;
  readonly direction: 'ltr' | 'rtl';
}

const DEVICES: readonly Device[] = ['camera', 'microphone', 'screen'];
const KINDS = { camera: 'videoinput', microphone: 'audioinput' } as const;

/** What the page around this frame may not do itself. A document has one around it. */
let forbiddenAround: readonly string[] = [];

/** The page around this frame tells which features its own policy forbids. */
export function tellForbidden(features: readonly string[]): void {
  forbiddenAround = features;
}

/** The features that this page's policies keep from `origin`, or from itself; none where the browser does not say. */
export function forbiddenHere(origin = location.origin): string[] {
  const policy = policyOf(document);
  return policy === undefined ? [] : Object.values(FEATURES).filter((feature) => !policy.allowsFeature(feature, origin));
}

/** Says why opening a device failed. `language` is a tag such as `ar`; English by default. */
export async function examine(device: Device, error: unknown, language: string): Promise<Finding> {
  const facts = await gather(device);
  return finding(device, causeOf(error, facts), facts, language, error);
}

/** Says of each device what keeps it away as far as can be seen without asking for it: `none` where nothing does. */
export async function diagnose(language: string): Promise<readonly Finding[]> {
  return Promise.all(
    DEVICES.map(async (device) => {
      const facts = await gather(device);
      return finding(device, causeByFacts(facts), facts, language);
    }),
  );
}

async function finding(device: Device, cause: Cause, facts: Facts, wanted: string, error?: unknown): Promise<Finding> {
  const { code: language, direction, texts } = await doctorTexts.choose([wanted]);
  const both = device === 'screen' || !isShared(cause) ? undefined : wordsFor(cause, 'both', facts, texts);
  return { device, cause, ...wordsFor(cause, device, facts, texts, error), both, language, direction };
}

async function gather(device: Device): Promise<Facts> {
  const { origin, host } = location;
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  return {
    origin,
    host,
    secure: window.isSecureContext,
    framed: window.parent !== window,
    supported: device === 'screen' ? canShareScreen() : devices !== undefined,
    allowed: policyOf(document)?.allowsFeature(FEATURES[device]),
    forbiddenAround: forbiddenAround.includes(FEATURES[device]),
    permission: await permissionFor(device),
    present: await isPresent(device, devices),
  };
}

async function permissionFor(device: Device): Promise<PermissionState | undefined> {
  if (device === 'screen') return undefined;
  try {
    return (await navigator.permissions.query({ name: device })).state;
  } catch {
    // Not every browser knows these names.
    return undefined;
  }
}

async function isPresent(device: Device, devices: MediaDevices | undefined): Promise<boolean | undefined> {
  if (device === 'screen' || devices === undefined) return undefined;
  try {
    return (await devices.enumerateDevices()).some(({ kind }) => kind === KINDS[device]);
  } catch {
    return undefined;
  }
}

interface Policy {
  allowsFeature(feature: string, origin?: string): boolean;
}

/** Chromium's; others do not say. */
function policyOf(document: object): Policy | undefined {
  const { permissionsPolicy, featurePolicy } = document as { permissionsPolicy?: Policy; featurePolicy?: Policy };
  return permissionsPolicy ?? featurePolicy;
}
