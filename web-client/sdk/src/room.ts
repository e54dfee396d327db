/** A room as an application sees it. Everything else in this package serves this object. */

import { Connection, type ConnectionListener } from './connection/reconnect.ts';
import type { Session } from './connection/session.ts';
import { StatsReader, type RoomStats } from './connection/stats.ts';
import { OrielError } from './errors.ts';
import { TypedEmitter, type ConnectionState, type DisconnectReason, type RoomEvents } from './events.ts';
import { guest, socketAddress, type Invite, type JoinOptions } from './guest.ts';
import { LocalParticipant } from './local-participant.ts';
import { DeviceChoice, type RoomOptions } from './media/device-choice.ts';
import { AudioPlayback } from './media/playback.ts';
import { SpeakerWatch } from './media/speakers.ts';
import { Page } from './page.ts';
import type { Participant, RemoteParticipant } from './participant.ts';
import type { ChatMessage, EventFrame } from './protocol.gen.ts';
import { Roster } from './roster.ts';
import { Waiting } from './waiting.ts';
import { WebSocketTransport } from './transport/websocket.ts';

/** Milliseconds between two statistics. */
const STATS_INTERVAL = 1_000;
/** Messages kept in `chat`; older ones make room. */
const CHAT_LENGTH = 1_000;

export class Room extends TypedEmitter<RoomEvents> {
  /** Always the same object, also before joining and across reconnects. */
  readonly localParticipant: LocalParticipant;
  readonly #playback = new AudioPlayback((canPlay) => this.emit('audioPlaybackChanged', canPlay));
  readonly #roster: Roster;
  readonly #devices: DeviceChoice;
  readonly #speakers = new SpeakerWatch(
    () => this.#roster.levels(this.#connection?.session),
    (speakers) => this.emit('activeSpeakersChanged', speakers),
  );
  readonly #sessions = new Waiting<Session>();
  #connection: Connection | undefined;
  #entering: AbortController | undefined;
  #page: Page | undefined;
  #state: ConnectionState = 'disconnected';
  #room = { id: '', name: '' };
  #chat: readonly ChatMessage[] = [];

  constructor(options: RoomOptions = {}) {
    super();
    this.#devices = new DeviceChoice(options);
    this.localParticipant = new LocalParticipant({
      emitter: this,
      session: () => this.#session(),
      currentSession: () => this.#connection?.session,
      openDevice: (source, asked) => this.#devices.open(source, asked),
    });
    this.#roster = new Roster(this.localParticipant, this, this.#playback);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** What people call the room; empty before the first join. */
  get name(): string {
    return this.#room.name;
  }

  /** This run of the room (`RM_…`); empty before the first join. */
  get id(): string {
    return this.#room.id;
  }

  /** Everybody else by id, in the order they came. */
  get remoteParticipants(): ReadonlyMap<string, RemoteParticipant> {
    return this.#roster.remote;
  }

  /** What was written since we joined, oldest first. */
  get chat(): readonly ChatMessage[] {
    return this.#chat;
  }

  /** Who speaks, loudest first. */
  get activeSpeakers(): readonly Participant[] {
    return this.#speakers.speakers;
  }

  /** False while the browser holds sound back until a click. */
  get canPlayAudio(): boolean {
    return this.#playback.canPlay;
  }

  /**
   * Joins with a token from the application's own back end. `url` is the server's address or that of
   * its WebSocket. Resolves in the room; media follows. Rejects with an `OrielError`.
   */
  connect(url: string, token: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    return this.#enter(() => Promise.resolve({ url, token }), undefined, options.signal);
  }

  /** Asks the server for a guest's token, then joins as `connect` does. */
  join(options: JoinOptions): Promise<void> {
    const invite = guest(options);
    return this.#enter(invite, invite, options.signal);
  }

  /** Leaves the room, or stops trying to get into it. Devices that this package opened are switched off. */
  async disconnect(): Promise<void> {
    this.#entering?.abort();
    const connection = this.#connection;
    if (!connection) return;
    const closing = connection.close();
    this.#ended('left');
    await closing;
  }

  /** Says something to everybody; resolves with the message as everybody sees it. */
  async sendChat(text: string): Promise<ChatMessage> {
    const session = await this.#session();
    const bytes = new TextEncoder().encode(text).length;
    const { chat_bytes: limit } = session.joined.limits;
    if (bytes > limit) throw new OrielError('too_large', `A message may have ${limit} bytes; this one has ${bytes}.`);
    const { message } = await session.request<'chat'>({ type: 'chat', text });
    this.#posted(message);
    return message;
  }

  /** Plays the sound that the browser held back; call it in the handler of a click. */
  startAudio(): Promise<void> {
    return this.#playback.start();
  }

  /** Uses this device from now on. If it cannot be opened, the one in use stays. */
  async switchActiveDevice(kind: MediaDeviceKind, deviceId: string): Promise<void> {
    if (kind === 'audiooutput') return this.#playback.setSink(deviceId);
    const source = kind === 'audioinput' ? 'microphone' : 'camera';
    await this.localParticipant.switchDevice(source, deviceId);
    this.#devices.choose(source, deviceId);
  }

  /** The device really in use, else the chosen one; undefined for the browser's choice. */
  activeDevice(kind: MediaDeviceKind): string | undefined {
    if (kind === 'audiooutput') return this.#playback.sink || undefined;
    const source = kind === 'audioinput' ? 'microphone' : 'camera';
    const media = this.localParticipant.getPublication(source)?.track.mediaStreamTrack;
    const inUse = media?.readyState === 'live' ? media.getSettings().deviceId : undefined;
    return inUse ?? this.#devices.chosen(source);
  }

  /** Statistics once a second, until the loop is left or the room is. */
  async *stats(): AsyncGenerator<RoomStats, void, undefined> {
    const reader = new StatsReader();
    while (this.#state !== 'disconnected') {
      const session = this.#connection?.session;
      if (session) yield await reader.read(session.pc, this.#roster.lines(session));
      await new Promise((resolve) => setTimeout(resolve, STATS_INTERVAL));
    }
  }

  async #enter(invite: Invite, renew: Invite | undefined, asked: AbortSignal | undefined): Promise<void> {
    if (this.#state !== 'disconnected') throw new OrielError('already_connected', 'This room object is in use.');
    const entering = (this.#entering = new AbortController());
    const signal = asked ? AbortSignal.any([asked, entering.signal]) : entering.signal;
    this.#setState('connecting');
    try {
      const { url, token } = await invite(signal);
      const address = socketAddress(url);
      const transport = (): WebSocketTransport => new WebSocketTransport(address);
      const connection = new Connection({ token }, renew, transport, this.#listener());
      this.#connection = connection;
      await connection.open(signal);
    } catch (cause) {
      const error = OrielError.from(cause, 'unreachable');
      this.#connection = undefined;
      this.#sessions.reject(error);
      this.#setState('disconnected');
      throw error;
    } finally {
      this.#entering = undefined;
    }
  }

  #listener(): ConnectionListener {
    return {
      joined: (session, again) => this.#joined(session, again),
      event: (frame, session) => this.#event(frame, session),
      interrupted: () => {
        if (this.#state !== 'connected') return;
        this.#setState('reconnecting');
        this.emit('reconnecting');
      },
      recovered: () => {
        this.#setState('connected');
        this.emit('reconnected');
      },
      failed: (error) => this.emit('error', error),
      warned: (error) => this.emit('warning', error),
      ended: (reason) => this.#ended(reason),
    };
  }

  #joined(session: Session, again: boolean): void {
    const { room, grants } = session.joined;
    this.#room = room;
    if (!again) {
      this.#chat = [];
      this.#page = new Page({
        // Without a good-bye the others would look at a frozen picture until the server misses us.
        goes: () => {
          this.#connection?.closeNow();
          this.#ended('left');
        },
        devicesChanged: () => this.emit('mediaDevicesChanged'),
      });
      this.#speakers.start();
    }
    this.#roster.enter(session.joined);
    this.localParticipant.enter(grants, session);
    this.#setState('connected');
    this.emit(again ? 'reconnected' : 'connected');
    this.#sessions.resolve(session);
  }

  #event(frame: EventFrame, session: Session): void {
    if (frame.type === 'chat.posted') this.#posted(frame.message);
    else this.#roster.apply(frame, session.slots);
  }

  #ended(reason: DisconnectReason): void {
    this.#connection = undefined;
    this.#page?.leave();
    this.#speakers.stop();
    const wasInside = this.#state === 'connected' || this.#state === 'reconnecting';
    this.#roster.leave();
    this.localParticipant.leave();
    this.#sessions.reject(new OrielError('not_connected', 'The room was left.'));
    this.#setState('disconnected');
    if (wasInside) this.emit('disconnected', reason);
  }

  #posted(message: ChatMessage): void {
    // Our own comes twice: as the reply and as everybody's event.
    if (this.#chat.some(({ id }) => id === message.id)) return;
    this.#chat = [...this.#chat.slice(1 - CHAT_LENGTH), message];
    this.emit('chatMessage', message);
  }

  /** The session, waiting for it through an interruption. */
  #session(): Promise<Session> {
    const session = this.#connection?.session;
    if (session) return Promise.resolve(session);
    if (this.#state === 'disconnected') {
      return Promise.reject(new OrielError('not_connected', 'This needs a room that has been joined.'));
    }
    return this.#sessions.next();
  }

  #setState(state: ConnectionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.emit('connectionStateChanged', state);
  }
}
