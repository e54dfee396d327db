/**
 * One attachment to a room with its peer connection, from joining to the end of either. What is
 * tried after the end stands in `reconnect.ts`.
 */

import { OrielError } from '../errors.ts';
import { tune, type Outgoing } from '../media/publish.ts';
import type { EventFrame, Join, Joined, LeaveReason, TrackInfo } from '../protocol.gen.ts';
import type { Replies, RequestOf, RequestType, Transport } from '../transport/transport.ts';
import { MediaWatch } from './media-watch.ts';
import { PeerConnection } from './peer-connection.ts';
import { Senders } from './senders.ts';
import { FIRST_PAIRS, SlotPool, type Line } from './slots.ts';

export interface SessionListener {
  event(frame: EventFrame): void;
  /** No media flows; it is being repaired. */
  mediaInterrupted(): void;
  mediaRecovered(): void;
  /** Something failed that nobody waits for. */
  failed(error: OrielError): void;
  /** The session is over, not by `close`. `reason` is the server's word, if it said one. */
  lost(error: OrielError, reason: LeaveReason | undefined): void;
}

/** A track of ours in this session. */
export interface Published {
  readonly info: TrackInfo;
  readonly transceiver: RTCRtpTransceiver;
}

/** Milliseconds that a good-bye may take. */
const LEAVE_TIMEOUT = 1_000;

export class Session {
  readonly joined: Joined;
  readonly slots: SlotPool;
  readonly #transport: Transport;
  readonly #listener: SessionListener;
  readonly #peer: PeerConnection;
  readonly #senders: Senders;
  readonly #watch: MediaWatch;
  readonly #published = new Set<Published>();
  #growing = 0;
  #reason: LeaveReason | undefined;
  #over = false;

  /** Joins over a transport that was not used before. */
  static async open(
    transport: Transport,
    join: Join,
    listener: SessionListener,
    signal: AbortSignal | undefined,
  ): Promise<Session> {
    const joined = await transport.attach(join, signal);
    return new Session(transport, joined, listener);
  }

  private constructor(transport: Transport, joined: Joined, listener: SessionListener) {
    this.joined = joined;
    this.#transport = transport;
    this.#listener = listener;
    this.slots = new SlotPool(joined.limits.slots);
    this.#peer = new PeerConnection(
      { iceServers: joined.ice_servers },
      {
        offer: async (sdp) => (await this.request<'offer'>({ type: 'offer', sdp })).sdp,
        // The call works without: checks from our side tell the server the same addresses.
        candidate: (candidate) => void this.request<'candidate'>({ type: 'candidate', candidate }).catch(() => {}),
        stateChanged: (state) => this.#watch.stateChanged(state),
      },
    );
    this.#senders = new Senders(this.#peer);
    this.#watch = new MediaWatch({
      restart: () => this.#peer.negotiate({ iceRestart: true }),
      interrupted: () => listener.mediaInterrupted(),
      recovered: () => listener.mediaRecovered(),
      failed: (error) => listener.failed(error),
      lost: (error) => this.#end(error),
    });
  }

  /** The browser's connection, for statistics. */
  get pc(): RTCPeerConnection {
    return this.#peer.pc;
  }

  /** Whether the room can still be reached through this session. */
  get isOver(): boolean {
    return this.#over;
  }

  /**
   * Begins to tell events and offers the first slots. Tracks published in the same turn of the event
   * loop go into the same offer.
   */
  begin(): void {
    if (this.joined.grants.can_subscribe) this.#grow(FIRST_PAIRS);
    this.#transport.events({
      event: (frame) => this.#event(frame),
      closed: (error) => this.#end(error),
    });
  }

  request<T extends RequestType>(request: RequestOf<T>): Promise<Replies[T]> {
    return this.#transport.request(request);
  }

  /** Sends and publishes. Behind an offer if a new m-line is needed, else at once. */
  async publish(outgoing: Outgoing, name: string, muted: boolean): Promise<Published> {
    const { offered, answered } = this.#senders.take(outgoing);
    const transceiver = await offered;
    try {
      const mid = transceiver.mid ?? '';
      const { kind, source } = outgoing;
      const published = this.request<'publish'>({ type: 'publish', mid, kind, source, name, muted });
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
    this.#published.delete(published);
    this.#senders.give(published.transceiver);
    await this.request<'unpublish'>({ type: 'unpublish', track: published.info.id });
  }

  /** Every track on an m-line, of ours and of others. */
  lines(): Line[] {
    const sent = (one: Published): Line => ({ mid: one.transceiver.mid ?? '', track: one.info.id, bind: 0 });
    return [...[...this.#published].map(sent), ...this.slots.lines()];
  }

  /** Says good-bye and closes. */
  async leave(): Promise<void> {
    const said = this.request<'leave'>({ type: 'leave' }).catch(() => {});
    await Promise.race([said, new Promise((resolve) => setTimeout(resolve, LEAVE_TIMEOUT))]);
    this.close();
  }

  /** Closes without a word to the listener. */
  close(): void {
    this.#over = true;
    this.#watch.stop();
    this.#transport.close();
    this.#peer.close();
  }

  /** A page that is about to go away can still say good-bye, but wait for nothing. */
  leaveNow(): void {
    this.request<'leave'>({ type: 'leave' }).catch(() => {});
    this.close();
  }

  #event(frame: EventFrame): void {
    if (frame.type === 'disconnected') this.#reason = frame.reason;
    if (frame.type === 'track.unpublished' && this.#isPublished(frame.track)) {
      // Not our wish: the server has lost our media, and only a new session brings it back.
      this.#end(new OrielError('connection_lost', 'The server no longer receives our media.'));
      return;
    }
    if (frame.type === 'slots.needed') this.#grow(this.slots.pairsToAdd(frame.audio, frame.video));
    this.#listener.event(frame);
  }

  #isPublished(track: string): boolean {
    return [...this.#published].some(({ info }) => info.id === track);
  }

  /** Demands that come before the next offer is made are one demand. */
  #grow(pairs: number): void {
    const alreadyAsked = this.#growing > 0;
    this.#growing = Math.max(this.#growing, pairs);
    if (pairs <= 0 || alreadyAsked) return;
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

  #end(error: OrielError): void {
    if (this.#over) return;
    this.#over = true;
    this.#watch.stop();
    this.#transport.close();
    // The peer connection stays until `close`: its last pictures are shown until there are new ones.
    this.#listener.lost(error, this.#reason);
  }
}
