/** Our own camera and microphone before joining: opened for a look, handed over or closed. */
import { type OrielError, openCamera, openMicrophone } from '@oriel/client';
import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { deviceTrouble, type Trouble } from './trouble.ts';

/** What can be tried out before joining. */
export type PreviewDevice = 'microphone' | 'camera';

const OPENERS = { microphone: openMicrophone, camera: openCamera };

/** One of the two. */
interface State {
  /** Set while the browser is asked; a later call makes an earlier one void. */
  asking: symbol | undefined;
  track: MediaStreamTrack | undefined;
  trouble: Trouble | undefined;
}

/** Opens and closes the two devices for its host. Nothing here throws: what fails becomes words. */
export class Preview implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #states: Record<PreviewDevice, State> = {
    microphone: { asking: undefined, track: undefined, trouble: undefined },
    camera: { asking: undefined, track: undefined, trouble: undefined },
  };

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  hostDisconnected(): void {
    this.close('microphone');
    this.close('camera');
  }

  /** The open track. */
  track(device: PreviewDevice): MediaStreamTrack | undefined {
    return this.#states[device].track;
  }

  /** Why there is none. */
  trouble(device: PreviewDevice): Trouble | undefined {
    return this.#states[device].trouble;
  }

  /** The browser is being asked for it. */
  isAsking(device: PreviewDevice): boolean {
    return this.#states[device].asking !== undefined;
  }

  /** Opens a device: the one of that id, or the browser's choice where that one is gone. */
  async open(device: PreviewDevice, deviceId?: string): Promise<void> {
    this.close(device);
    const state = this.#states[device];
    const asking = Symbol(device);
    state.asking = asking;
    try {
      const track = await open(device, deviceId);
      if (state.asking !== asking) {
        track.stop();
        return;
      }
      state.track = track;
      track.addEventListener('ended', () => this.#onEnded(device, track));
    } catch (error) {
      if (state.asking !== asking) return;
      state.trouble = deviceTrouble(device, error, location.host);
    }
    state.asking = undefined;
    this.#host.requestUpdate();
  }

  /** Closes a device and forgets what was wrong with it. */
  close(device: PreviewDevice): void {
    this.release(device)?.stop();
    this.#states[device].trouble = undefined;
  }

  /** Gives an open track away, still running. */
  release(device: PreviewDevice): MediaStreamTrack | undefined {
    const state = this.#states[device];
    const { track } = state;
    state.asking = undefined;
    state.track = undefined;
    this.#host.requestUpdate();
    return track;
  }

  #onEnded(device: PreviewDevice, track: MediaStreamTrack): void {
    const state = this.#states[device];
    if (state.track !== track) return;
    state.track = undefined;
    state.trouble = deviceTrouble(device, Object.assign(new Error('ended'), { code: 'media_ended' }), location.host);
    this.#host.requestUpdate();
  }
}

async function open(device: PreviewDevice, deviceId: string | undefined): Promise<MediaStreamTrack> {
  if (deviceId === undefined) return OPENERS[device]();
  try {
    return await OPENERS[device]({ deviceId });
  } catch (error) {
    const { code } = error as OrielError;
    // The device of the last visit is not plugged in today.
    if (code !== 'media_unsuitable' && code !== 'media_missing') throw error;
    return OPENERS[device]();
  }
}
