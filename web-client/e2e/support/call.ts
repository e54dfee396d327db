import type { Browser } from '@playwright/test';

import { chromiumDriver, openChromiumPage } from './chromium.ts';
import { Participant } from './participant.ts';
import { SIGNATURES, type Signature } from './signature.ts';

/** Opens a Chromium page for each signature; nobody has gone anywhere yet. */
export async function chromiumParticipants(browser: Browser, ...signatures: Signature[]): Promise<Participant[]> {
  const participants: Participant[] = [];
  for (const signature of signatures) {
    const page = await openChromiumPage(browser, { signature, screen: SIGNATURES.amber, devices: 'granted' });
    participants.push(new Participant(signature, chromiumDriver(page)));
  }
  return participants;
}
