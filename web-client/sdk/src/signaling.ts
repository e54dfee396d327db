/**
 * A place in a room without media of the room's: who else is there, and notes from one to another. It is all that
 * two need to connect directly, and a small part of what a `Room` loads.
 */

import { Attempts } from './connection/attempts.ts';
import { Link } from './connection/link.ts';
import { watchSigns } from './connection/signs.ts';
import { OrielError } from './errors.ts';
import { TypedEmitter, type DisconnectReason } from './events.ts';
import { guest, socketAddress, type Invite, type JoinOptions } from './guest.ts';
import type { EventFrame, IceServer, Joined, LeaveReason, ParticipantInfo } from './protocol.gen.ts';
import { WebSocketTransport } from './transport/websocket.ts';

export interface SignalingEvents {
  /** Somebody came. Those who were there before stand in `participants`. */
  participantConnected: [participant: ParticipantInfo];
  participantDisconnected: [participant: ParticipantInfo];
  /** Somebody has sent us a note by `signal`. */
  signalReceived: [data: string, from: string];
  /** The server is out of reach; it is being looked for. */
  reconnecting: [];
  /** It is back. Who has come and gone meanwhile was told. */
  reconnected: [];
  /** Out of the room, and nothing will be tried any more. */
  disconnected: [reason: DisconnectReason];
}

export class Signaling extends TypedEmitter<SignalingEvents> {
  readonly #invite: Invite;
  readonly #stop = new AbortController();
  #url = '';
  #link: Link | undefined;
  #iceServers: IceServer[] = [];
  #participants = new Map<string, ParticipantInfo>();

  private constructor(invite: Invite) {
    super();
    this.#invite = invite;
  }

  /** Joins as a guest. Rejects with an `OrielError`, also where the room has a lobby to wait in. */
  static async join(options: JoinOptions): Promise<Signaling> {
    const signaling = new Signaling(guest(options));
    const { signal } = signaling.#stop;
    await signaling.#enter(options.signal ? AbortSignal.any([options.signal, signal]) : signal);
    watchSigns(() => signaling.#link?.probe(), signal);
    return signaling;
  }

  /** Everybody else by id, in the order they came. */
  get participants(): ReadonlyMap<string, ParticipantInfo> {
    return this.#participants;
  }

  /** Gives a note of at most 64 KiB to one participant. */
  async signal(to: string, data: string): Promise<void> {
    await this.#reached().request<'signal'>({ type: 'signal', to, data });
  }

  /** STUN and TURN servers with credentials: fresh ones, or those of before where the server is out of reach. */
  async iceServers(): Promise<RTCIceServer[]> {
    this.#iceServers = await this.#reached().iceServers().catch(() => this.#iceServers);
    return this.#iceServers;
  }

  /** Leaves the room. */
  leave(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#link?.leaveNow();
  }

  #reached(): Link {
    if (this.#link && !this.#stop.signal.aborted) return this.#link;
    throw new OrielError('not_connected', 'This needs a room that has been joined.');
  }

  /** Joins as somebody new. */
  async #enter(signal: AbortSignal): Promise<void> {
    const { url, token } = await this.#invite(signal);
    this.#url = socketAddress(url);
    const link: Link = new Link(() => new WebSocketTransport(this.#url), {
      event: (frame) => this.#link === link && this.#event(frame),
      message: () => {},
      lost: (error, reason) => {
        if (this.#link === link) void this.#lost(error, reason);
      },
    });
    try {
      const reply = await link.join({ token }, signal);
      if (!('room' in reply)) throw new OrielError('locked', 'The room has a lobby, where nobody can wait for files.');
      this.#link?.close(new OrielError('connection_lost', 'The room was joined anew meanwhile.'));
      this.#link = link;
      this.#come(reply);
      link.begin();
    } catch (error) {
      link.close();
      throw error;
    }
  }

  #come({ participants, ice_servers: iceServers }: Joined): void {
    this.#iceServers = iceServers;
    this.#compare(participants);
  }

  /** Who is there now: the difference is told. */
  #compare(now: readonly ParticipantInfo[]): void {
    const before = this.#participants;
    this.#participants = new Map(now.map((one) => [one.id, one]));
    for (const one of before.values()) if (!this.#participants.has(one.id)) this.emit('participantDisconnected', one);
    for (const one of now) if (!before.has(one.id)) this.emit('participantConnected', one);
  }

  #event(frame: EventFrame): void {
    switch (frame.type) {
      case 'participant.joined':
        this.#participants.set(frame.participant.id, frame.participant);
        this.emit('participantConnected', frame.participant);
        return;
      case 'participant.left': {
        const gone = this.#participants.get(frame.participant);
        this.#participants.delete(frame.participant);
        if (gone) this.emit('participantDisconnected', gone);
        return;
      }
      case 'signal.received':
        this.emit('signalReceived', frame.data, frame.from);
        return;
      case 'moved':
        this.#come(frame.joined);
        return;
      case 'gap':
        this.#compare(frame.snapshot.participants);
        return;
      default:
    }
  }

  async #lost(error: OrielError, reason: LeaveReason | undefined): Promise<void> {
    const isWanted = reason === undefined ? error.retryable : reason === 'connection_lost' || reason === 'server_stopping';
    if (isWanted) {
      this.emit('reconnecting');
      const attempts = new Attempts(this.#stop.signal);
      while (await attempts.next()) {
        try {
          await this.#return();
          if (!this.#link?.isAttached) continue;
          this.emit('reconnected');
          return;
        } catch (cause) {
          if (!OrielError.from(cause, 'unreachable').retryable) break;
        }
      }
    }
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#link?.close();
    this.emit('disconnected', reason ?? 'connection_lost');
  }

  /** Back as the same participant if that goes, else as a new one. */
  async #return(): Promise<void> {
    const { signal } = this.#stop;
    if (this.#link?.canResume) {
      try {
        this.#iceServers = (await this.#link.resume(signal)).ice_servers;
        return;
      } catch (error) {
        // The network's fault, or the server's for a moment: the participant may still be there.
        if (!(error instanceof OrielError) || error.retryable) throw error;
      }
    }
    await this.#enter(signal);
  }
}
