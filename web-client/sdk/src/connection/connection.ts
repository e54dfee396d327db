/**
 * Keeps a room joined. A connection that is lost is opened again for about half a minute: as the same
 * participant where the server still knows it, so that nobody sees anything of it, else by joining anew.
 * A peer connection that failed for good is replaced while the participant stays.
 */

import type { Envelope } from '../data/envelope.ts';
import { Lanes } from '../data/lane.ts';
import { OrielError } from '../errors.ts';
import type { DisconnectReason } from '../events.ts';
import type { EventFrame, IceServer, InLobby, Join, Joined, LeaveReason, Snapshot } from '../protocol.gen.ts';
import type { Carrier, Incoming, Replies, RequestOf, RequestType, Transport } from '../transport/transport.ts';
import { Waiting } from '../waiting.ts';
import { Attempts } from './attempts.ts';
import { Link } from './link.ts';
import { Media } from './media.ts';
import { Renewal } from './renewal.ts';
import { watchSigns, type Sign } from './signs.ts';

/** Milliseconds after which ICE servers are asked for again: their credentials are good for twice as long at least. */
const ICE_SERVERS_AGE = 3_600_000;

/** Milliseconds that a repair must last before the next fault gets the full time again. */
const STABLE_AFTER = 10_000;

/** After these the room is open to us as before; any other reason means that we are not wanted. */
const REMEDIED_BY_JOINING: ReadonlySet<LeaveReason> = new Set<LeaveReason>([
  'connection_lost',
  'server_stopping',
  'too_slow',
  'internal',
]);

/** How one came to be in a room. */
export type Entry = 'first' | 'again' | 'moved';

export interface ConnectionListener {
  /** A moderator has to let us in. */
  waiting(): void;
  /** In a room, as somebody new. What is published in this turn goes into the first offer of `media`. */
  joined(joined: Joined, media: Media, entry: Entry): void;
  /** Another peer connection has taken the place of one that failed: nothing flows or is published yet. */
  renewed(media: Media): void;
  event(frame: EventFrame, media: Media): void;
  message(envelope: Envelope): void;
  /** An envelope came by a data channel. */
  envelope(bytes: Uint8Array): void;
  /** Somebody's stream has begun. */
  stream(incoming: Incoming): void;
  /** The call is interrupted; repairing has begun. */
  interrupted(): void;
  /** It works again. */
  recovered(): void;
  failed(error: OrielError): void;
  warned(error: OrielError): void;
  /** It is over for good. */
  ended(reason: DisconnectReason): void;
}

/** Asks for a new token, where the page can: the old one may have expired, or its key be gone. */
export type Renew = (signal: AbortSignal) => Promise<{ token: string }>;

export interface ConnectionSettings {
  join: Join;
  /** Which ways media may go. */
  iceTransportPolicy: RTCIceTransportPolicy;
  /** Whether the peer connection begins at once, or when something is published. */
  media: boolean;
}

export class Connection {
  #join: Join;
  readonly #iceTransportPolicy: RTCIceTransportPolicy;
  readonly #hasMedia: boolean;
  readonly #renew: Renew | undefined;
  readonly #makeTransport: () => Transport;
  readonly #listener: ConnectionListener;
  readonly #stop = new AbortController();
  readonly #attached = new Waiting<Link>();
  readonly #inside = new Waiting<void>();
  readonly #renewal = new Renewal(() => void this.#renewMedia());
  #link: Link | undefined;
  #media: Media | undefined;
  #joined: Joined | undefined;
  #carrier: Carrier | undefined;
  #lanes: Lanes | undefined;
  /** When the ICE servers were made out, by `performance.now()`. */
  #iceServersAt = 0;
  #attempts: Attempts | undefined;
  #repairing = false;
  #stable: ReturnType<typeof setTimeout> | undefined;
  /** What is interrupted now. */
  readonly #out = { signaling: false, media: false };
  #isOut = false;

  constructor(
    settings: ConnectionSettings,
    renew: Renew | undefined,
    makeTransport: () => Transport,
    listener: ConnectionListener,
  ) {
    this.#join = settings.join;
    this.#iceTransportPolicy = settings.iceTransportPolicy;
    this.#hasMedia = settings.media;
    this.#renew = renew;
    this.#makeTransport = makeTransport;
    this.#listener = listener;
    watchSigns((sign) => this.#seen(sign), this.#stop.signal);
  }

  /** What the room was when we came in. */
  get joined(): Joined | undefined {
    return this.#joined;
  }

  /** The peer connection of the moment; undefined outside of the room. */
  get media(): Media | undefined {
    return this.#media;
  }

  /** Joins for the first time; here failure is the caller's. Waits where there is a lobby. */
  async open(signal: AbortSignal | undefined): Promise<void> {
    const both = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    const give = (): void => this.#inside.reject(new OrielError('aborted', 'The call was aborted.'));
    const inside = this.#inside.next();
    // Whichever fails first is told below.
    inside.catch(() => {});
    try {
      this.#enter(await this.#reach(both));
      both.addEventListener('abort', give, { once: true });
      await inside;
    } catch (error) {
      void this.close();
      throw error;
    } finally {
      both.removeEventListener('abort', give);
    }
  }

  /** Asks, waiting through an interruption. */
  async request<T extends RequestType>(request: RequestOf<T>): Promise<Replies[T]> {
    return (await this.#ready()).request<T>(request);
  }

  /** Hands over an application's message by the signaling connection, waiting through an interruption. */
  async give(envelope: (id: number) => Uint8Array<ArrayBuffer>): Promise<void> {
    await (await this.#ready()).give(envelope);
  }

  /** A number for a message that is no request. */
  number(): number {
    return this.#link?.number() ?? 0;
  }

  /** The ways for data past the journal, the best of the moment. Not all of them need be open. */
  get lanes(): Lanes | undefined {
    return this.#lanes ?? this.#media?.channels;
  }

  /** What opens streams to others, where the connection can. */
  get carrier(): Carrier | undefined {
    return this.#carrier;
  }

  /** Whether the server can be asked this moment. */
  get isReachable(): boolean {
    return this.#link?.isAttached === true;
  }

  /** ICE servers whose credentials will last. */
  async iceServers(): Promise<IceServer[]> {
    await this.#ready();
    await this.#freshen();
    return this.#joined?.ice_servers ?? [];
  }

  /** The peer connection, when the server can be asked for something. */
  async reachable(): Promise<Media> {
    await this.#ready();
    return this.#media ?? Promise.reject(new OrielError('not_connected', 'The room was left.'));
  }

  /** Leaves the room, or stops trying to get into it. The listener hears nothing more. */
  async close(): Promise<void> {
    const { link, media } = this.#finish();
    await link?.leave();
    media?.close();
  }

  /** As `close`, for a page that is going away. */
  closeNow(): void {
    const { link, media } = this.#finish();
    link?.leaveNow();
    media?.close();
  }

  #finish(): { link: Link | undefined; media: Media | undefined } {
    this.#stop.abort();
    clearTimeout(this.#stable);
    this.#renewal.stop();
    this.#attached.reject(new OrielError('not_connected', 'The room was left.'));
    this.#inside.reject(new OrielError('aborted', 'The room was left before it was entered.'));
    const left = { link: this.#link, media: this.#media };
    this.#link = this.#media = undefined;
    this.#carry();
    return left;
  }

  #ready(): Promise<Link> {
    if (this.#link?.isAttached) return Promise.resolve(this.#link);
    if (this.#stop.signal.aborted) return Promise.reject(new OrielError('not_connected', 'The room was left.'));
    return this.#attached.next();
  }

  /** A new participation, as far as its first reply. */
  async #reach(signal: AbortSignal): Promise<Joined | InLobby> {
    const link: Link = new Link(this.#makeTransport, {
      event: (frame) => this.#link === link && this.#event(frame),
      message: (envelope) => this.#link === link && this.#listener.message(envelope),
      lost: (error, reason) => {
        if (this.#link === link) void this.#lost(error, reason);
      },
    });
    try {
      const reply = await link.join(this.#join, signal);
      this.#iceServersAt = performance.now();
      if (this.#stop.signal.aborted) {
        link.leaveNow();
        throw new OrielError('aborted', 'The room was left before it was entered.');
      }
      this.#link?.close(new OrielError('connection_lost', 'The room was joined anew meanwhile.'));
      this.#link = link;
      return reply;
    } catch (error) {
      link.close();
      throw error;
    }
  }

  /** Into the room, or into its lobby; from there `lobby.admitted` leads on. */
  #enter(reply: Joined | InLobby): void {
    if (!('room' in reply)) {
      this.#settle();
      this.#listener.waiting();
    } else {
      this.#come(reply, this.#joined ? 'again' : 'first');
    }
    this.#link?.begin();
  }

  #come(joined: Joined, entry: Entry): void {
    const old = this.#media;
    this.#joined = joined;
    const media = (this.#media = this.#makeMedia(joined));
    this.#renewal.stop();
    this.#carry();
    this.#listener.joined(joined, media, entry);
    if (this.#hasMedia) media.begin();
    old?.close();
    this.#isBack();
    this.#set('media', false);
    this.#inside.resolve();
  }

  #makeMedia({ ice_servers: iceServers, limits, grants }: Joined): Media {
    const media: Media = new Media(
      { iceServers, iceTransportPolicy: this.#iceTransportPolicy, limits, receives: grants.can_subscribe },
      {
        request: (request) => this.request(request),
        freshen: () => this.#freshen(),
        envelope: (bytes) => this.#listener.envelope(bytes),
        connected: () => this.#media === media && this.#set('media', false),
        interrupted: () => {
          if (this.#media !== media) return;
          // Both paths often share a fault, and a new path is agreed on by signaling.
          this.#link?.probe();
          this.#set('media', true);
        },
        // If signaling has gone silent with it, the network is another one.
        silent: () => this.#media === media && this.#link?.probe(),
        failed: (error) => {
          // What fails because the participation ends is repaired with it.
          if (this.#media === media && !this.#repairing) this.#listener.failed(error);
        },
      },
    );
    return media;
  }

  /** Has ICE servers made out anew where their credentials may end soon. */
  async #freshen(): Promise<void> {
    if (performance.now() - this.#iceServersAt < ICE_SERVERS_AGE || !this.#link?.isAttached) return;
    try {
      this.#takeIceServers(await this.#link.iceServers());
    } catch (error) {
      // The old ones may do, and ways without a server do in any case.
      this.#listener.warned(OrielError.from(error, 'timeout'));
    }
  }

  #takeIceServers(iceServers: IceServer[]): void {
    this.#iceServersAt = performance.now();
    if (this.#joined) this.#joined = { ...this.#joined, ice_servers: iceServers };
    this.#media?.setIceServers(iceServers);
  }

  /** Takes what the connection of this moment carries. */
  #carry(): void {
    const carrier = this.#joined && this.#link?.carrier;
    if (carrier === this.#carrier) return;
    this.#lanes?.close();
    this.#carrier = carrier;
    this.#lanes = carrier && new Lanes(carrier.outlets, this.#joined!.limits);
    carrier?.accept((incoming) => this.#carrier === carrier && this.#listener.stream(incoming));
  }

  /** The server can be asked again. */
  #isBack(): void {
    this.#settle();
    this.#carry();
    if (this.#link) this.#attached.resolve(this.#link);
    this.#set('signaling', false);
  }

  #settle(): void {
    clearTimeout(this.#stable);
    this.#stable = setTimeout(() => (this.#attempts = undefined), STABLE_AFTER);
  }

  #set(part: 'signaling' | 'media', out: boolean): void {
    this.#out[part] = out;
    const isOut = this.#out.signaling || this.#out.media;
    if (isOut === this.#isOut) return;
    this.#isOut = isOut;
    if (isOut) this.#listener.interrupted();
    else this.#listener.recovered();
  }

  #event(frame: EventFrame): void {
    if (frame.type === 'lobby.admitted') {
      this.#come(frame.joined, this.#joined ? 'again' : 'first');
      return;
    }
    if (frame.type === 'moved') {
      this.#iceServersAt = performance.now();
      this.#come(frame.joined, 'moved');
      return;
    }
    const media = this.#media;
    if (!media) return;
    if (frame.type === 'grants.changed') this.#joined = this.#joined && { ...this.#joined, grants: frame.grants };
    media.apply(frame);
    this.#listener.event(frame, media);
    if (frame.type === 'media.failed') this.#mediaFailed(frame.reason);
    else if (frame.type === 'gap') this.#compare(media, frame.snapshot);
  }

  /** After missing events: whether the server still has our media, and room for everybody's. */
  #compare(media: Media, { participant, participants, grants }: Snapshot): void {
    if (!media.isKnownAs(participant.tracks)) {
      this.#mediaFailed('The server no longer receives our media.');
    } else if (grants.can_subscribe) {
      // Camera and microphone of one share a pair, and so do the two of a screen share.
      const pairs = participants.map(({ tracks }) => new Set(tracks.map(({ source }) => source.startsWith('screen'))).size);
      media.wantPairs(pairs.reduce((sum, one) => sum + one, 0));
    }
  }

  #mediaFailed(reason: string): void {
    this.#set('media', true);
    this.#listener.warned(new OrielError('connection_lost', reason));
    this.#renewal.failed();
  }

  async #renewMedia(): Promise<void> {
    const old = this.#media;
    await this.#freshen();
    // There may be another one by now, of another participation.
    if (!this.#joined || this.#stop.signal.aborted || this.#media !== old) return;
    const media = (this.#media = this.#makeMedia(this.#joined));
    this.#listener.renewed(media);
    if (this.#hasMedia) media.begin();
    old?.close();
  }

  async #lost(error: OrielError, reason: LeaveReason | undefined): Promise<void> {
    this.#carry();
    if (reason !== undefined && !REMEDIED_BY_JOINING.has(reason)) {
      this.#end(reason);
      return;
    }
    // The server closes with such a code what it would refuse again.
    if (reason === undefined && !error.retryable) {
      this.#listener.failed(error);
      this.#end('refused');
      return;
    }
    clearTimeout(this.#stable);
    // Who is not inside yet has nothing that could be interrupted.
    if (this.#joined) this.#set('signaling', true);
    if (!this.#repairing) await this.#repair(reason);
  }

  async #repair(reason: LeaveReason | undefined): Promise<void> {
    this.#repairing = true;
    const attempts = (this.#attempts ??= new Attempts(this.#stop.signal));
    let refused = new OrielError('connection_lost', 'The connection was lost.');
    while (await attempts.next()) {
      try {
        await this.#attempt();
        // It may have been lost again before we could look.
        if (!this.#link?.isAttached) continue;
        this.#repairing = false;
        return;
      } catch (cause) {
        refused = OrielError.from(cause, 'unreachable');
        if (this.#stop.signal.aborted) return;
        if (!refused.retryable) break;
        this.#listener.warned(refused);
      }
    }
    if (this.#stop.signal.aborted) return;
    this.#listener.failed(refused);
    this.#end(refused.retryable ? (reason ?? 'connection_lost') : 'refused');
  }

  /** Back as the same participant if that goes, else as a new one. */
  async #attempt(): Promise<void> {
    const { signal } = this.#stop;
    const link = this.#link;
    if (link?.canResume) {
      try {
        const { ice_servers: iceServers } = await link.resume(signal);
        this.#takeIceServers(iceServers);
        this.#isBack();
        this.#media?.networkChanged();
        return;
      } catch (error) {
        // The network's fault, or the server's for a moment: the participant may still be there.
        if (!(error instanceof OrielError) || error.retryable) throw error;
      }
      link.close(new OrielError('connection_lost', 'The server no longer knows this participant.'));
    }
    this.#enter(await this.#reachAgain());
  }

  /** As `#reach`, with a new token if the old one is no longer taken. */
  async #reachAgain(): Promise<Joined | InLobby> {
    const { signal } = this.#stop;
    try {
      return await this.#reach(signal);
    } catch (error) {
      if (!this.#renew || !(error instanceof OrielError) || error.code !== 'unauthorized') throw error;
      const { token } = await this.#renew(signal);
      this.#join = { ...this.#join, token };
      return this.#reach(signal);
    }
  }

  #seen(sign: Sign): void {
    if (this.#repairing) this.#attempts?.renew();
    else this.#link?.probe();
    if (sign === 'network') this.#media?.networkChanged();
  }

  #end(reason: DisconnectReason): void {
    const isInside = this.#joined !== undefined;
    if (!isInside) this.#inside.reject(notAdmitted(reason));
    const { link, media } = this.#finish();
    link?.close();
    media?.close();
    if (isInside) this.#listener.ended(reason);
  }
}

/** What the wait in a lobby ended with. */
function notAdmitted(reason: DisconnectReason): OrielError {
  switch (reason) {
    case 'removed':
      return new OrielError('denied', 'You were not let in.');
    case 'room_ended':
      return new OrielError('not_found', 'The room has ended.');
    case 'duplicate_identity':
      return new OrielError('aborted', 'You wait from somewhere else now.');
    default:
      return new OrielError('connection_lost', 'The connection was lost while you waited.');
  }
}
