/**
 * One peer connection between two pages, by "perfect negotiation" (WebRTC §10.7): either side may offer at any time,
 * and of two offers that meet, the polite side takes its own back.
 *
 * All its channels are agreed on beforehand (`negotiated`): 0 `control` on the first lane only, 1 `blocks` on each.
 */
import { PIECE } from './limits.ts';
import type { CutBlock } from './piece.ts';

/** Bytes that may wait in the browser, and from how few on it gets more. */
const HIGH_WATER = 1 << 20;
const LOW_WATER = 256 * 1024;
/** Milliseconds that a broken path gets to come back. */
const REPAIR = 15_000;
/** Milliseconds that a new connection may take. */
const CONNECT = 30_000;

/** What is told to the other side of this connection. */
export type Negotiation = { readonly description: RTCSessionDescriptionInit } | { readonly candidate: RTCIceCandidateInit };

export interface LaneListener {
  /** Has the other side told. */
  tell(negotiation: Negotiation): void;
  /** The channels are open. */
  opened(): void;
  /** A message on the control channel. */
  control(text: string): void;
  /** A message on the channel for blocks. */
  piece(message: ArrayBuffer): void;
  /** There is room for a block: the next one, cut to messages of that size. Undefined if there is none now. */
  next(messageSize: number): Promise<CutBlock | undefined>;
  /** A message cannot be what the other side may send. */
  broken(): void;
  /** It is over, not by `close`. */
  ended(): void;
}

export interface LaneSettings {
  readonly number: number;
  readonly isPolite: boolean;
  readonly configuration: RTCConfiguration;
}

/** The path of the moment. */
export interface Path {
  /** By way of a TURN server, on either side. */
  readonly isRelayed: boolean;
  /** Milliseconds. */
  readonly roundTrip: number;
}

export class Lane {
  readonly #settings: LaneSettings;
  readonly #listener: LaneListener;
  readonly #pc: RTCPeerConnection;
  #blocks: RTCDataChannel | undefined;
  #control: RTCDataChannel | undefined;
  #isOffering = false;
  /** An answer is being taken: as soon as it is, an offer may be. */
  #isAnswered = false;
  #ignoresOffer = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isSending = false;
  #isOver = false;
  #sentBytes = 0;

  constructor(settings: LaneSettings, listener: LaneListener) {
    this.#settings = settings;
    this.#listener = listener;
    const pc = (this.#pc = new RTCPeerConnection(settings.configuration));
    pc.onnegotiationneeded = () => void this.#offer();
    pc.onicecandidate = ({ candidate }) => {
      if (candidate) listener.tell({ candidate: candidate.toJSON() });
    };
    pc.onconnectionstatechange = () => this.#stateChanged();
    this.#giveUpAfter(CONNECT);
  }

  get isOpen(): boolean {
    return !this.#isOver && this.#blocks?.readyState === 'open' && (this.#control?.readyState ?? 'open') === 'open';
  }

  /** Bytes that were given to the browser to send. */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Makes the channels, which has it offer. */
  begin(): void {
    if (this.#blocks) return;
    if (this.#settings.number === 0) {
      this.#control = this.#channel('control', 0);
      this.#control.onmessage = ({ data }) => {
        if (typeof data === 'string') this.#listener.control(data);
        else this.#listener.broken();
      };
    }
    this.#blocks = this.#channel('blocks', 1);
    this.#blocks.bufferedAmountLowThreshold = LOW_WATER;
    this.#blocks.onmessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.#listener.piece(data);
      else this.#listener.broken();
    };
  }

  /** Takes what the other side tells of this connection. */
  async receive(told: Negotiation): Promise<void> {
    const pc = this.#pc;
    try {
      if ('candidate' in told) {
        // Those of an offer that was not taken belong to nothing.
        await pc.addIceCandidate(told.candidate).catch((error: unknown) => {
          if (!this.#ignoresOffer) throw error;
        });
        return;
      }
      const { description } = told;
      const isFree = !this.#isOffering && (pc.signalingState === 'stable' || this.#isAnswered);
      const isMeeting = description.type === 'offer' && !isFree;
      this.#ignoresOffer = isMeeting && !this.#settings.isPolite;
      if (this.#ignoresOffer) return;
      this.begin();
      this.#isAnswered = description.type === 'answer';
      await pc.setRemoteDescription(description).finally(() => (this.#isAnswered = false));
      if (description.type !== 'offer') return;
      await pc.setLocalDescription();
      this.#tellDescription();
    } catch {
      // What cannot be used is as good as nothing: the connection fails in its time if it matters.
    }
  }

  /** Says something on the control channel. */
  say(text: string): void {
    if (this.#control?.readyState === 'open') this.#control.send(text);
  }

  /** There may be blocks to send. */
  async send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      while (this.isOpen) {
        const cut = await this.#listener.next(this.#messageSize());
        if (!cut) return;
        await this.#sendBlock(cut);
      }
    } finally {
      this.#isSending = false;
    }
  }

  async path(): Promise<Path | undefined> {
    const entries = new Map<string, RTCStats & Partial<RTCIceCandidatePairStats & RTCTransportStats & { selected: boolean; candidateType: string }>>();
    (await this.#pc.getStats()).forEach((entry: RTCStats) => entries.set(entry.id, entry));
    const all = [...entries.values()];
    const chosen = new Set(all.map(({ selectedCandidatePairId }) => selectedCandidatePairId));
    // Firefox marks the pair itself; others name it in the transport's entry.
    const pair = all.find((entry) => entry.type === 'candidate-pair' && (chosen.has(entry.id) || entry.selected === true));
    if (!pair) return undefined;
    const ends = [pair.localCandidateId, pair.remoteCandidateId].map((id) => entries.get(id ?? '')?.candidateType);
    return { isRelayed: ends.includes('relay'), roundTrip: (pair.currentRoundTripTime ?? 0) * 1000 };
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#pc.onnegotiationneeded = this.#pc.onicecandidate = this.#pc.onconnectionstatechange = null;
    this.#pc.close();
  }

  #channel(name: string, id: number): RTCDataChannel {
    const channel = this.#pc.createDataChannel(name, { negotiated: true, id });
    channel.binaryType = 'arraybuffer';
    channel.onopen = () => {
      if (!this.isOpen) return;
      this.#isWell();
      this.#listener.opened();
    };
    channel.onclose = () => this.#end();
    return channel;
  }

  async #offer(): Promise<void> {
    try {
      this.#isOffering = true;
      await this.#pc.setLocalDescription();
      this.#tellDescription();
    } catch {
      // Closed meanwhile, or an offer of the other side's came first: there is a description of it then.
    } finally {
      this.#isOffering = false;
    }
  }

  #tellDescription(): void {
    const { localDescription } = this.#pc;
    if (localDescription && !this.#isOver) this.#listener.tell({ description: { type: localDescription.type, sdp: localDescription.sdp } });
  }

  #stateChanged(): void {
    switch (this.#pc.connectionState) {
      case 'connected':
        if (this.isOpen) this.#isWell();
        return;
      case 'disconnected':
        this.#giveUpAfter(REPAIR);
        return;
      case 'failed':
        // A lane that never worked is not repaired: others are tried instead.
        if (!this.isOpen) return this.#end();
        if (this.#timer === undefined) this.#giveUpAfter(REPAIR);
        this.#pc.restartIce();
        return;
      case 'closed':
        this.#end();
        return;
      default:
    }
  }

  #isWell(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #giveUpAfter(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#end(), milliseconds);
  }

  #end(): void {
    if (this.#isOver) return;
    this.close();
    this.#listener.ended();
  }

  #messageSize(): number {
    return Math.min(PIECE, this.#pc.sctp?.maxMessageSize ?? PIECE);
  }

  async #sendBlock({ buffer, ends }: CutBlock): Promise<void> {
    let from = 0;
    for (const end of ends) {
      const channel = this.#blocks;
      if (channel && channel.bufferedAmount > HIGH_WATER) await drained(channel);
      if (!channel || !this.isOpen) return;
      channel.send(new Uint8Array(buffer, from, end - from));
      this.#sentBytes += end - from;
      from = end;
    }
  }
}

/** Resolves when a channel has room again, or is closed. */
function drained(channel: RTCDataChannel): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      channel.removeEventListener('bufferedamountlow', done);
      channel.removeEventListener('close', done);
      resolve();
    };
    channel.addEventListener('bufferedamountlow', done);
    channel.addEventListener('close', done);
  });
}
