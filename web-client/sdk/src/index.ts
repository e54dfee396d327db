/**
 * `@oriel/client`: rooms with audio, video and chat on an Oriel server.
 *
 * The public surface, declared before its implementation so that others can build on it.
 */

/** Audio or video. */
export type MediaKind = 'audio' | 'video';
/** Where a track's media comes from. */
export type TrackSource = 'camera' | 'microphone' | 'screen_share' | 'screen_share_audio';
export type Role = 'moderator' | 'participant';
export type ConnectionState = 'disconnected' | 'connecting' | 'connected' | 'reconnecting';

/** Why the room was left. The first six are the server's words. */
export type DisconnectReason =
  | 'left'
  | 'connection_lost'
  | 'duplicate_identity'
  | 'room_ended'
  | 'server_stopping'
  | 'internal'
  /** Joining again was refused; the `error` event that came before says why. */
  | 'refused';

/** One chat message. */
export interface ChatMessage {
  id: string;
  /** The writer's participant id; the writer may be gone. */
  participant: string;
  /** The writer's display name when it wrote. */
  name: string;
  text: string;
  /** Milliseconds since 1970 (UTC). */
  at: number;
}

export type ErrorCode =
  // The server's.
  | 'bad_request' | 'unauthorized' | 'forbidden' | 'not_found' | 'too_large' | 'rate_limited'
  | 'full' | 'busy' | 'bad_sdp' | 'stopping' | 'internal'
  // The connection's.
  | 'unreachable' | 'timeout' | 'aborted' | 'not_connected' | 'connection_lost' | 'protocol'
  // The devices'.
  | 'media_denied' | 'media_missing' | 'media_in_use' | 'media_insecure_context'
  | 'media_blocked_by_policy' | 'media_unsuitable' | 'media_ended' | 'media_failed' | 'unsupported';

export declare class OrielError extends Error {
  readonly code: ErrorCode;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;
  /** What a person can do about it, one sentence. */
  readonly hint: string;
}

export type EventMap = Record<string, unknown[]>;
export declare class TypedEmitter<Events extends { [K in keyof Events]: unknown[] }> {
  /** Returns the function that ends the subscription. */
  on<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): () => void;
  once<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): () => void;
  off<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): void;
}

export interface RoomEvents {
  connected: [];
  reconnecting: [];
  reconnected: [];
  disconnected: [reason: DisconnectReason];
  connectionStateChanged: [state: ConnectionState];
  participantConnected: [participant: RemoteParticipant];
  participantDisconnected: [participant: RemoteParticipant];
  /** Name, role, metadata or attributes changed. */
  participantUpdated: [participant: Participant];
  trackPublished: [publication: RemoteTrackPublication, participant: RemoteParticipant];
  trackUnpublished: [publication: RemoteTrackPublication, participant: RemoteParticipant];
  trackSubscribed: [track: RemoteTrack, publication: RemoteTrackPublication, participant: RemoteParticipant];
  trackUnsubscribed: [track: RemoteTrack, publication: RemoteTrackPublication, participant: RemoteParticipant];
  trackMuted: [publication: TrackPublication, participant: Participant];
  trackUnmuted: [publication: TrackPublication, participant: Participant];
  localTrackPublished: [publication: LocalTrackPublication, participant: LocalParticipant];
  localTrackUnpublished: [publication: LocalTrackPublication, participant: LocalParticipant];
  chatMessage: [message: ChatMessage];
  mediaDevicesChanged: [];
  mediaDevicesError: [error: OrielError, source: TrackSource];
  /** Loudest first. */
  activeSpeakersChanged: [speakers: Participant[]];
  /** False: the browser wants a click before it plays sound; call `startAudio` in its handler. */
  audioPlaybackChanged: [canPlay: boolean];
  error: [error: OrielError];
  warning: [error: OrielError];
}

export interface RoomOptions {
  /** Constraints for the microphone; echo cancellation and noise suppression are on by default. */
  microphone?: MediaTrackConstraints;
  /** Constraints for the camera; 1280x720 at 30 by default. */
  camera?: MediaTrackConstraints;
}

export interface JoinOptions {
  /** `https://rooms.example`; by default where the page came from. */
  server?: string;
  room: string;
  name: string;
  identity?: string;
  signal?: AbortSignal;
}

export declare class Room extends TypedEmitter<RoomEvents> {
  constructor(options?: RoomOptions);
  readonly state: ConnectionState;
  /** The room's name; empty before the first join. */
  readonly name: string;
  /** This run of the room (`RM_…`); empty before the first join. */
  readonly id: string;
  /** Always the same object, also before joining and across reconnects. */
  readonly localParticipant: LocalParticipant;
  /** By participant id, in the order they came. */
  readonly remoteParticipants: ReadonlyMap<string, RemoteParticipant>;
  readonly chat: readonly ChatMessage[];
  readonly activeSpeakers: readonly Participant[];
  /** False while the browser blocks sound until a click. */
  readonly canPlayAudio: boolean;
  /** Joins with a token from the application's own back end. Resolves when in the room. */
  connect(url: string, token: string, options?: { signal?: AbortSignal }): Promise<void>;
  /** Asks the server for a guest token, then connects. */
  join(options: JoinOptions): Promise<void>;
  disconnect(): Promise<void>;
  sendChat(text: string): Promise<ChatMessage>;
  /** Plays what the browser blocked; call it in a click handler. */
  startAudio(): Promise<void>;
  /** The device used from now on: `exact` id, of `audioinput`, `videoinput` or `audiooutput`. */
  switchActiveDevice(kind: MediaDeviceKind, deviceId: string): Promise<void>;
  /** What `switchActiveDevice` chose, or what is really in use; undefined for the default. */
  activeDevice(kind: MediaDeviceKind): string | undefined;
  /** Once a second, until the loop is left or the room is. */
  stats(): AsyncIterableIterator<RoomStats>;
}

export declare abstract class Participant {
  readonly id: string;
  readonly identity: string;
  readonly name: string;
  readonly role: Role;
  readonly metadata: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Milliseconds since 1970 (UTC). */
  readonly joinedAt: number;
  readonly isLocal: boolean;
  readonly isSpeaking: boolean;
  /** 0 to 1. */
  readonly audioLevel: number;
  readonly publications: readonly TrackPublication[];
  getPublication(source: TrackSource): TrackPublication | undefined;
  /** Published and not muted. */
  readonly isMicrophoneEnabled: boolean;
  readonly isCameraEnabled: boolean;
  readonly isScreenShareEnabled: boolean;
}

export declare class RemoteParticipant extends Participant {
  override readonly publications: readonly RemoteTrackPublication[];
  override getPublication(source: TrackSource): RemoteTrackPublication | undefined;
}

export interface CaptureOptions {
  deviceId?: string;
  /** Overrides the room's constraints for this source. */
  constraints?: MediaTrackConstraints;
}
export interface PublishOptions {
  source: TrackSource;
  /** A label for people. */
  name?: string;
  muted?: boolean;
  /** Bits per second; a sensible value by source and size by default. */
  maxBitrate?: number;
}

export declare class LocalParticipant extends Participant {
  override readonly publications: readonly LocalTrackPublication[];
  override getPublication(source: TrackSource): LocalTrackPublication | undefined;
  /** The sources that the token allows; empty before joining. */
  readonly canPublish: readonly TrackSource[];
  readonly canChat: boolean;
  setMicrophoneEnabled(enabled: boolean, options?: CaptureOptions): Promise<LocalTrackPublication | undefined>;
  setCameraEnabled(enabled: boolean, options?: CaptureOptions): Promise<LocalTrackPublication | undefined>;
  setScreenShareEnabled(enabled: boolean, options?: { audio?: boolean }): Promise<LocalTrackPublication | undefined>;
  /** Publishes any track: a canvas, a file, or one from a preview. */
  publishTrack(track: MediaStreamTrack, options: PublishOptions): Promise<LocalTrackPublication>;
  /** Takes the publication, or the track that was published. */
  unpublishTrack(track: MediaStreamTrack | LocalTrackPublication): Promise<void>;
}

export declare abstract class TrackPublication {
  /** `TR_…`; a local one gets a new id when the room is joined again. */
  readonly id: string;
  readonly kind: MediaKind;
  readonly source: TrackSource;
  readonly name: string;
  readonly muted: boolean;
  readonly track: Track | undefined;
}
export declare class RemoteTrackPublication extends TrackPublication {
  /** There while the track flows to us. */
  override readonly track: RemoteTrack | undefined;
}
export declare class LocalTrackPublication extends TrackPublication {
  override readonly track: LocalTrack;
  mute(): Promise<void>;
  unmute(): Promise<void>;
}

export declare abstract class Track {
  readonly kind: MediaKind;
  readonly source: TrackSource;
  readonly mediaStreamTrack: MediaStreamTrack;
  /** The elements it plays in. */
  readonly elements: readonly HTMLMediaElement[];
  /** Plays in `element`, or in a new one. A local track is always muted there. */
  attach(element?: HTMLMediaElement): HTMLMediaElement;
  /** Stops playing in `element`, or in all. Returns those it left. */
  detach(element?: HTMLMediaElement): HTMLMediaElement[];
}
export declare class RemoteTrack extends Track {
  /** Of the slot that carries it; grows with each binding. */
  readonly bind: number;
}
export declare class LocalTrack extends Track {}

/** The machine's devices. Labels are empty until a permission was given. */
export declare function listDevices(kind: MediaDeviceKind): Promise<MediaDeviceInfo[]>;
/** A microphone or camera, for a preview before joining; publish it with `publishTrack`. */
export declare function openMicrophone(options?: CaptureOptions): Promise<MediaStreamTrack>;
export declare function openCamera(options?: CaptureOptions): Promise<MediaStreamTrack>;
/** Whether this browser can share a screen. */
export declare function canShareScreen(): boolean;

export interface TrackStats {
  direction: 'sent' | 'received';
  trackId: string;
  participantId: string;
  source: TrackSource;
  kind: MediaKind;
  /** `video/VP8`. */
  codec: string | undefined;
  /** Bits per second over the last interval. */
  bitrate: number;
  /** Packets since the track flows. */
  packets: number;
  packetsLost: number;
  /** Seconds. */
  jitter: number | undefined;
  width: number | undefined;
  height: number | undefined;
  framesPerSecond: number | undefined;
  /** Seconds of frozen picture since the track flows. */
  freezes: number | undefined;
}
export interface RoomStats {
  /** Milliseconds since 1970 (UTC). */
  at: number;
  /** Seconds between us and the server. */
  roundTripTime: number | undefined;
  /** Bits per second that the browser believes it can send. */
  availableOutgoingBitrate: number | undefined;
  /** How the media goes: `udp` or `tcp`, and the server's address. */
  path: { protocol: string; address: string; port: number; relayed: boolean } | undefined;
  tracks: TrackStats[];
}
