/** Who and what is in the room, as the snapshot and the events after it say. */

import type { Session } from './connection/session.ts';
import type { SlotPool } from './connection/slots.ts';
import type { TrackOnLine } from './connection/stats.ts';
import type { RoomEvents, TypedEmitter } from './events.ts';
import type { LocalParticipant } from './local-participant.ts';
import type { AudioPlayback } from './media/playback.ts';
import { LocalLevel, receivedLevel, type Levels } from './media/speakers.ts';
import { RemoteParticipant, type Participant } from './participant.ts';
import type { Event, Joined, ParticipantInfo, TrackInfo } from './protocol.gen.ts';
import { RemoteTrackPublication } from './publication.ts';
import { RemoteTrack } from './track.ts';

export class Roster {
  /** By id, in the order they came. */
  readonly remote = new Map<string, RemoteParticipant>();
  readonly #local: LocalParticipant;
  readonly #emitter: TypedEmitter<RoomEvents>;
  readonly #playback: AudioPlayback;
  readonly #localLevel = new LocalLevel();

  constructor(local: LocalParticipant, emitter: TypedEmitter<RoomEvents>, playback: AudioPlayback) {
    this.#local = local;
    this.#emitter = emitter;
    this.#playback = playback;
  }

  /** Becomes what the snapshot says; the difference is told. Tracks of an older session have ended. */
  enter(joined: Joined): void {
    this.#local.setInfo(joined.participant);
    this.#unbindAll();
    const present = new Set(joined.participants.map(({ id }) => id));
    for (const participant of [...this.remote.values()]) {
      if (!present.has(participant.id)) this.#remove(participant);
    }
    for (const info of joined.participants) {
      const known = this.remote.get(info.id);
      if (known) this.#refresh(known, info);
      else this.#add(info);
    }
  }

  /** Everybody is gone, as we are. */
  leave(): void {
    this.#localLevel.of(undefined);
    this.#unbindAll();
    for (const participant of [...this.remote.values()]) this.#remove(participant);
  }

  /** How loud everybody's microphone is now. */
  *levels(session: Session | undefined): Levels {
    const own = this.#local.getPublication('microphone');
    yield [this.#local, this.#localLevel.of(own && !own.muted ? own.track.mediaStreamTrack : undefined)];
    for (const participant of this.remote.values()) {
      const microphone = participant.getPublication('microphone');
      const slot = microphone && !microphone.muted ? session?.slots.slotOf(microphone.id) : undefined;
      yield [participant, slot ? receivedLevel(slot.transceiver.receiver) : 0];
    }
  }

  /** Whose tracks are on which m-lines of the session. */
  lines(session: Session): TrackOnLine[] {
    const owners: Participant[] = [this.#local, ...this.remote.values()];
    return session.lines().flatMap((line) => {
      const owner = owners.find((one) => one.publicationById(line.track));
      const publication = owner?.publicationById(line.track);
      return owner && publication ? [{ ...line, participant: owner.id, source: publication.source }] : [];
    });
  }

  /** Takes one event of the session that `slots` belongs to. */
  apply(event: Event, slots: SlotPool): void {
    switch (event.type) {
      case 'participant.joined':
        if (event.participant.id !== this.#local.id && !this.remote.has(event.participant.id)) {
          this.#add(event.participant);
        }
        return;
      case 'participant.left':
        this.#with(event.participant, (participant) => {
          for (const { id } of participant.publications) slots.release(id);
          this.#remove(participant);
        });
        return;
      case 'participant.updated':
        this.#update(event.participant);
        return;
      case 'track.published':
        this.#with(event.participant, (participant) => {
          if (!participant.publicationById(event.track.id)) this.#publish(participant, event.track);
        });
        return;
      case 'track.unpublished':
        slots.release(event.track);
        this.#with(event.participant, (participant) => {
          const publication = participant.publicationById(event.track);
          if (publication) this.#unpublish(participant, publication);
        });
        return;
      case 'track.muted':
        this.#mute(event.participant, event.track, true);
        return;
      case 'track.unmuted':
        this.#mute(event.participant, event.track, false);
        return;
      case 'subscription.bound':
        this.#bind(event, slots);
        return;
      case 'subscription.unbound':
        if (slots.unbind(event.mid, event.bind)) this.#unsubscribe(event.track);
        return;
      default:
      // The rest is no matter of who is there: chat, slots, the end of the room or of us.
    }
  }

  #bind(event: Extract<Event, { type: 'subscription.bound' }>, slots: SlotPool): void {
    const binding = slots.bind(event.mid, event.track, event.bind);
    if (!binding) return;
    if (binding.previous !== undefined) this.#unsubscribe(binding.previous);
    this.#with(event.participant, (participant) => {
      const publication = participant.publicationById(event.track);
      if (!publication) return;
      // The same track on another slot now: the older binding is over.
      if (publication.track) this.#unsubscribe(event.track);
      const { track: media } = binding.slot.transceiver.receiver;
      const track = new RemoteTrack(publication.source, media, event.bind, this.#playback);
      publication.setTrack(track);
      this.#emitter.emit('trackSubscribed', track, publication, participant);
    });
  }

  #unsubscribe(id: string): void {
    for (const participant of this.remote.values()) {
      const publication = participant.publicationById(id);
      if (publication) this.#endTrack(participant, publication);
    }
  }

  #unbindAll(): void {
    for (const participant of this.remote.values()) {
      for (const publication of participant.publications) this.#endTrack(participant, publication);
    }
  }

  #endTrack(participant: RemoteParticipant, publication: RemoteTrackPublication): void {
    const { track } = publication;
    if (!track) return;
    publication.setTrack(undefined);
    track.detach();
    this.#emitter.emit('trackUnsubscribed', track, publication, participant);
  }

  #add(info: ParticipantInfo): void {
    const participant = new RemoteParticipant(info);
    for (const track of info.tracks) participant.addPublication(new RemoteTrackPublication(track));
    this.remote.set(info.id, participant);
    this.#emitter.emit('participantConnected', participant);
  }

  #remove(participant: RemoteParticipant): void {
    for (const publication of participant.publications) this.#unpublish(participant, publication);
    this.remote.delete(participant.id);
    this.#emitter.emit('participantDisconnected', participant);
  }

  #publish(participant: RemoteParticipant, info: TrackInfo): void {
    const publication = new RemoteTrackPublication(info);
    participant.addPublication(publication);
    this.#emitter.emit('trackPublished', publication, participant);
  }

  #unpublish(participant: RemoteParticipant, publication: RemoteTrackPublication): void {
    this.#endTrack(participant, publication);
    participant.removePublication(publication);
    this.#emitter.emit('trackUnpublished', publication, participant);
  }

  /** Somebody who stayed while we were away. */
  #refresh(participant: RemoteParticipant, info: ParticipantInfo): void {
    const before = participant.publications;
    for (const publication of before) {
      const now = info.tracks.find(({ id }) => id === publication.id);
      if (now) this.#mute(participant.id, now.id, now.muted);
      else this.#unpublish(participant, publication);
    }
    for (const track of info.tracks) {
      if (!before.some(({ id }) => id === track.id)) this.#publish(participant, track);
    }
    participant.setInfo(info);
    this.#emitter.emit('participantUpdated', participant);
  }

  #update(info: ParticipantInfo): void {
    const participant: Participant | undefined = info.id === this.#local.id ? this.#local : this.remote.get(info.id);
    if (!participant) return;
    participant.setInfo(info);
    this.#emitter.emit('participantUpdated', participant);
  }

  #mute(of: string, track: string, muted: boolean): void {
    const participant: Participant | undefined = of === this.#local.id ? this.#local : this.remote.get(of);
    const publication = participant?.publicationById(track);
    // Our own muting comes back to us; it is known already.
    if (!participant || !publication || publication.muted === muted) return;
    publication.update({ muted });
    this.#emitter.emit(muted ? 'trackMuted' : 'trackUnmuted', publication, participant);
  }

  #with(id: string, then: (participant: RemoteParticipant) => void): void {
    const participant = this.remote.get(id);
    if (participant) then(participant);
  }
}
