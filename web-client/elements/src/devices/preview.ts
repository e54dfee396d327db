/** Our own camera and microphone before joining: opened for a look, handed over or closed. */
import { OrielError, openCamera, openMicrophone } from '@oriel/client';
import type { ReactiveController, ReactiveControllerHost } from 'lit';

/** What can be tried out before joining. */
export type PreviewDevice = 'microphone' | 'camera';

const OPENERS = { microphone: openMicrophone, camera: openCamera };

/** One of the two. */
interface State {
  /** Set while the browser is asked; a later call makes an earlier one void. */
  asking: symbol | undefined;
  track: MediaStreamTrack | undefined;
  error: unknown;
}

/** Opens and closes the two devices for its host. Nothing here throws: what fails is kept as an error. */
export class Preview implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #states: Record<PreviewDevice, State> = {
    microphone: { asking: undefined, track: undefined, error: undefined },
    camera: { asking: undefined, track: undefined, error: undefined },
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

  /** Why there is none: what went wrong, or `undefined`. */
  error(device: PreviewDevice): unknown {
    return this.#states[device].error;
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
      state.error = error;
    }
    state.asking = undefined;
    this.#host.requestUpdate();
  }

  /** Closes a device and forgets what was wrong with it. */
  close(device: PreviewDevice): void {
    this.release(device)?.stop();
    this.#states[device].error = undefined;
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
    state.error = new OrielError('media_ended', `The ${device} has ended.`);
    this.#host.requestUpdate();
  }
}

async function open(device: PreviewDevice, deviceId: string | undefined): Promise<MediaStreamTrack> {
  if (deviceId === undefined) return OPENERS[device]();
  try {
    return await OPENERS[device]({ deviceId });
  } catch (error) {
    const code = error instanceof OrielError ? error.code : undefined;
    // The device of the last visit is not plugged in today.
    if (code !== 'media_unsuitable' && code !== 'media_missing') throw error;
    return OPENERS[device]();
  }
}
