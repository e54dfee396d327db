import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Listener } from './agent.ts';
import { COMMANDS, type Settings } from './contract.ts';
import type { Inside } from './inside.ts';
import { RoomElement } from './room.ts';

/** An inside without a room: it notes what it is told. */
class FakeInside implements Inside {
  readonly told: Settings[] = [];
  readonly asked: unknown[][] = [];
  ended = false;
  listener: Listener | undefined;
  server = '';

  set(settings: Settings): void {
    this.told.push(settings);
  }

  looks(): void {
    this.asked.push(['looks']);
  }

  command(name: string, args: readonly unknown[]): Promise<unknown> {
    this.asked.push([name, ...args]);
    return Promise.resolve(name);
  }

  end(): void {
    this.ended = true;
  }
}

describe('oriel-room', () => {
  const { modes } = RoomElement;
  let insides: FakeInside[];
  let failure: Error | undefined;
  let element: RoomElement;

  beforeEach(() => {
    insides = [];
    failure = undefined;
    const begin = (_root: ShadowRoot, server: string, listener: Listener) => {
      if (failure !== undefined) return Promise.reject(failure);
      const inside = new FakeInside();
      Object.assign(inside, { server, listener });
      insides.push(inside);
      return Promise.resolve(inside);
    };
    RoomElement.modes = { shadow: () => Promise.resolve({ begin }), iframe: () => Promise.resolve({ begin }) };
    element = document.createElement('oriel-room');
  });

  afterEach(() => {
    element.remove();
    RoomElement.modes = modes;
  });

  const shown = async (): Promise<FakeInside> => {
    document.body.append(element);
    await vi.waitFor(() => expect(insides.at(-1)?.told).not.toHaveLength(0));
    return insides.at(-1)!;
  };

  it('hands on attributes and properties alike, several at once', async () => {
    element.setAttribute('room-name', 'tea');
    element.setAttribute('relay', '');
    element.ticket = 'abc';
    element.url = 'https://rooms.example/anything';
    const inside = await shown();
    expect(inside.server).toBe('https://rooms.example');
    expect(inside.told.at(-1)).toMatchObject({ roomName: 'tea', relay: true, ticket: 'abc', token: '' });
    expect(element.roomName).toBe('tea');
    const before = inside.told.length;
    element.name = 'Ana';
    element.prejoin = 'off';
    await vi.waitFor(() => expect(inside.told.at(-1)).toMatchObject({ name: 'Ana', prejoin: 'off' }));
    expect(inside.told).toHaveLength(before + 1);
    expect(element.hasAttribute('ticket')).toBe(false);
  });

  it('has a method for every command', async () => {
    const inside = await shown();
    for (const name of COMMANDS) {
      const method = (element as unknown as Record<string, (argument?: unknown) => Promise<unknown>>)[name]!;
      expect(await method.call(element, name === 'sendChatMessage' ? 'hello' : undefined)).toBe(name);
    }
    expect(inside.asked.map(([name]) => name)).toEqual([...COMMANDS]);
    expect(inside.asked).toContainEqual(['sendChatMessage', 'hello']);
  });

  it('tells what the inside tells, until it is taken off the page', async () => {
    const heard: string[] = [];
    for (const name of element.getSupportedEvents()) document.addEventListener(name, ({ type }) => heard.push(type));
    const inside = await shown();
    inside.listener?.event('oriel-left', { reason: 'left' });
    expect(heard).toEqual(['oriel-ready', 'oriel-left']);
    element.remove();
    await vi.waitFor(() => expect(inside.ended).toBe(true));
    inside.listener?.event('oriel-left', { reason: 'left' });
    expect(heard).toHaveLength(2);
    await expect(element.leave()).rejects.toMatchObject({ code: 'not_connected' });
  });

  it('begins anew in another mode', async () => {
    const first = await shown();
    element.isolate = 'iframe';
    await vi.waitFor(() => expect(insides).toHaveLength(2));
    await vi.waitFor(() => expect(first.ended).toBe(true));
  });

  it('says it when there can be no room', async () => {
    failure = Object.assign(new Error('no room has come'), { code: 'frame_refused' });
    const errors: unknown[] = [];
    element.addEventListener('oriel-error', ({ detail }) => errors.push(detail));
    element.setAttribute('lang', 'ar');
    document.body.append(element);
    await vi.waitFor(() => expect(errors).toHaveLength(1));
    expect(errors[0]).toMatchObject({ code: 'origin_not_allowed' });
    const line = element.shadowRoot?.querySelector('[role="alert"]')?.textContent ?? '';
    expect(line).toMatch(/allowed_origins/u);
    expect(line).toMatch(/\p{Script=Arabic}/u);
    await expect(element.leave()).rejects.toMatchObject({ code: 'origin_not_allowed' });
  });
});
