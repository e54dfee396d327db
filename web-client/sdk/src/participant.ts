/** Who is in the room. What the local participant can do stands in `local-participant.ts`. */

import type { ParticipantInfo, Role, TrackSource } from './protocol.gen.ts';
import type { RemoteTrackPublication, TrackPublication } from './publication.ts';

const NOBODY: ParticipantInfo = {
  id: '',
  identity: '',
  name: '',
  role: 'participant',
  metadata: '',
  attributes: {},
  joined_at: 0,
  tracks: [],
};

/** One identity in a room. */
export abstract class Participant<P extends TrackPublication = TrackPublication> {
  #info: ParticipantInfo;
  #publications: readonly P[] = [];
  #audioLevel = 0;
  #isSpeaking = false;

  constructor(info: ParticipantInfo = NOBODY) {
    this.#info = info;
  }

  abstract readonly isLocal: boolean;

  /** `PA_…`, new for every join. */
  get id(): string {
    return this.#info.id;
  }

  /** Who it is, by the token; stays across joins. */
  get identity(): string {
    return this.#info.identity;
  }

  /** The display name. */
  get name(): string {
    return this.#info.name;
  }

  get role(): Role {
    return this.#info.role;
  }

  /** Free text. */
  get metadata(): string {
    return this.#info.metadata;
  }

  /** Free key-value pairs. */
  get attributes(): Readonly<Record<string, string>> {
    return this.#info.attributes;
  }

  /** Milliseconds since 1970 (UTC). */
  get joinedAt(): number {
    return this.#info.joined_at;
  }

  /** There while its hand is raised. The lower the number, the earlier it was. */
  get hand(): number | undefined {
    return this.#info.hand;
  }

  /** What it has published, oldest first. */
  get publications(): readonly P[] {
    return this.#publications;
  }

  /** The newest publication of that source. */
  getPublication(source: TrackSource): P | undefined {
    return this.#publications.findLast((one) => one.source === source);
  }

  /** Published and not muted. */
  get isMicrophoneEnabled(): boolean {
    return this.#isEnabled('microphone');
  }

  /** Published and not muted. */
  get isCameraEnabled(): boolean {
    return this.#isEnabled('camera');
  }

  /** Published and not muted. */
  get isScreenShareEnabled(): boolean {
    return this.#isEnabled('screen_share');
  }

  /** Heard in the last half second. */
  get isSpeaking(): boolean {
    return this.#isSpeaking;
  }

  /** Loudness now, 0 to 1. */
  get audioLevel(): number {
    return this.#audioLevel;
  }

  /** @internal True if that is news. */
  setInfo(info: ParticipantInfo): boolean {
    const before = this.#info;
    this.#info = info;
    return said(before) !== said(info);
  }

  /** @internal */
  setHand(hand: number | undefined): void {
    const info = { ...this.#info };
    if (hand === undefined) delete info.hand;
    else info.hand = hand;
    this.#info = info;
  }

  /** @internal */
  setAudio(level: number, isSpeaking: boolean): void {
    this.#audioLevel = level;
    this.#isSpeaking = isSpeaking;
  }

  /** @internal */
  addPublication(publication: P): void {
    this.#publications = [...this.#publications, publication];
  }

  /** @internal */
  removePublication(publication: TrackPublication): void {
    this.#publications = this.#publications.filter((one) => one !== publication);
  }

  /** @internal */
  publicationById(track: string): P | undefined {
    return this.#publications.find((one) => one.id === track);
  }

  #isEnabled(source: TrackSource): boolean {
    const publication = this.getPublication(source);
    return publication !== undefined && !publication.muted;
  }
}

/** What is said of a participant itself, to compare. */
function said({ identity, name, role, metadata, attributes }: ParticipantInfo): string {
  return JSON.stringify([identity, name, role, metadata, Object.entries(attributes).sort()]);
}

/** Somebody else. */
export class RemoteParticipant extends Participant<RemoteTrackPublication> {
  readonly isLocal = false;
}
