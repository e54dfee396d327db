/** What a person has to know now and can do something about: one line each, above the pictures. */
import type { Room } from '@oriel/client';
import type { ReactiveControllerHost } from 'lit';
import { isOn, setOn, sourceDevice } from '../controls/switches.ts';
import type { Urgency } from '../element/element.ts';
import { RoomController } from '../element/room-controller.ts';
import type { IconName } from '../icons/icon.ts';
import { timeOfDay } from '../texts/forms.ts';
import type { RoomLanguage } from '../texts/texts.ts';

/** One line. */
export interface Bulletin {
  readonly icon: IconName;
  readonly text: string;
  /** The button that does something about it. */
  readonly action?: { readonly words: string; readonly act: () => void };
}

/** What each line is about: a newer one takes the place of an older one. */
export type BulletinKey = 'muted' | 'asked' | 'draining' | 'lobby' | 'moved' | 'talking' | 'role';

type Host = ReactiveControllerHost & { readonly room: Room | undefined; readonly language: RoomLanguage };

/** What the lines need of the call. */
export interface BulletinActions {
  readonly announce: (text: string, urgency: Urgency) => void;
  /** Shows who waits. */
  readonly openPeople: () => void;
  /** A switch could not be thrown. */
  readonly failed: (device: ReturnType<typeof sourceDevice>, error: unknown) => void;
}

/** Keeps the lines of the room that its host shows. */
export class Bulletins {
  readonly #host: Host;
  readonly #actions: BulletinActions;
  readonly #lines = new Map<BulletinKey, Bulletin>();
  #waited = 0;

  constructor(host: Host, actions: BulletinActions) {
    this.#host = host;
    this.#actions = actions;
    new RoomController(host, {
      lobbyChanged: (waiting) => this.#onLobby(waiting.length, waiting.at(-1)?.name ?? ''),
      moved: (room) => this.#set('moved', { icon: 'arrow', text: this.#words.moved(room) }),
      participantUpdated: (participant) => {
        if (participant.isLocal) this.#onRole();
      },
      serverDraining: (deadline) => {
        const text = this.#words.draining(timeOfDay(deadline, this.#host.language.code));
        this.#set('draining', { icon: 'warning', text });
      },
      talkingWhileMuted: () => {
        // They know by another line.
        if (this.#lines.has('muted') || this.#lines.has('asked')) return;
        const act = () => void this.#unmute('microphone', 'talking');
        const text = this.#words.talking;
        this.#set('talking', { icon: 'microphone-off', text, action: { words: this.#words.unmute, act } });
      },
      trackMuted: (publication, participant, by) => {
        if (!participant.isLocal || by === undefined) return;
        this.close('talking');
        const text = this.#words.muted[sourceDevice(publication.source)](by.name);
        this.#set('muted', { icon: 'microphone-off', text }, 'assertive');
      },
      trackUnmuted: (_publication, participant) => {
        if (participant.isLocal) this.close('asked', 'muted', 'talking');
      },
      unmuteAsked: (publication, by) => {
        this.close('talking', 'muted');
        const device = sourceDevice(publication.source);
        const who = by?.name ?? this.#words.moderator;
        const act = () => void this.#unmute(device, 'asked');
        const text = this.#words.asked[device](who);
        this.#set('asked', { icon: 'hand', text, action: { words: this.#words.unmute, act } }, 'assertive');
      },
    });
  }

  /** The lines, the oldest first. */
  get lines(): readonly (readonly [BulletinKey, Bulletin])[] {
    return [...this.#lines];
  }

  /** These are done with. */
  close(...keys: BulletinKey[]): void {
    for (const key of keys) this.#lines.delete(key);
    this.#host.requestUpdate();
  }

  get #words(): RoomLanguage['texts']['call'] {
    return this.#host.language.texts.call;
  }

  #set(key: BulletinKey, bulletin: Bulletin, urgency: Urgency = 'polite'): void {
    this.#lines.delete(key);
    this.#lines.set(key, bulletin);
    this.#actions.announce(bulletin.text, urgency);
    this.#host.requestUpdate();
  }

  #onLobby(count: number, newest: string): void {
    const more = count > this.#waited;
    this.#waited = count;
    if (count === 0) {
      this.close('lobby');
      return;
    }
    const text = this.#words.lobby(count, newest);
    const action = { words: this.#words.show, act: this.#actions.openPeople };
    if (more) this.#set('lobby', { icon: 'door', text, action });
    else if (this.#lines.has('lobby')) this.#lines.set('lobby', { icon: 'door', text, action });
  }

  #wasModerator: boolean | undefined;

  #onRole(): void {
    const now = this.#host.room?.localParticipant.isModerator;
    const before = this.#wasModerator;
    this.#wasModerator = now;
    if (before === now) return;
    if (now) this.#set('role', { icon: 'people', text: this.#words.promoted });
    else if (before) this.#set('role', { icon: 'people', text: this.#words.demoted });
  }

  async #unmute(device: ReturnType<typeof sourceDevice>, key: BulletinKey): Promise<void> {
    const { room } = this.#host;
    this.close(key);
    if (room === undefined || isOn(room, device)) return;
    try {
      await setOn(room, device, true);
    } catch (error) {
      this.#actions.failed(device, error);
    }
  }
}
