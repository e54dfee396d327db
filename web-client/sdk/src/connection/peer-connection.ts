/**
 * The one peer connection with the server. The browser always offers, one offer at a time: what
 * comes up while an offer is under way goes into the next one together.
 */

import { OrielError } from '../errors.ts';

/** What one offer is to change. */
export interface Change {
  /** Adds transceivers; called right before the offer is made. */
  apply?(pc: RTCPeerConnection): void;
  /** Called when the offer is on its way, so that requests made now arrive right behind it. */
  offered?(): void;
  /** The path is to be found anew (RFC 8445 §2.4). */
  iceRestart?: boolean;
}

export interface PeerConnectionListener {
  /** Sends an offer; resolves with the answer's SDP. */
  offer(sdp: string): Promise<string>;
  /** Sends a candidate of ours, always behind the offer that it belongs to. */
  candidate(candidate: string): void;
  stateChanged(state: RTCPeerConnectionState): void;
}

interface Waiting {
  change: Change;
  resolve: () => void;
  reject: (error: unknown) => void;
}

export class PeerConnection {
  readonly pc: RTCPeerConnection;
  readonly #listener: PeerConnectionListener;
  #waiting: Waiting[] = [];
  #running = false;
  #offering = false;
  #candidates: string[] = [];

  constructor(configuration: RTCConfiguration, listener: PeerConnectionListener) {
    this.#listener = listener;
    this.pc = new RTCPeerConnection({ ...configuration, bundlePolicy: 'max-bundle' });
    this.pc.onconnectionstatechange = () => listener.stateChanged(this.pc.connectionState);
    this.pc.onicecandidate = ({ candidate }) => this.#gathered(candidate?.candidate ?? '');
  }

  /** Puts `change` into the next offer; resolves when its answer has been set. */
  negotiate(change: Change): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, resolve, reject });
      void this.#run();
    });
  }

  close(): void {
    this.pc.onconnectionstatechange = null;
    this.pc.onicecandidate = null;
    this.pc.close();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    // Everything asked for in this turn of the event loop shares one offer.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#exchange(batch.map((one) => one.change));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = false;
  }

  async #exchange(changes: Change[]): Promise<void> {
    const { pc } = this;
    if (closed(pc)) throw new OrielError('aborted', 'The connection was closed.');
    this.#offering = true;
    try {
      for (const change of changes) change.apply?.(pc);
      const offer = await pc.createOffer({ iceRestart: changes.some((change) => change.iceRestart) });
      await pc.setLocalDescription(offer);
      const answer = this.#listener.offer(offer.sdp ?? '');
      this.#flush();
      for (const change of changes) change.offered?.();
      await pc.setRemoteDescription({ type: 'answer', sdp: await answer });
    } catch (error) {
      this.#flush();
      // Without an answer the offer must not stay half made, or no later one could be.
      if (pc.signalingState === 'have-local-offer') await pc.setLocalDescription({ type: 'rollback' });
      throw OrielError.from(error, closed(pc) ? 'aborted' : 'bad_sdp');
    }
  }

  #gathered(candidate: string): void {
    // Names of the local network mean nothing to the server; it learns the address from our checks.
    if (candidate.includes('.local ')) return;
    if (this.#offering) this.#candidates.push(candidate);
    else this.#listener.candidate(candidate);
  }

  #flush(): void {
    this.#offering = false;
    for (const candidate of this.#candidates.splice(0)) this.#listener.candidate(candidate);
  }
}

/** A function, as the state changes behind the compiler's back while we wait. */
function closed(pc: RTCPeerConnection): boolean {
  return pc.signalingState === 'closed';
}
