/**
 * The pool of receive slots: pairs of a recvonly audio and a recvonly video m-line that the server
 * fills with whoever is to be seen and heard, without a new offer. Audio comes first, then video,
 * pair after pair: the server takes the i-th of each as a pair and keeps its two halves in sync.
 */

import type { MediaKind } from '../protocol.gen.ts';

/** Pairs in the first offer. */
export const FIRST_PAIRS = 4;
/** Pairs added at least when there are too few. */
const GROWTH = 4;
/**
 * Milliseconds that a slot stays dark when it is rebound: so long pictures and sound of its previous
 * track may still come out of the jitter buffer.
 */
const SETTLE = 200;

/** What may come out of the other participants' encoders and is passed through by the server. */
const CODECS: Readonly<Record<MediaKind, (codec: RTCRtpCodec) => boolean>> = {
  audio: (codec) => codec.mimeType.toLowerCase() === 'audio/opus',
  video: ({ mimeType, sdpFmtpLine = '' }) => {
    switch (mimeType.toLowerCase()) {
      case 'video/vp8':
      case 'video/h265':
      case 'video/rtx':
        return true;
      case 'video/av1':
        return !/profile=[12]/.test(sdpFmtpLine);
      case 'video/vp9':
        return /profile-id=0/.test(sdpFmtpLine) || !sdpFmtpLine.includes('profile-id');
      case 'video/h264':
        return /profile-level-id=42e01f/i.test(sdpFmtpLine) && sdpFmtpLine.includes('packetization-mode=1');
      default:
        return false;
    }
  },
};

/** One receive m-line. */
export interface Slot {
  readonly kind: MediaKind;
  readonly transceiver: RTCRtpTransceiver;
  /** Of the newest binding; 0 before the first. */
  bind: number;
  /** The track that flows now. */
  track: string | undefined;
  /** When it was last left, by `performance.now()`. */
  leftAt: number;
}

/** A binding that has just begun. */
export interface Binding {
  slot: Slot;
  /** The track that had to give way without a word of its own, if there was one. */
  previous: string | undefined;
}

/** A track on an m-line. */
export interface Line {
  mid: string;
  track: string;
  /** 0 for tracks of our own, which have no slot. */
  bind: number;
}

export class SlotPool {
  readonly #limit: number;
  readonly #slots: Slot[] = [];

  /** `limit`: pairs that the server allows. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get pairs(): number {
    return this.#slots.length / 2;
  }

  /** How many pairs to add when the server misses that many m-lines. */
  pairsToAdd(audio: number, video: number): number {
    const missing = Math.max(audio, video);
    return missing === 0 ? 0 : Math.min(Math.max(missing, GROWTH), this.#limit - this.pairs);
  }

  /** Adds pairs to the connection, and to the pool; they are there after the next offer. */
  grow(pc: RTCPeerConnection, pairs: number): void {
    for (let added = 0; added < pairs && this.pairs < this.#limit; added += 1) {
      this.#add(pc, 'audio');
      this.#add(pc, 'video');
    }
  }

  /** `track` flows on the m-line `mid` from now on. Undefined: old news, or no slot of ours. */
  bind(mid: string, track: string, bind: number): Binding | undefined {
    const slot = this.#slots.find((one) => one.transceiver.mid === mid);
    if (!slot || bind <= slot.bind) return undefined;
    const previous = slot.track;
    if (previous !== undefined) this.#leave(slot);
    slot.bind = bind;
    slot.track = track;
    const dark = slot.leftAt + SETTLE - performance.now();
    if (dark <= 0) slot.transceiver.receiver.track.enabled = true;
    else setTimeout(() => this.#light(slot, bind), dark);
    return { slot, previous };
  }

  /** The binding with that number is over. Returns its slot, undefined if that is old news. */
  unbind(mid: string, bind: number): Slot | undefined {
    const slot = this.#slots.find((one) => one.transceiver.mid === mid);
    if (!slot || slot.bind !== bind || slot.track === undefined) return undefined;
    this.#leave(slot);
    return slot;
  }

  /** The track is gone, and its binding with it. */
  release(track: string): void {
    const slot = this.slotOf(track);
    if (slot) this.#leave(slot);
  }

  slotOf(track: string): Slot | undefined {
    return this.#slots.find((one) => one.track === track);
  }

  /** The slots in use. */
  lines(): Line[] {
    return this.#slots.flatMap(({ transceiver, track, bind }) =>
      track === undefined ? [] : [{ mid: transceiver.mid ?? '', track, bind }],
    );
  }

  #add(pc: RTCPeerConnection, kind: MediaKind): void {
    const transceiver = pc.addTransceiver(kind, { direction: 'recvonly' });
    preferCodecs(transceiver, kind);
    // Dark until the first binding: an idle slot plays nothing, not even its last picture.
    transceiver.receiver.track.enabled = false;
    this.#slots.push({ kind, transceiver, bind: 0, track: undefined, leftAt: -Infinity });
  }

  #leave(slot: Slot): void {
    slot.track = undefined;
    slot.leftAt = performance.now();
    slot.transceiver.receiver.track.enabled = false;
  }

  #light(slot: Slot, bind: number): void {
    if (slot.bind === bind && slot.track !== undefined) slot.transceiver.receiver.track.enabled = true;
  }
}

/** Leaves only those codecs in the offer that the server passes on: a third of the SDP's size. */
export function preferCodecs(transceiver: RTCRtpTransceiver, kind: MediaKind): void {
  const codecs = RTCRtpReceiver.getCapabilities(kind)?.codecs.filter(CODECS[kind]) ?? [];
  // An empty list would mean "all of them" anyway.
  if (codecs.length > 0) transceiver.setCodecPreferences(codecs);
}
