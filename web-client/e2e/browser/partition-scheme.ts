/**
 * PairDrop's way of sending, to compare with: 64,000 bytes in a message on one channel, and a stop after each megabyte
 * until the receiver has said that it has it (`public/scripts/network.js`, `FileChunker` with `_maxPartitionSize` 1e6).
 */

const MESSAGE = 64_000;
const PARTITION = 1_000_000;

interface PartitionScheme {
  /** Makes this end; gives the description for the other, when all candidates are in it. */
  offer(configuration: RTCConfiguration): Promise<RTCSessionDescriptionInit>;
  answer(configuration: RTCConfiguration, offer: RTCSessionDescriptionInit): Promise<RTCSessionDescriptionInit>;
  accept(answer: RTCSessionDescriptionInit): Promise<void>;
  /** Sends without an end. */
  send(): void;
  /** Bytes that have come. */
  received(): number;
}

declare global {
  interface Window {
    orielPartitionScheme: PartitionScheme;
  }
}

let pc: RTCPeerConnection;
let channel: RTCDataChannel;
let bytes = 0;

function connect(configuration: RTCConfiguration): void {
  pc = new RTCPeerConnection(configuration);
  channel = pc.createDataChannel('data', { ordered: true, negotiated: true, id: 0 });
  channel.binaryType = 'arraybuffer';
  let partition = 0;
  channel.onmessage = ({ data }) => {
    if (typeof data === 'string') {
      sendPartition();
      return;
    }
    const { byteLength } = data as ArrayBuffer;
    bytes += byteLength;
    partition += byteLength;
    if (partition < PARTITION) return;
    partition = 0;
    channel.send('partition-received');
  };
}

function sendPartition(): void {
  for (let sent = 0; sent < PARTITION; sent += MESSAGE) channel.send(new Uint8Array(MESSAGE));
}

function gathered(): Promise<RTCSessionDescriptionInit> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (pc.iceGatheringState === 'complete') resolve(pc.localDescription!.toJSON());
    };
    pc.onicegatheringstatechange = look;
    look();
  });
}

window.orielPartitionScheme = {
  offer: async (configuration) => {
    connect(configuration);
    await pc.setLocalDescription();
    return gathered();
  },
  answer: async (configuration, offer) => {
    connect(configuration);
    await pc.setRemoteDescription(offer);
    await pc.setLocalDescription();
    return gathered();
  },
  accept: (answer) => pc.setRemoteDescription(answer),
  send: () => {
    if (channel.readyState === 'open') sendPartition();
    else channel.onopen = sendPartition;
  },
  received: () => bytes,
};

export {};
