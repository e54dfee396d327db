/** A room of the SDK with a server on a real socket; only media and devices are played. */

import { afterEach, beforeEach, expect, vi } from 'vitest';
import { WebSocket } from 'ws';
import { Room, type RoomEvents } from '../../src/index.ts';
import { eventually } from './eventually.ts';
import { FakeServer } from './server.ts';
import { FakeMediaStream, FakeTrack, stubWebRtc } from './webrtc.ts';

/** What a test works with; made anew for each. */
export interface Stage {
  server: FakeServer;
  room: Room;
  /** Names of the events that the room told, in order. */
  told: (keyof RoomEvents)[];
  /** Devices opened so far, oldest first. */
  devices: FakeTrack[];
  /** The person's consent to open one. */
  permission: Promise<void>;
}

const NAMES = [
  'connected', 'waiting', 'reconnecting', 'reconnected', 'disconnected', 'moved', 'localTrackPublished',
  'localTrackUnpublished', 'trackMuted', 'trackUnmuted', 'participantConnected', 'participantDisconnected',
  'mediaDevicesError', 'handRaised', 'roomUpdated', 'serverDraining', 'grantsChanged', 'lobbyChanged', 'unmuteAsked',
  'trackSubscribed', 'trackUnsubscribed', 'error',
] as const; // prettier-ignore

/** Sets the stage before each test of a file. */
export function setStage(): Stage {
  const stage = {} as Stage;
  beforeEach(async () => {
    stubWebRtc();
    vi.stubGlobal('WebSocket', WebSocket);
    stage.devices = [];
    stage.permission = Promise.resolve();
    const getUserMedia = async (constraints: MediaStreamConstraints): Promise<FakeMediaStream> => {
      const track = new FakeTrack(constraints.audio ? 'audio' : 'video');
      stage.devices.push(track);
      await stage.permission;
      return new FakeMediaStream([track]);
    };
    const getDisplayMedia = (): Promise<FakeMediaStream> =>
      Promise.resolve(new FakeMediaStream([new FakeTrack('video'), new FakeTrack('audio')]));
    const mediaDevices = Object.assign(new EventTarget(), { getUserMedia, getDisplayMedia });
    vi.stubGlobal('navigator', { mediaDevices });
    stage.server = await FakeServer.start();
    stage.room = new Room();
    stage.told = [];
    for (const name of NAMES) stage.room.on(name, () => stage.told.push(name));
  });
  afterEach(async () => {
    await stage.room.disconnect();
    await stage.server.stop();
    vi.unstubAllGlobals();
  });
  return stage;
}

/** Waits until the room has told that event. */
export function happened(stage: Stage, name: keyof RoomEvents): Promise<void> {
  return eventually(() => expect(stage.told).toContain(name));
}
