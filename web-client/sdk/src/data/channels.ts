/**
 * The two data channels of a peer connection, agreed on without a word: `reliable` (id 0, everything, in
 * order) and `lossy` (id 1, nothing is sent twice).
 */

import { Lanes, type DataLimits, type Outlet } from './lane.ts';

const RELIABLE: RTCDataChannelInit = { negotiated: true, id: 0, ordered: true };
const LOSSY: RTCDataChannelInit = { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 };

/** Makes them; they open with the connection. `received` is told every message, of both. */
export function openChannels(pc: RTCPeerConnection, limits: DataLimits, received: (bytes: Uint8Array) => void): Lanes {
  const outlets = {
    reliable: new ChannelOutlet(pc.createDataChannel('reliable', RELIABLE), received),
    lossy: new ChannelOutlet(pc.createDataChannel('lossy', LOSSY), received),
  };
  return new Lanes(outlets, limits);
}

class ChannelOutlet implements Outlet {
  readonly #channel: RTCDataChannel;

  constructor(channel: RTCDataChannel, received: (bytes: Uint8Array) => void) {
    this.#channel = channel;
    channel.binaryType = 'arraybuffer';
    channel.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) received(new Uint8Array(data));
    };
  }

  get isOpen(): boolean {
    return this.#channel.readyState === 'open';
  }

  get waiting(): number {
    return this.#channel.bufferedAmount;
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#channel.send(bytes);
  }

  watch(low: number, drained: () => void, closed: () => void): void {
    this.#channel.bufferedAmountLowThreshold = low;
    this.#channel.onbufferedamountlow = drained;
    this.#channel.onclose = closed;
  }
}
