/** Who and what is in the room, as the snapshot and the events after it say. */

import type { Media } from './connection/media.ts';
import type { SlotPool } from './connection/slots.ts';
import type { TrackOnLine } from './connection/stats.ts';
import type { RoomEvents, TypedEmitter } from './events.ts';
import type { LocalParticipant } from './local-participant.ts';
import type { AudioPlayback } from './media/playback.ts';
import { LocalLevel, receivedLevel, type Levels } from './media/speakers.ts';
import type { Viewport } from './media/viewport.ts';
import { RemoteParticipant, type Participant } from './participant.ts';
import type { Binding, Event, ParticipantInfo, Snapshot, TrackInfo } from './protocol.gen.ts';
import { RemoteTrackPublication, type SubscribeSwitch } from './publication.ts';
import { RemoteTrack } from './track.ts';

/** What the roster works on. */
export interface RosterHost {
  readonly local: LocalParticipant;
  readonly emitter: TypedEmitter<RoomEvents>;
  readonly playback: AudioPlayback;
  readonly subscribe: SubscribeSwitch;
  /** Where it is told how large pictures are shown, if anywhere. */
  viewport(): Viewport | undefined;
}

export class Roster {
  /** By id, in the order they came. */
  readonly remote = new Map<string, RemoteParticipant>();
  readonly #host: RosterHost;
  readonly #localLevel = new LocalLevel();

  constructor(host: RosterHost) {
    this.#host = host;
  }

  /** Somebody in the room, ourselves included. */
  find(id: string): Participant | undefined {
    return id === this.#host.local.id ? this.#host.local : this.remote.get(id);
  }

  /** Becomes what the snapshot says as somebody new; the difference is told. Nothing flows yet. */
  enter(snapshot: Snapshot): void {
    this.#host.local.setInfo(snapshot.participant);
    this.unbindAll();
    this.#compare(snapshot);
    // The server begins with what it was told at the join.
    for (const participant of this.remote.values()) {
      for (const one of participant.publications) {
        if (one.wanted !== undefined) void one.setSubscribed(one.wanted).catch(() => {});
      }
    }
  }

  /** Becomes what the snapshot says after missing events; what flows as before goes on. */
  catchUp(snapshot: Snapshot, slots: SlotPool): void {
    const { local, emitter } = this.#host;
    const { hand } = local;
    if (local.setInfo(snapshot.participant)) emitter.emit('participantUpdated', local);
    if (hand !== local.hand) emitter.emit(local.hand === undefined ? 'handLowered' : 'handRaised', local);
    for (const { id, muted } of snapshot.participant.tracks) if (muted) this.#muteOurs(id, undefined);
    for (const line of slots.lines()) {
      const stays = snapshot.bindings.some(({ mid, track, bind }) => {
        return mid === line.mid && track === line.track && bind === line.bind;
      });
      if (!stays && slots.unbind(line.mid, line.bind)) this.#unsubscribe(line.track);
    }
    this.#compare(snapshot);
    for (const binding of snapshot.bindings) this.#bind(binding, slots);
  }

  /** Everybody is gone, as we are. */
  leave(): void {
    this.#localLevel.of(undefined);
    this.unbindAll();
    for (const participant of [...this.remote.values()]) this.#remove(participant);
  }

  /** Nothing flows any more. */
  unbindAll(): void {
    for (const participant of this.remote.values()) {
      for (const publication of participant.publications) this.#endTrack(participant, publication);
    }
  }

  /** How loud everybody's microphone is now. */
  *levels(media: Media | undefined): Levels {
    const { local } = this.#host;
    const own = local.getPublication('microphone');
    yield [local, this.#localLevel.of(own && !own.muted ? own.track.mediaStreamTrack : undefined)];
    for (const participant of this.remote.values()) {
      const microphone = participant.getPublication('microphone');
      const slot = microphone && !microphone.muted ? media?.slots.slotOf(microphone.id) : undefined;
      yield [participant, slot ? receivedLevel(slot.transceiver.receiver) : 0];
    }
  }

  /** Whose tracks are on which m-lines of the peer connection. */
  lines(media: Media): TrackOnLine[] {
    const owners: Participant[] = [this.#host.local, ...this.remote.values()];
    return media.lines().flatMap((line) => {
      const owner = owners.find((one) => one.publicationById(line.track));
      const publication = owner?.publicationById(line.track);
      return owner && publication ? [{ ...line, participant: owner.id, source: publication.source }] : [];
    });
  }

  /** Takes one event of the participation that `slots` belongs to. */
  apply(event: Event, slots: SlotPool): void {
    switch (event.type) {
      case 'participant.joined':
        if (!this.find(event.participant.id)) this.#add(event.participant);
        return;
      case 'participant.left':
        this.#goes(event.participant, slots);
        return;
      case 'participants.changed':
        // The same identity may have gone and come. Whom the snapshot has had is known already.
        for (const { participant } of event.left) this.#goes(participant, slots);
        for (const info of event.joined) if (!this.find(info.id)) this.#add(info);
        return;
      case 'participant.updated':
        this.#update(event.participant);
        return;
      case 'hand.raised':
        this.#setHand(event.participant, event.hand);
        return;
      case 'hand.lowered':
        this.#setHand(event.participant, undefined);
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
      case 'track.muted': {
        const by = event.by === undefined ? undefined : this.find(event.by);
        // Our own muting comes back to us; it is known already, and may be history.
        if (event.participant !== this.#host.local.id) this.#mute(event.participant, event.track, true, by);
        else if (event.by !== undefined) this.#muteOurs(event.track, by);
        return;
      }
      case 'track.unmuted':
        if (event.participant !== this.#host.local.id) this.#mute(event.participant, event.track, false, undefined);
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

  #goes(id: string, slots: SlotPool): void {
    this.#with(id, (participant) => {
      for (const publication of participant.publications) slots.release(publication.id);
      this.#remove(participant);
    });
  }

  #bind(event: Binding, slots: SlotPool): void {
    const binding = slots.bind(event.mid, event.track, event.bind);
    if (!binding) return;
    if (binding.previous !== undefined) this.#unsubscribe(binding.previous);
    this.#with(event.participant, (participant) => {
      const publication = participant.publicationById(event.track);
      if (!publication) return;
      // The same track on another slot now: the older binding is over.
      if (publication.track) this.#unsubscribe(event.track);
      const { track: media } = binding.slot.transceiver.receiver;
      const track = new RemoteTrack(publication.source, media, event.bind, {
        playback: this.#host.playback,
        shown: (element, isShown) => {
          if (isShown) this.#host.viewport()?.add(publication.id, element);
          else this.#host.viewport()?.remove(publication.id, element);
        },
      });
      publication.setTrack(track);
      this.#host.emitter.emit('trackSubscribed', track, publication, participant);
    });
  }

  #unsubscribe(id: string): void {
    for (const participant of this.remote.values()) {
      const publication = participant.publicationById(id);
      if (publication) this.#endTrack(participant, publication);
    }
  }

  #endTrack(participant: RemoteParticipant, publication: RemoteTrackPublication): void {
    const { track } = publication;
    if (!track) return;
    publication.setTrack(undefined);
    track.detach();
    this.#host.viewport()?.forget(publication.id);
    this.#host.emitter.emit('trackUnsubscribed', track, publication, participant);
  }

  /** The others become those of the snapshot. */
  #compare({ participants }: Snapshot): void {
    const present = new Set(participants.map(({ id }) => id));
    for (const participant of [...this.remote.values()]) {
      if (!present.has(participant.id)) this.#remove(participant);
    }
    for (const info of participants) {
      const known = this.remote.get(info.id);
      if (known) this.#refresh(known, info);
      else this.#add(info);
    }
  }

  #add(info: ParticipantInfo): void {
    const participant = new RemoteParticipant(info);
    for (const track of info.tracks) participant.addPublication(this.#publication(track));
    this.remote.set(info.id, participant);
    this.#host.emitter.emit('participantConnected', participant);
  }

  #publication(info: TrackInfo): RemoteTrackPublication {
    return new RemoteTrackPublication(info, this.#host.subscribe);
  }

  #remove(participant: RemoteParticipant): void {
    for (const publication of participant.publications) this.#unpublish(participant, publication);
    this.remote.delete(participant.id);
    this.#host.emitter.emit('participantDisconnected', participant);
  }

  #publish(participant: RemoteParticipant, info: TrackInfo): void {
    const publication = this.#publication(info);
    participant.addPublication(publication);
    this.#host.emitter.emit('trackPublished', publication, participant);
  }

  #unpublish(participant: RemoteParticipant, publication: RemoteTrackPublication): void {
    this.#endTrack(participant, publication);
    participant.removePublication(publication);
    this.#host.emitter.emit('trackUnpublished', publication, participant);
  }

  /** Somebody who stayed while we were away. */
  #refresh(participant: RemoteParticipant, info: ParticipantInfo): void {
    const before = participant.publications;
    for (const publication of before) {
      const now = info.tracks.find(({ id }) => id === publication.id);
      if (now) this.#mute(participant.id, now.id, now.muted, undefined);
      else this.#unpublish(participant, publication);
    }
    for (const track of info.tracks) {
      if (!before.some(({ id }) => id === track.id)) this.#publish(participant, track);
    }
    this.#setHand(info.id, info.hand);
    this.#update(info);
  }

  #update(info: ParticipantInfo): void {
    const participant = this.find(info.id);
    if (participant?.setInfo(info)) this.#host.emitter.emit('participantUpdated', participant);
  }

  #setHand(id: string, hand: number | undefined): void {
    const participant = this.find(id);
    if (!participant || participant.hand === hand) return;
    participant.setHand(hand);
    this.#host.emitter.emit(hand === undefined ? 'handLowered' : 'handRaised', participant);
  }

  #mute(of: string, track: string, muted: boolean, by: Participant | undefined): void {
    this.#with(of, (participant) => {
      const publication = participant.publicationById(track);
      if (!publication || publication.muted === muted) return;
      publication.update({ muted });
      if (muted) this.#host.emitter.emit('trackMuted', publication, participant, by);
      else this.#host.emitter.emit('trackUnmuted', publication, participant);
    });
  }

  #muteOurs(track: string, by: Participant | undefined): void {
    const { local, emitter } = this.#host;
    const publication = local.publicationById(track);
    if (publication && local.wasMuted(publication)) emitter.emit('trackMuted', publication, local, by);
  }

  #with(id: string, then: (participant: RemoteParticipant) => void): void {
    const participant = this.remote.get(id);
    if (participant) then(participant);
  }
}
