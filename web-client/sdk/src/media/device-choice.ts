/** Which microphone and camera a room opens: the one chosen for it, else the browser's choice. */

import { OrielError } from '../errors.ts';
import { openDevice, type CaptureOptions } from './devices.ts';

/** A source that is opened by device. */
export type DeviceSource = 'camera' | 'microphone';

export interface RoomOptions {
  /** Wishes for every microphone; echo cancellation and noise suppression are on by default. */
  microphone?: MediaTrackConstraints;
  /** Wishes for every camera; 1280x720 at 30 frames a second by default. */
  camera?: MediaTrackConstraints;
  /** Whether the server is told how large pictures are shown, and sends no more than that; true by default. */
  adaptiveViewport?: boolean;
}

export class DeviceChoice {
  readonly #options: RoomOptions;
  readonly #chosen = new Map<DeviceSource, string>();

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  chosen(source: DeviceSource): string | undefined {
    return this.#chosen.get(source);
  }

  choose(source: DeviceSource, deviceId: string): void {
    this.#chosen.set(source, deviceId);
  }

  /** Opens the device asked for, which becomes the chosen one; else the chosen one; else any. */
  async open(source: DeviceSource, asked: CaptureOptions): Promise<MediaStreamTrack> {
    const constraints = { ...this.#options[source], ...asked.constraints };
    if (asked.deviceId !== undefined) {
      const track = await openDevice(source, { constraints, deviceId: asked.deviceId });
      this.choose(source, asked.deviceId);
      return track;
    }
    const deviceId = this.#chosen.get(source);
    if (deviceId === undefined) return openDevice(source, { constraints });
    try {
      return await openDevice(source, { constraints, deviceId });
    } catch (error) {
      // Unplugged since it was chosen. It stays chosen, for when it comes back.
      if (error instanceof OrielError && error.code === 'media_missing') return openDevice(source, { constraints });
      throw error;
    }
  }
}
