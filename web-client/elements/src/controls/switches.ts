/** Switching our own microphone, camera and screen share, from a button as from a key. */
import type { Room, TrackSource } from '@oriel/client';
import type { Device } from '../doctor/judge.ts';

/** What we publish ourselves, and under which source. */
export const deviceSource: Readonly<Record<Device, TrackSource>> = {
  microphone: 'microphone',
  camera: 'camera',
  screen: 'screen_share',
};

/** Whether others get it now. */
export function isOn(room: Room, device: Device): boolean {
  const { localParticipant } = room;
  if (device === 'microphone') return localParticipant.isMicrophoneEnabled;
  if (device === 'camera') return localParticipant.isCameraEnabled;
  return localParticipant.isScreenShareEnabled;
}

/** Whether the token lets us publish it. */
export function mayPublish(room: Room, device: Device): boolean {
  return room.localParticipant.canPublish.includes(deviceSource[device]);
}

/** Switches it on or off. Rejects with an `OrielError`. */
export async function setOn(room: Room, device: Device, on: boolean): Promise<void> {
  const { localParticipant } = room;
  if (device === 'microphone') await localParticipant.setMicrophoneEnabled(on);
  else if (device === 'camera') await localParticipant.setCameraEnabled(on);
  else await localParticipant.setScreenShareEnabled(on, { audio: true });
}

/** The device that publishes under a source. */
export function sourceDevice(source: TrackSource): Device {
  if (source === 'microphone') return 'microphone';
  return source === 'camera' ? 'camera' : 'screen';
}
