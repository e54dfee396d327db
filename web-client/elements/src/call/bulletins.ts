/** What a person has to know now and can do something about: one line each, above the pictures. */
import type { Room } from '@oriel/client';
import type { ReactiveControllerHost } from 'lit';
import { isOn, setOn, sourceDevice } from '../controls/switches.ts';
import type { Urgency } from '../element/element.ts';
import { RoomController } from '../element/room-controller.ts';
import type { IconName } from '../icons/icon.ts';

/** One line. */
export interface Bulletin {
  readonly icon: IconName;
  readonly text: string;
  /** The button that does something about it. */
  readonly action?: { readonly words: string; readonly act: () => void };
}

/** What each line is about: a newer one takes the place of an older one. */
export type BulletinKey = 'muted' | 'asked' | 'draining' | 'lobby' | 'moved' | 'talking' | 'role';

type Host = ReactiveControllerHost & { readonly room: Room | undefined };

/** What the lines need of the call. */
export interface BulletinActions {
  readonly announce: (text: string, urgency: Urgency) => void;
  /** Shows who waits. */
  readonly openPeople: () => void;
  /** A switch could not be thrown. */
  readonly failed: (device: ReturnType<typeof sourceDevice>, error: unknown) => void;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const NAMES = { microphone: 'microphone', camera: 'camera', screen: 'screen share' } as const;

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
      moved: (room) => this.#set('moved', { icon: 'arrow', text: `You were moved to ${room}.` }),
      participantUpdated: (participant) => {
        if (participant.isLocal) this.#onRole();
      },
      serverDraining: (deadline) => {
        const text = `The server restarts at ${clock.format(deadline)}. Your room keeps its address.`;
        this.#set('draining', { icon: 'warning', text });
      },
      talkingWhileMuted: () => {
        // They know by another line.
        if (this.#lines.has('muted') || this.#lines.has('asked')) return;
        const act = () => void this.#unmute('microphone', 'talking');
        const text = 'You are muted: nobody hears you.';
        this.#set('talking', { icon: 'microphone-off', text, action: { words: 'Unmute', act } });
      },
      trackMuted: (publication, participant, by) => {
        if (!participant.isLocal || by === undefined) return;
        this.close('talking');
        const text = `${by.name} muted your ${NAMES[sourceDevice(publication.source)]}.`;
        this.#set('muted', { icon: 'microphone-off', text }, 'assertive');
      },
      trackUnmuted: (_publication, participant) => {
        if (participant.isLocal) this.close('asked', 'muted', 'talking');
      },
      unmuteAsked: (publication, by) => {
        this.close('talking', 'muted');
        const device = sourceDevice(publication.source);
        const who = by?.name ?? 'A moderator';
        const act = () => void this.#unmute(device, 'asked');
        const text = `${who} asks you to unmute your ${NAMES[device]}.`;
        this.#set('asked', { icon: 'hand', text, action: { words: 'Unmute', act } }, 'assertive');
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
    const text = count === 1 ? `${newest} waits to be let in.` : `${count} people wait to be let in.`;
    const action = { words: 'Show', act: this.#actions.openPeople };
    if (more) this.#set('lobby', { icon: 'door', text, action });
    else if (this.#lines.has('lobby')) this.#lines.set('lobby', { icon: 'door', text, action });
  }

  #wasModerator: boolean | undefined;

  #onRole(): void {
    const now = this.#host.room?.localParticipant.isModerator;
    const before = this.#wasModerator;
    this.#wasModerator = now;
    if (before === now) return;
    if (now) this.#set('role', { icon: 'people', text: 'You are a moderator now.' });
    else if (before) this.#set('role', { icon: 'people', text: 'You are no longer a moderator.' });
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
