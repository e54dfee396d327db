/** A long way between two pages that connect with each other: every connection of theirs goes by a relay of its own. */
import type { Page } from '@playwright/test';

import { startRelay, type Relay } from './relay.ts';

declare global {
  interface Window {
    /** Gives where the relay to that address listens. */
    orielLongPath(to: string): Promise<string>;
  }
}

export interface LongPath {
  stop(): Promise<void>;
}

/**
 * Has two pages reach each other over a path with that round trip, in milliseconds. `near` sends to relays in place of
 * what `far` names as its addresses; `far` is told of none, and answers to where it hears `near` from.
 */
export async function layLongPath(near: Page, far: Page, roundTrip: number): Promise<LongPath> {
  const relays: Relay[] = [];
  await near.exposeFunction('orielLongPath', async (to: string) => {
    const relay = await startRelay({ udp: [`127.0.0.1:0=${to}`] });
    relays.push(relay);
    await relay.set({ delay_ms: roundTrip / 2 });
    return relay.udp[0]!;
  });
  await near.addInitScript(divert, true);
  await far.addInitScript(divert, false);
  return {
    stop: async () => {
      await Promise.all(relays.map((relay) => relay.stop()));
    },
  };
}

/** Runs in a page: what it is told of the other page's addresses leads to relays, or nowhere. */
function divert(isNear: boolean): void {
  window.RTCPeerConnection = class extends RTCPeerConnection {
    /** One address is enough. */
    #isTaken = false;

    override async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
      const candidates: string[] = [];
      const lines = description.sdp!.split('\r\n').filter((line) => {
        if (line.startsWith('a=candidate:')) candidates.push(line.slice(2));
        return !line.startsWith('a=candidate:') && line !== 'a=end-of-candidates';
      });
      await super.setRemoteDescription({ type: description.type, sdp: lines.join('\r\n') });
      for (const candidate of candidates) await this.addIceCandidate({ candidate, sdpMLineIndex: 0 });
    }

    override async addIceCandidate(told?: RTCIceCandidateInit | null): Promise<void> {
      const words = told?.candidate?.split(' ') ?? [];
      const isPlain = words[2]?.toLowerCase() === 'udp' && words[4]?.includes('.') === true;
      if (!isNear || !isPlain || this.#isTaken) return;
      this.#isTaken = true;
      [words[4], words[5]] = (await window.orielLongPath(`${words[4]}:${words[5]}`)).split(':') as [string, string];
      await super.addIceCandidate({ ...told, candidate: words.join(' ') });
    }
  };
}
