/**
 * Notices that a path which carried something carries nothing any more, seconds before the browser's own
 * checks do. It may be that nobody sends: silence is a reason to look, no proof.
 */

/** Milliseconds between two looks. */
const INTERVAL = 500;
/** Looks in a row with something new that make it a flow, and without that make it a silence. */
const FLOWS = 4;
const SILENCE = 2;

export interface FlowListener {
  /** What flowed has stopped. */
  silent(): void;
  /** Something comes again. */
  heard(): void;
}

export class Flow {
  readonly #pc: RTCPeerConnection;
  readonly #listener: FlowListener;
  readonly #timer: ReturnType<typeof setInterval>;
  #bytes = 0;
  #news = 0;
  #quiet = 0;
  #flowed = false;
  #isSilent = false;

  constructor(pc: RTCPeerConnection, listener: FlowListener) {
    this.#pc = pc;
    this.#listener = listener;
    this.#timer = setInterval(() => void this.#look(), INTERVAL);
  }

  /** Whether what flowed has stopped. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const bytes = await received(this.#pc);
    // Of another path there may be less.
    const isNews = bytes !== this.#bytes;
    this.#bytes = bytes;
    this.#news = isNews ? this.#news + 1 : 0;
    this.#quiet = isNews ? 0 : this.#quiet + 1;
    // What returns is the flow that there was: it may stop again at once.
    if (this.#news >= FLOWS || (isNews && this.#isSilent)) this.#flowed = true;
    if (isNews && this.#isSilent) {
      this.#isSilent = false;
      this.#listener.heard();
    } else if (this.#flowed && this.#quiet >= SILENCE) {
      this.#flowed = false;
      this.#isSilent = true;
      this.#listener.silent();
    }
  }
}

/** Bytes that came by any path, without the checks of ICE. */
async function received(pc: RTCPeerConnection): Promise<number> {
  let bytes = 0;
  const report = await pc.getStats();
  for (const stats of report.values() as Iterable<{ type: string; bytesReceived?: number }>) {
    if (stats.type === 'candidate-pair') bytes += stats.bytesReceived ?? 0;
  }
  return bytes;
}
