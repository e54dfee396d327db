/**
 * Runs in every page under test before the page's own code. Its bundle takes its settings from the
 * variable `orielTestSettings`, which the text that loads it defines in front of it.
 */
import type { Signature } from '../support/signature.ts';
import { received, recordConnections, selectedPaths, type TurnBy } from './connections.ts';
import { installDevices, type DeviceBehaviour } from './devices.ts';
import { audioParticipants, texts, tiles } from './page.ts';
import { arrived, happenings, keepData, room, sendBytes } from './room.ts';

/** What a page under test is told. */
export interface PreloadSettings {
  readonly signature: Signature;
  /** Gives its colour to the shared screen. */
  readonly screen: Signature;
  readonly devices: DeviceBehaviour;
  /** The one way to TURN servers that the page has; every way by default. */
  readonly turnBy?: TurnBy;
}

/** What a test may call in the page. */
export interface PageProbe {
  readonly tiles: typeof tiles;
  readonly texts: typeof texts;
  readonly audioParticipants: typeof audioParticipants;
  readonly received: typeof received;
  readonly selectedPaths: typeof selectedPaths;
  readonly room: typeof room;
  readonly happenings: typeof happenings;
  readonly keepData: typeof keepData;
  readonly arrived: typeof arrived;
  readonly sendBytes: typeof sendBytes;
}

declare global {
  interface Window {
    orielTest: PageProbe;
  }
}

declare const orielTestSettings: PreloadSettings;

recordConnections(orielTestSettings.turnBy);
installDevices(orielTestSettings.signature, orielTestSettings.screen, orielTestSettings.devices);
window.orielTest = { tiles, texts, audioParticipants, received, selectedPaths, room, happenings, keepData, arrived, sendBytes };
