/** Typed events: who is told what, by name. */

import type { ChatMessage, GrantsInfo, LeaveReason, RoomInfo, Waiting } from './protocol.gen.ts';
import type { OrielError } from './errors.ts';
import type { LocalParticipant } from './local-participant.ts';
import type { Participant, RemoteParticipant } from './participant.ts';
import type { LocalTrackPublication, RemoteTrackPublication, TrackPublication } from './publication.ts';
import type { RemoteTrack } from './track.ts';
import type { TrackSource } from './protocol.gen.ts';

/**
 * Where a room stands. `waiting` is in its lobby, until a moderator decides; `reconnecting` means that the
 * call is interrupted and being repaired.
 */
export type ConnectionState = 'disconnected' | 'connecting' | 'waiting' | 'connected' | 'reconnecting';

/** Why the room was left: the server's words, or `refused` when joining again was not allowed. */
export type DisconnectReason = LeaveReason | 'refused';

/** Everything a room tells, with what comes along. */
export interface RoomEvents {
  /** In the lobby: a moderator has to let us in. */
  waiting: [];
  /** In the room, for the first time since `connect`. */
  connected: [];
  /** The connection is gone or carries no media; it is being repaired. */
  reconnecting: [];
  /** It works again. What has changed meanwhile was told by events. */
  reconnected: [];
  /** Out of the room, and nothing will be tried any more. */
  disconnected: [reason: DisconnectReason];
  /** A moderator moved us to another room: the same object goes on there, with other people in it. */
  moved: [room: string];
  connectionStateChanged: [state: ConnectionState];
  /** The room was locked or unlocked, or has got or lost a lobby or a password. */
  roomUpdated: [room: RoomInfo];
  /** The server is going to stop: the room ends at `deadline`, milliseconds since 1970 (UTC). */
  serverDraining: [deadline: number];
  participantConnected: [participant: RemoteParticipant];
  participantDisconnected: [participant: RemoteParticipant];
  /** Name, role, metadata or attributes changed. */
  participantUpdated: [participant: Participant];
  handRaised: [participant: Participant];
  handLowered: [participant: Participant];
  trackPublished: [publication: RemoteTrackPublication, participant: RemoteParticipant];
  trackUnpublished: [publication: RemoteTrackPublication, participant: RemoteParticipant];
  /** The track flows: attach it. */
  trackSubscribed: [track: RemoteTrack, publication: RemoteTrackPublication, participant: RemoteParticipant];
  /** The track no longer flows; it has been detached from its elements. */
  trackUnsubscribed: [track: RemoteTrack, publication: RemoteTrackPublication, participant: RemoteParticipant];
  /** `by` is the moderator who did it; without one it was the publisher. */
  trackMuted: [publication: TrackPublication, participant: Participant, by?: Participant];
  trackUnmuted: [publication: TrackPublication, participant: Participant];
  localTrackPublished: [publication: LocalTrackPublication, participant: LocalParticipant];
  localTrackUnpublished: [publication: LocalTrackPublication, participant: LocalParticipant];
  /** A moderator asks us to unmute it. */
  unmuteAsked: [publication: LocalTrackPublication, by: Participant | undefined];
  /** What we may do has changed. */
  grantsChanged: [grants: GrantsInfo];
  /** For moderators: who waits in the lobby now, first come first. */
  lobbyChanged: [waiting: readonly Waiting[]];
  chatMessage: [message: ChatMessage];
  /** Somebody has sent us a description or a candidate by `room.signal`. */
  signalReceived: [data: string, from: Participant | undefined];
  /** A device was plugged in or out. */
  mediaDevicesChanged: [];
  /** A device that was in use is gone, or could not be had. */
  mediaDevicesError: [error: OrielError, source: TrackSource];
  /** Who speaks, loudest first. */
  activeSpeakersChanged: [speakers: Participant[]];
  /** We speak, and our microphone is muted. */
  talkingWhileMuted: [];
  /** False: the browser wants a click before it plays sound; call `startAudio` in its handler. */
  audioPlaybackChanged: [canPlay: boolean];
  /** Something failed that no caller waited for. */
  error: [error: OrielError];
  /** Something went wrong that will be tried again. */
  warning: [error: OrielError];
}

type Listener<Args extends unknown[]> = (...args: Args) => void;

/**
 * Calls listeners by event name. A listener that throws harms no other listener and not the
 * emitter; its error goes to the page's `error` event like any uncaught one.
 */
export class TypedEmitter<Events extends { [K in keyof Events]: unknown[] }> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

  /** Calls `listener` each time. Returns the function that ends it. */
  on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void {
    let listeners = this.#listeners.get(event);
    if (!listeners) this.#listeners.set(event, (listeners = new Set()));
    listeners.add(listener);
    return () => this.off(event, listener);
  }

  /** Calls `listener` the next time only. Returns the function that ends it. */
  once<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void {
    const stop = this.on(event, (...args) => {
      stop();
      listener(...args);
    });
    return stop;
  }

  /** Ends what `on` began with the same function. */
  off<K extends keyof Events>(event: K, listener: Listener<Events[K]>): void {
    this.#listeners.get(event)?.delete(listener);
  }

  /** Tells the listeners, in the order they came. For whoever has the emitter, not for its listeners. */
  emit<K extends keyof Events>(event: K, ...args: Events[K]): void {
    // A copy: a listener may subscribe or unsubscribe others while it runs.
    for (const listener of [...(this.#listeners.get(event) ?? [])] as Listener<Events[K]>[]) {
      try {
        listener(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
