/**
 * Media of one participation while one peer connection lasts: what is sent, the slots that receive, and
 * the data channels. What is done after its end stands in `connection.ts`.
 */

import { openChannels } from '../data/channels.ts';
import type { Lanes } from '../data/lane.ts';
import { OrielError } from '../errors.ts';
import { tune, type Outgoing } from '../media/publish.ts';
import type { EventFrame, IceServer, Limits, TrackInfo } from '../protocol.gen.ts';
import type { Replies, RequestOf, RequestType } from '../transport/transport.ts';
import { Flow } from './flow.ts';
import { MediaWatch } from './media-watch.ts';
import { PeerConnection } from './peer-connection.ts';
import { Senders } from './senders.ts';
import { FIRST_PAIRS, SlotPool, type Line } from './slots.ts';

export interface MediaSettings {
  iceServers: IceServer[];
  iceTransportPolicy: RTCIceTransportPolicy;
  /** What the server allows. */
  limits: Limits;
  /** Whether others' media may be received. */
  receives: boolean;
}

export interface MediaListener {
  request<T extends RequestType>(request: RequestOf<T>): Promise<Replies[T]>;
  /** A path is going to be looked for: resolves when the ICE servers are fresh, or cannot be. */
  freshen(): Promise<void>;
  /** Media flows, for the first time or again. */
  connected(): void;
  /** No media flows; it is being repaired. */
  interrupted(): void;
  /** What came has stopped: nobody sends, or the path is gone. */
  silent(): void;
  /** An application's message came by a data channel. */
  envelope(bytes: Uint8Array): void;
  /** Something failed that nobody waits for. */
  failed(error: OrielError): void;
}

/** A track of ours on this peer connection. */
export interface Published {
  readonly info: TrackInfo;
  readonly transceiver: RTCRtpTransceiver;
}

export class Media {
  readonly slots: SlotPool;
  readonly channels: Lanes;
  readonly #settings: MediaSettings;
  readonly #listener: MediaListener;
  readonly #peer: PeerConnection;
  readonly #senders: Senders;
  readonly #watch: MediaWatch;
  readonly #flow: Flow;
  readonly #published = new Set<Published>();
  #growing = 0;
  #over = false;

  constructor(settings: MediaSettings, listener: MediaListener) {
    const { iceServers, iceTransportPolicy } = settings;
    this.#settings = settings;
    this.#listener = listener;
    this.slots = new SlotPool(settings.limits.slots);
    this.#peer = new PeerConnection(
      { iceServers, iceTransportPolicy },
      {
        offer: async (sdp) => (await listener.request<'offer'>({ type: 'offer', sdp })).sdp,
        // The call works without: checks from our side tell the server the same addresses.
        candidate: (candidate) =>
          void listener.request<'candidate'>({ type: 'candidate', candidate }).catch(() => {}),
        stateChanged: (state) => this.#watch.stateChanged(state),
      },
    );
    this.channels = openChannels(this.#peer.pc, settings.limits, (bytes) => {
      if (!this.#over) listener.envelope(bytes);
    });
    this.#senders = new Senders(this.#peer);
    this.#watch = new MediaWatch({
      restart: async () => {
        await listener.freshen();
        await this.#peer.negotiate({ iceRestart: true });
      },
      connected: () => listener.connected(),
      interrupted: () => listener.interrupted(),
      failed: (error) => listener.failed(error),
    });
    this.#flow = new Flow(this.#peer.pc, { silent: () => listener.silent(), heard: () => this.#watch.heard() });
  }

  /** The browser's connection, for statistics. */
  get pc(): RTCPeerConnection {
    return this.#peer.pc;
  }

  /** Whether another one has taken its place. */
  get isOver(): boolean {
    return this.#over;
  }

  /** Offers the first slots. Tracks published in the same turn of the event loop go into the same offer. */
  begin(): void {
    this.#grow(this.#settings.receives ? FIRST_PAIRS : 0, true);
  }

  /** Takes what an event says of this peer connection. */
  apply(frame: EventFrame): void {
    if (frame.type === 'slots.needed') {
      this.#grow(this.slots.pairsToAdd(frame.audio, frame.video));
    } else if (frame.type === 'track.unpublished') {
      const published = [...this.#published].find(({ info }) => info.id === frame.track);
      if (published) this.#release(published);
    }
  }

  /** That many pairs are wanted in all. */
  wantPairs(pairs: number): void {
    if (pairs > this.slots.pairs) this.#grow(this.slots.pairsToAdd(pairs - this.slots.pairs, 0));
  }

  /** Whether all that is sent here is among `tracks`. */
  isKnownAs(tracks: readonly TrackInfo[]): boolean {
    return [...this.#published].every(({ info }) => tracks.some(({ id }) => id === info.id));
  }

  /** The network may be another one. */
  networkChanged(): void {
    this.#watch.networkChanged(this.#flow.isSilent);
  }

  /** New names and passwords for the next look for a path. */
  setIceServers(iceServers: IceServer[]): void {
    if (!this.#over) this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers });
  }

  /** Sends and publishes. Behind an offer if a new m-line is needed, else at once. */
  async publish(outgoing: Outgoing, name: string, muted: boolean): Promise<Published> {
    const { offered, answered } = this.#senders.take(outgoing);
    const transceiver = await offered;
    try {
      const mid = transceiver.mid ?? '';
      const { kind, source } = outgoing;
      const published = this.#listener.request<'publish'>({ type: 'publish', mid, kind, source, name, muted });
      // Told below; until then a refusal has nobody waiting.
      published.catch(() => {});
      await answered;
      const { track } = await published;
      // Where a browser does not take the parameters, its own do.
      await tune(transceiver.sender, outgoing).catch(() => {});
      const ours = { info: track, transceiver };
      this.#published.add(ours);
      return ours;
    } catch (error) {
      this.#senders.give(transceiver);
      throw error;
    }
  }

  /** Ends a track of ours; its m-line serves the next one. */
  async unpublish(published: Published): Promise<void> {
    // The server may have ended it before us.
    if (this.#over || !this.#published.has(published)) return;
    this.#release(published);
    await this.#listener.request<'unpublish'>({ type: 'unpublish', track: published.info.id });
  }

  /** Every track on an m-line, of ours and of others. */
  lines(): Line[] {
    const sent = (one: Published): Line => ({ mid: one.transceiver.mid ?? '', track: one.info.id, bind: 0 });
    return [...[...this.#published].map(sent), ...this.slots.lines()];
  }

  close(): void {
    this.#over = true;
    this.#watch.stop();
    this.#flow.stop();
    this.channels.close();
    this.#peer.close();
  }

  #release(published: Published): void {
    this.#published.delete(published);
    this.#senders.give(published.transceiver);
  }

  /** Demands that come before the next offer is made are one demand. */
  #grow(pairs: number, offer = pairs > 0): void {
    const alreadyAsked = this.#growing > 0;
    this.#growing = Math.max(this.#growing, pairs);
    if (!offer || alreadyAsked) return;
    this.#peer
      .negotiate({
        apply: (pc) => {
          this.slots.grow(pc, this.#growing);
          this.#growing = 0;
        },
      })
      .catch((error: unknown) => {
        if (!this.#over) this.#listener.failed(OrielError.from(error, 'bad_sdp'));
      });
  }
}
