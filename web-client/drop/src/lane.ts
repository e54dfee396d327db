/**
 * One peer connection between two pages, by "perfect negotiation" (WebRTC §10.7): either side may offer at any time,
 * and of two offers that meet, the polite side takes its own back.
 *
 * All its channels are agreed on beforehand (`negotiated`): 0 `control` on the first lane only, 1 `blocks` on each.
 */
import { PIECE } from './limits.ts';
import type { CutBlock } from './piece.ts';
import { Window } from './window.ts';

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
  #receivedBytes = 0;
  readonly #window = new Window();
  /** Called when there may be room in the window, or it is over. */
  #proceed: () => void = () => {};

  constructor(settings: LaneSettings, listener: LaneListener) {
    this.#settings = settings;
    this.#listener = listener;
    const pc = (this.#pc = new RTCPeerConnection({ ...settings.configuration, bundlePolicy: 'max-bundle' }));
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
    // Nothing is ever shown by it. But where video is negotiated, browsers give the socket a buffer that takes bursts:
    // Chromium's takes 1 MiB then, else 64 KiB.
    this.#pc.addTransceiver('video', { direction: 'inactive' });
    this.#makeChannels();
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
      this.#makeChannels();
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
    this.#proceed();
    clearTimeout(this.#timer);
    this.#pc.onnegotiationneeded = this.#pc.onicecandidate = this.#pc.onconnectionstatechange = null;
    this.#pc.close();
  }

  #makeChannels(): void {
    if (this.#blocks) return;
    if (this.#settings.number === 0) {
      this.#control = this.#channel('control', 0);
      this.#control.onmessage = ({ data }) => {
        if (typeof data === 'string') this.#listener.control(data);
        else this.#listener.broken();
      };
    }
    this.#blocks = this.#channel('blocks', 1);
    this.#blocks.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (data instanceof ArrayBuffer) this.#piece(data);
      else if (!this.#window.hear(Number(data), performance.now())) this.#listener.broken();
      this.#proceed();
    };
  }

  #piece(message: ArrayBuffer): void {
    this.#receivedBytes += message.byteLength;
    if (this.isOpen) this.#blocks!.send(String(this.#receivedBytes));
    this.#listener.piece(message);
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
      while (this.isOpen && this.#window.isFull) await new Promise<void>((resolve) => (this.#proceed = resolve));
      if (!this.isOpen) return;
      this.#blocks!.send(new Uint8Array(buffer, from, end - from));
      this.#window.send(end - from, performance.now());
      this.#sentBytes += end - from;
      from = end;
    }
  }
}
