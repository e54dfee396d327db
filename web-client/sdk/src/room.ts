/** A room as an application sees it. Everything else in this package serves this object. */

import { Connection, type ConnectionListener, type Entry } from './connection/connection.ts';
import type { Media } from './connection/media.ts';
import { StatsReader, type RoomStats } from './connection/stats.ts';
import { Conversation } from './conversation.ts';
import { RoomData } from './data/data.ts';
import { OrielError } from './errors.ts';
import { TypedEmitter, type ConnectionState, type DisconnectReason, type RoomEvents } from './events.ts';
import { guest, socketAddress, type ConnectOptions, type Invite, type JoinOptions, type TokenOptions } from './guest.ts';
import { LocalParticipant } from './local-participant.ts';
import { DeviceChoice, type RoomOptions } from './media/device-choice.ts';
import { MutedVoice } from './media/muted-voice.ts';
import { AudioPlayback } from './media/playback.ts';
import { SpeakerWatch } from './media/speakers.ts';
import { Viewport } from './media/viewport.ts';
import { idOf, Moderation } from './moderation.ts';
import { Page } from './page.ts';
import type { Participant, RemoteParticipant } from './participant.ts';
import type { ChatMessage, EventFrame, Join, Joined, RoomInfo, Snapshot, Waiting } from './protocol.gen.ts';
import type { Server } from './publisher.ts';
import { Roster } from './roster.ts';
import { sessionPlace, Ways } from './transport/ways.ts';

/** Milliseconds between two statistics. */
const STATS_INTERVAL = 1_000;

const NOWHERE: RoomInfo = { id: '', name: '', started_at: 0, locked: false, lobby: false, password: false };

export class Room extends TypedEmitter<RoomEvents> {
  /** Always the same object, also before joining and across reconnects. */
  readonly localParticipant: LocalParticipant;
  /** What a moderator can do. */
  readonly moderation: Moderation;
  /** Messages of the application's own. */
  readonly data: RoomData;
  readonly #options: RoomOptions;
  readonly #playback = new AudioPlayback((canPlay) => this.emit('audioPlaybackChanged', canPlay));
  readonly #roster: Roster;
  readonly #devices: DeviceChoice;
  readonly #speakers = new SpeakerWatch(
    () => {
      this.#mutedVoice.look(this.localParticipant.mutedMicrophone, performance.now());
      return this.#roster.levels(this.#connection?.media);
    },
    (speakers) => this.emit('activeSpeakersChanged', speakers),
  );
  readonly #mutedVoice = new MutedVoice(() => this.emit('talkingWhileMuted'));
  readonly #conversation = new Conversation();
  #viewport: Viewport | undefined;
  #connection: Connection | undefined;
  #entering: AbortController | undefined;
  #page: Page | undefined;
  #state: ConnectionState = 'disconnected';
  #info = NOWHERE;
  #waiting: readonly Waiting[] = [];

  constructor(options: RoomOptions = {}) {
    super();
    this.#options = options;
    this.#devices = new DeviceChoice(options);
    const server: Server = {
      request: async (request) => this.#connected().request(request),
      reachable: async () => this.#connected().reachable(),
    };
    this.localParticipant = new LocalParticipant({
      ...server,
      emitter: this,
      openDevice: (source, asked) => this.#devices.open(source, asked),
    });
    this.moderation = new Moderation(server);
    this.data = new RoomData({
      connected: () => this.#connected(),
      listen: (topics) => {
        const said = this.#connection?.joined && this.#connection.request<'listen'>({ type: 'listen', topics });
        said?.catch((error: unknown) => this.emit('warning', OrielError.from(error, 'internal')));
      },
      warned: (error) => this.emit('warning', error),
    });
    this.#roster = new Roster({
      local: this.localParticipant,
      emitter: this,
      playback: this.#playback,
      subscribe: async ({ id }, wanted) => {
        const tracks = [id];
        await (wanted
          ? server.request<'subscribe'>({ type: 'subscribe', tracks })
          : server.request<'unsubscribe'>({ type: 'unsubscribe', tracks }));
      },
      viewport: () => this.#viewport,
    });
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** What people call the room; empty before the first join. */
  get name(): string {
    return this.#info.name;
  }

  /** This run of the room (`RM_…`); empty before the first join. */
  get id(): string {
    return this.#info.id;
  }

  /** How the room is entered, and when it ends if the server is going to stop. */
  get info(): Readonly<RoomInfo> {
    return this.#info;
  }

  /** Everybody else by id, in the order they came. */
  get remoteParticipants(): ReadonlyMap<string, RemoteParticipant> {
    return this.#roster.remote;
  }

  /** Who has a hand raised, ourselves included, the earliest first. */
  get raisedHands(): readonly Participant[] {
    const everybody: Participant[] = [this.localParticipant, ...this.#roster.remote.values()];
    return everybody.filter(({ hand }) => hand !== undefined).sort((a, b) => a.hand! - b.hand!);
  }

  /** For moderators: who waits in the lobby, first come first. */
  get waiting(): readonly Waiting[] {
    return this.#waiting;
  }

  /** What is written, oldest first, with what was written lately before we joined. */
  get chat(): readonly ChatMessage[] {
    return this.#conversation.messages;
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
   * its WebSocket. Resolves in the room, after the wait in its lobby if it has one; media follows.
   * Rejects with an `OrielError`.
   */
  async connect(url: string, token: string, options: TokenOptions = {}): Promise<void> {
    const webtransport = options.webtransport ?? sessionPlace(socketAddress(url));
    const invitation = { url, token, ...(webtransport ? { webtransport } : {}) };
    return this.#enter(() => Promise.resolve(invitation), undefined, options);
  }

  /** Asks the server for a guest's token, or for that of a ticket; then joins as `connect` does. */
  join(options: JoinOptions): Promise<void> {
    const invite = guest(options);
    // A ticket is good once.
    return this.#enter(invite, options.ticket === undefined ? invite : undefined, options);
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

  /** Says something to everybody, or to some; resolves with the message as they see it. */
  async sendChat(text: string, options: { to?: readonly (Participant | string)[] } = {}): Promise<ChatMessage> {
    const connection = this.#connected();
    const bytes = new TextEncoder().encode(text).length;
    const limit = connection.joined?.limits.chat_bytes ?? Infinity;
    if (bytes > limit) throw new OrielError('too_large', `A message may have ${limit} bytes; this one has ${bytes}.`);
    const whom = options.to ? { to: options.to.map(idOf) } : {};
    const { message } = await connection.request<'chat'>({ type: 'chat', text, ...whom });
    this.#posted(message);
    return message;
  }

  /** Gives a description or a candidate to one participant, for a connection between the two. */
  async signal(to: Participant | string, data: string): Promise<void> {
    await this.#connected().request<'signal'>({ type: 'signal', to: idOf(to), data });
  }

  /** STUN and TURN servers with fresh credentials, for a connection with another participant. */
  iceServers(): Promise<RTCIceServer[]> {
    return this.#connected().iceServers();
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
      const media = this.#connection?.media;
      if (media) yield await reader.read(media.pc, this.#roster.lines(media));
      await new Promise((resolve) => setTimeout(resolve, STATS_INTERVAL));
    }
  }

  async #enter(invite: Invite, renew: Invite | undefined, options: ConnectOptions): Promise<void> {
    if (this.#state !== 'disconnected') throw new OrielError('already_connected', 'This room object is in use.');
    const entering = (this.#entering = new AbortController());
    const signal = options.signal ? AbortSignal.any([options.signal, entering.signal]) : entering.signal;
    this.#setState('connecting');
    try {
      const { url, token, webtransport } = await invite(signal);
      const ways = new Ways({ url: socketAddress(url), webtransport }, options.transports);
      const join: Join = { token };
      if (options.password !== undefined) join.password = options.password;
      const { media = true, autoSubscribe = media ? undefined : false } = options;
      if (autoSubscribe !== undefined) join.auto_subscribe = autoSubscribe;
      const settings = { join, iceTransportPolicy: options.iceTransportPolicy ?? 'all', media };
      const connection = new Connection(settings, renew, () => ways.make(), this.#listener());
      this.#connection = connection;
      await connection.open(signal);
    } catch (cause) {
      const error = OrielError.from(cause, 'unreachable');
      this.#connection = undefined;
      this.#setState('disconnected');
      throw error;
    } finally {
      this.#entering = undefined;
    }
  }

  #listener(): ConnectionListener {
    return {
      waiting: () => {
        this.#setState('waiting');
        this.emit('waiting');
      },
      joined: (joined, media, entry) => this.#joined(joined, media, entry),
      renewed: (media) => {
        this.#roster.unbindAll();
        this.localParticipant.publishOn(media);
      },
      event: (frame, media) => this.#event(frame, media),
      message: (envelope) => this.data.deliver(envelope),
      envelope: (bytes) => this.data.received(bytes),
      stream: (incoming) => this.data.deliverStream(incoming),
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

  #joined(joined: Joined, media: Media, entry: Entry): void {
    this.#info = joined.room;
    this.#waiting = joined.waiting;
    if (entry === 'first') {
      this.#page = new Page({
        // Without a good-bye the others would look at a frozen picture until the server misses us.
        goes: () => {
          this.#connection?.closeNow();
          this.#ended('left');
        },
        devicesChanged: () => this.emit('mediaDevicesChanged'),
      });
      if (this.#options.adaptiveViewport !== false && typeof IntersectionObserver === 'function') {
        this.#viewport = new Viewport((sizes) => {
          // One that gets lost is told again when the size changes; until then more comes than is needed.
          this.#connection?.request<'viewport'>({ type: 'viewport', sizes }).catch(() => {});
        });
      }
      this.#speakers.start();
    }
    this.#roster.enter(joined);
    this.localParticipant.setGrants(joined.grants);
    this.localParticipant.publishOn(media);
    this.data.entered(joined.retained);
    if (entry === 'again') this.#catchUpChat(joined);
    else this.#conversation.begin(joined.chat);
    if (entry === 'first') {
      this.#setState('connected');
      this.emit('connected');
    } else if (entry === 'moved') {
      this.emit('moved', joined.room.name);
    }
  }

  #event(frame: EventFrame, media: Media): void {
    switch (frame.type) {
      case 'chat.posted':
        return this.#posted(frame.message);
      case 'room.updated':
        return this.#update(frame.room);
      case 'server.draining':
        this.#info = { ...this.#info, draining: frame.deadline };
        this.emit('serverDraining', frame.deadline);
        return;
      case 'grants.changed':
        this.localParticipant.setGrants(frame.grants);
        this.emit('grantsChanged', frame.grants);
        return;
      case 'lobby.changed':
        return this.#lobby(frame.waiting);
      case 'unmute.asked': {
        const publication = this.localParticipant.publicationById(frame.track);
        if (publication) this.emit('unmuteAsked', publication, this.#roster.find(frame.by));
        return;
      }
      case 'signal.received':
        this.emit('signalReceived', frame.data, this.#roster.find(frame.from));
        return;
      case 'data.received':
        return this.data.deliverEvent(frame);
      case 'gap':
        return this.#catchUp(frame.snapshot, media);
      default:
        this.#roster.apply(frame, media.slots);
    }
  }

  /** Events are missing: the difference is told. */
  #catchUp(snapshot: Snapshot, media: Media): void {
    this.#roster.catchUp(snapshot, media.slots);
    this.localParticipant.setGrants(snapshot.grants);
    this.emit('grantsChanged', snapshot.grants);
    this.#update(snapshot.room);
    this.#lobby(snapshot.waiting);
    this.#catchUpChat(snapshot);
    this.data.keep(snapshot.retained);
  }

  #catchUpChat({ chat }: Snapshot): void {
    for (const message of chat) this.#posted(message);
  }

  #update(info: RoomInfo): void {
    this.#info = info;
    this.emit('roomUpdated', info);
  }

  #lobby(waiting: readonly Waiting[]): void {
    this.#waiting = waiting;
    this.emit('lobbyChanged', waiting);
  }

  #ended(reason: DisconnectReason): void {
    this.#connection = undefined;
    const wasInside = this.#page !== undefined;
    this.#page?.leave();
    this.#page = undefined;
    this.#speakers.stop();
    this.#roster.leave();
    this.#viewport?.close();
    this.#viewport = undefined;
    this.#waiting = [];
    this.localParticipant.leave();
    this.#mutedVoice.look(undefined, 0);
    this.#setState('disconnected');
    if (wasInside) this.emit('disconnected', reason);
  }

  #posted(message: ChatMessage): void {
    if (this.#conversation.add(message)) this.emit('chatMessage', message);
  }

  /** The connection, if there is one or will be one again. */
  #connected(): Connection {
    if (this.#connection?.joined) return this.#connection;
    throw new OrielError('not_connected', 'This needs a room that has been joined.');
  }

  #setState(state: ConnectionState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.emit('connectionStateChanged', state);
  }
}
