/**
 * What a page and the room inside its `<oriel-room>` say to each other: the same in the page's own tree and in a
 * frame. In a frame these are messages, and everything that comes is looked at here before it is believed.
 */

import { PARTS } from '../element/parts.ts';

/** Of the messages. A side that knows another one says so and does nothing. */
export const VERSION = 1;

/** How the room is entered and shown. Each is an attribute, and a property. */
export interface Settings {
  /** The room to join as a guest, and what the door says. */
  readonly roomName: string;
  /** Names room and identity. */
  readonly token: string;
  /** From the page's own back end: exchanged for a token, once. */
  readonly ticket: string;
  /** The display name to begin with. */
  readonly name: string;
  /** What the copy button copies. */
  readonly link: string;
  /** `off` to join without the door. */
  readonly prejoin: string;
  /** `on` or `off`; what was chosen the last time else. */
  readonly microphone: string;
  /** Likewise. */
  readonly camera: string;
  /** The language, `en` or `ar`; the browser's by default. */
  readonly lang: string;
  /** `light` or `dark`; what the page has else. */
  readonly theme: string;
  /** Whether media may go by way of a TURN server only. */
  readonly relay: boolean;
}

/** The attributes with their properties; `lang` and `data-theme` are every element's own. */
export const ATTRIBUTES: Readonly<Record<string, keyof Settings>> = {
  'room-name': 'roomName',
  token: 'token',
  ticket: 'ticket',
  name: 'name',
  link: 'link',
  prejoin: 'prejoin',
  microphone: 'microphone',
  camera: 'camera',
  lang: 'lang',
  'data-theme': 'theme',
  relay: 'relay',
};

export const NO_SETTINGS: Settings = {
  roomName: '',
  token: '',
  ticket: '',
  name: '',
  link: '',
  prejoin: '',
  microphone: '',
  camera: '',
  lang: '',
  theme: '',
  relay: false,
};

/** What a page may have the room do: methods of the element. */
export const COMMANDS = [
  'join',
  'leave',
  'toggleMicrophone',
  'toggleCamera',
  'toggleScreenShare',
  'toggleHand',
  'toggleChat',
  'togglePeople',
  'sendChatMessage',
  'endMeeting',
  'diagnose',
] as const;
export type Command = (typeof COMMANDS)[number];

/** Somebody in the room. */
export interface Person {
  readonly id: string;
  readonly identity: string;
  readonly name: string;
}

/** How things stand: the element's `status`. */
export interface Status {
  readonly phase: 'loading' | 'door' | 'joining' | 'waiting' | 'inside' | 'outside';
  /** Empty before the first join. */
  readonly room: string;
  readonly self: Person | undefined;
  /** Everybody else, in the order they came. */
  readonly participants: readonly Person[];
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly screenShare: boolean;
  readonly hand: boolean;
  readonly panel: 'chat' | 'people' | undefined;
}

export const NO_STATUS: Status = {
  phase: 'loading',
  room: '',
  self: undefined,
  participants: [],
  microphone: false,
  camera: false,
  screenShare: false,
  hand: false,
  panel: undefined,
};

/** An error that can be told to another page. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  /** What a person can do about it. */
  readonly hint: string;
}

/** The events of the element with their `detail`. They bubble, and leave shadow roots. */
export interface RoomElementEvents {
  'oriel-ready': undefined;
  'oriel-status': Status;
  'oriel-joined': { readonly room: string; readonly self: Person };
  'oriel-waiting': undefined;
  'oriel-left': { readonly reason: string };
  'oriel-error': Failure;
  'oriel-participant-connected': Person;
  'oriel-participant-disconnected': Person;
  'oriel-chat-message': { readonly id: string; readonly from: string; readonly name: string; readonly text: string; readonly at: number };
  'oriel-blocked': { readonly device: string; readonly cause: string; readonly title: string; readonly advice: string; readonly fix: string };
}
export type EventName = keyof RoomElementEvents;

export const EVENTS: readonly EventName[] = [
  'oriel-ready',
  'oriel-status',
  'oriel-joined',
  'oriel-waiting',
  'oriel-left',
  'oriel-error',
  'oriel-participant-connected',
  'oriel-participant-disconnected',
  'oriel-chat-message',
  'oriel-blocked',
];

/** Where a page may put content of its own. */
export const SLOTS = ['door-header', 'prejoin-header', 'header-end', 'toolbar-start', 'toolbar-end', 'left-actions'] as const;
export type Slot = (typeof SLOTS)[number];

/** A rule of the page for a part, as a frame can apply it: no selector, no text of a style sheet. */
export interface PartRule {
  readonly part: string;
  /** A pseudo-class such as `hover`; empty for none. */
  readonly state: string;
  readonly declarations: readonly (readonly [property: string, value: string])[];
}

/** The page's look for a room in a frame. */
export interface Looks {
  /** Custom properties `--oriel-*`. */
  readonly properties: readonly (readonly [name: string, value: string])[];
  readonly rules: readonly PartRule[];
  /** The `color-scheme` around the element. */
  readonly scheme: string;
}

/** Width and height, in CSS pixels, of what the page has put into a slot. */
export type SlotSizes = Partial<Record<Slot, readonly [width: number, height: number]>>;
/** Where in the frame each of them belongs; those that are missing are not to be seen now. */
export type SlotPlaces = Partial<Record<Slot, readonly [left: number, top: number]>>;

/** From the page to the frame. */
export type PageMessage =
  | { readonly type: 'settings'; readonly settings: Settings }
  | { readonly type: 'looks'; readonly looks: Looks }
  | { readonly type: 'slots'; readonly sizes: SlotSizes }
  | { readonly type: 'around'; readonly forbidden: readonly string[] }
  | { readonly type: 'command'; readonly id: number; readonly name: Command; readonly args: readonly unknown[] };

/** From the frame to the page. */
export type FrameMessage =
  | { readonly type: 'status'; readonly status: Status }
  | { readonly type: 'event'; readonly name: EventName; readonly detail: unknown }
  | { readonly type: 'slots'; readonly places: SlotPlaces }
  | { readonly type: 'reply'; readonly id: number; readonly value?: unknown; readonly failure?: Failure }
  | { readonly type: 'refused'; readonly reason: string };

/** Either with the version around it, as it is posted. */
export type Posted<Message> = Message & { readonly oriel: typeof VERSION };

/** Why a message is not taken. */
export class Refusal extends Error {}

const MOST_TEXT = 65_536;
const MOST_RULES = 200;
const STATES = ['', 'hover', 'focus', 'focus-visible', 'active', 'disabled'];

/** A message of the page, checked to the last field. Throws a `Refusal`. */
export function readPageMessage(data: unknown): PageMessage {
  const message = versioned(data);
  switch (message['type']) {
    case 'settings':
      return { type: 'settings', settings: settings(record(message['settings'], 'settings')) };
    case 'looks':
      return { type: 'looks', looks: looks(record(message['looks'], 'looks')) };
    case 'slots':
      return { type: 'slots', sizes: pairs(record(message['sizes'], 'sizes')) };
    case 'around':
      return { type: 'around', forbidden: list(message['forbidden'], 'forbidden', 8).map((one) => text(one, 'forbidden')) };
    case 'command': {
      const name = COMMANDS.find((one) => one === message['name']);
      if (name === undefined) throw new Refusal(`there is no command ${shown(message['name'])}; these there are: ${COMMANDS.join(', ')}`);
      return { type: 'command', id: number(message['id'], 'id'), name, args: list(message['args'], 'args', 4) };
    }
    default:
      throw new Refusal(`there is no message ${shown(message['type'])} from a page`);
  }
}

/** A message of the frame, which comes from our own server. Throws a `Refusal`. */
export function readFrameMessage(data: unknown): FrameMessage {
  const message = versioned(data);
  switch (message['type']) {
    case 'status':
      return { type: 'status', status: record(message['status'], 'status') as unknown as Status };
    case 'event': {
      const name = EVENTS.find((one) => one === message['name']);
      if (name === undefined) throw new Refusal(`there is no event ${shown(message['name'])}`);
      return { type: 'event', name, detail: message['detail'] };
    }
    case 'slots':
      return { type: 'slots', places: pairs(record(message['places'], 'places')) };
    case 'reply': {
      const { failure } = message;
      const id = number(message['id'], 'id');
      return failure === undefined ? { type: 'reply', id, value: message['value'] } : { type: 'reply', id, failure: failure as Failure };
    }
    case 'refused':
      return { type: 'refused', reason: text(message['reason'], 'reason') };
    default:
      throw new Refusal(`there is no message ${shown(message['type'])} from a room`);
  }
}

/** Whether somebody wants to speak with us, in whatever version. */
export function isOurs(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'oriel' in data;
}

function versioned(data: unknown): Record<string, unknown> {
  const message = record(data, 'the message');
  if (message['oriel'] !== VERSION) throw new Refusal(`this is version ${VERSION} of the messages, not ${shown(message['oriel'])}: load embed.js from this server`);
  return message;
}

function settings(given: Record<string, unknown>): Settings {
  const read = Object.entries<string | boolean>({ ...NO_SETTINGS }).map(([name, none]) => {
    const value = given[name] ?? none;
    if (typeof value !== typeof none) throw new Refusal(`settings.${name} must be a ${typeof none}`);
    return [name, typeof value === 'string' ? text(value, name) : value] as const;
  });
  return Object.fromEntries(read) as unknown as Settings;
}

function looks(given: Record<string, unknown>): Looks {
  const declarations = (value: unknown, pattern: RegExp) =>
    list(value, 'declarations', MOST_RULES).map((pair) => {
      const [name, content] = list(pair, 'declaration', 2).map((one) => text(one, 'declaration'));
      if (!pattern.test(name ?? '')) throw new Refusal(`${shown(name)} is no property that a page may set here`);
      return [name ?? '', content ?? ''] as const;
    });
  const rules = list(given['rules'], 'rules', MOST_RULES).map((one) => {
    const rule = record(one, 'rule');
    const [part, state] = [text(rule['part'], 'part'), text(rule['state'], 'state')];
    if (!(PARTS as readonly string[]).includes(part)) throw new Refusal(`there is no part ${shown(part)}`);
    if (!STATES.includes(state)) throw new Refusal(`there is no state ${shown(state)} of a part`);
    return { part, state, declarations: declarations(rule['declarations'], /^-{0,2}[a-z][a-z-]*$/u) };
  });
  return { properties: declarations(given['properties'], /^--oriel-[a-z-]+$/u), rules, scheme: text(given['scheme'], 'scheme') };
}

function pairs(given: Record<string, unknown>): Partial<Record<Slot, readonly [number, number]>> {
  const read = SLOTS.flatMap((slot) => {
    if (given[slot] === undefined) return [];
    const [first, second] = list(given[slot], slot, 2).map((one) => number(one, slot));
    return [[slot, [first ?? 0, second ?? 0]] as const];
  });
  return Object.fromEntries(read);
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Refusal(`${what} must be an object`);
}

function list(value: unknown, what: string, most: number): readonly unknown[] {
  if (Array.isArray(value) && value.length <= most) return value as readonly unknown[];
  throw new Refusal(`${what} must be a list of ${most} at most`);
}

function text(value: unknown, what: string): string {
  if (typeof value === 'string' && value.length <= MOST_TEXT) return value;
  throw new Refusal(`${what} must be a text of ${MOST_TEXT} characters at most`);
}

function number(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new Refusal(`${what} must be a number`);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `“${value.slice(0, 40)}”` : typeof value;
}
