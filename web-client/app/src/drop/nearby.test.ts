import { TypedEmitter, type Signaling, type SignalingEvents } from '@oriel/client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Nearby } from './nearby.ts';

/** A place in a room in which there are Ben and Cleo. */
class FakeSignaling extends TypedEmitter<SignalingEvents> {
  readonly participants = new Map(['ben', 'cleo'].map((id) => [id, { id, name: id.toUpperCase() }]));
  readonly said: [string, unknown][] = [];

  signal(to: string, data: string): Promise<void> {
    this.said.push([to, JSON.parse(data)]);
    return Promise.resolve();
  }

  hears(from: string, note: unknown): void {
    this.emit('signalReceived', typeof note === 'string' ? note : JSON.stringify({ nearby: 1, ...(note as object) }), from);
  }

  leave(): void {}
}

let signaling: FakeSignaling;
let nearby: Nearby;
let told: string[];

beforeEach(() => {
  vi.useFakeTimers();
  signaling = new FakeSignaling();
  nearby = new Nearby(signaling as unknown as Signaling, 'Ana');
  told = [];
  nearby.on('asked', ({ name }) => told.push(`asked by ${name}`));
  nearby.on('agreed', ({ name }) => told.push(`agreed by ${name}`));
  nearby.on('invited', ({ name }, code) => told.push(`invited by ${name} to ${code}`));
  nearby.on('came', (page) => told.push(`came ${page}`));
});
afterEach(() => {
  nearby.close();
  vi.useRealTimers();
});

function standings(): string[] {
  return nearby.devices.map(({ standing }) => standing);
}

describe('nearby devices', () => {
  it('hand a code over when the other one has agreed, and let its page in', () => {
    nearby.ask('ben');
    expect(standings()).toEqual(['asked', 'seen']);
    signaling.hears('ben', { kind: 'yes' });
    nearby.invite('ben', '42-amber-otter');
    signaling.hears('ben', { kind: 'here', page: 'p1' });
    signaling.hears('ben', { kind: 'here', page: 'p2' });
    expect(told).toEqual(['agreed by BEN', 'came p1']);
    expect(signaling.said.at(-1)).toEqual(['ben', { nearby: 1, kind: 'code', code: '42-amber-otter' }]);
  });

  it('take a code from whom they have agreed with', () => {
    signaling.hears('cleo', { kind: 'ask' });
    expect(standings()).toEqual(['seen', 'asks']);
    nearby.answer('cleo', true);
    signaling.hears('ben', { kind: 'code', code: '2-bad-bear' });
    signaling.hears('cleo', { kind: 'code', code: '42-amber-otter' });
    signaling.hears('cleo', { kind: 'code', code: '43-amber-otter' });
    expect(told).toEqual(['asked by CLEO', 'invited by CLEO to 42-amber-otter']);
  });

  it('do not hear what nobody asked for, or cannot be read', () => {
    for (const note of ['', 'null', '{"nearby":1}', '{"nearby":2,"kind":"ask"}', { kind: 'yes' }, { kind: 'no' }, { kind: 'code' }, { kind: 'here', page: 7 }]) signaling.hears('ben', note);
    signaling.hears('nobody', { kind: 'ask' });
    expect([told, standings()]).toEqual([[], ['seen', 'seen']]);
  });

  it('say no, and may be asked again', () => {
    nearby.ask('ben');
    signaling.hears('ben', { kind: 'no' });
    expect(standings()[0]).toBe('refused');
    signaling.hears('ben', { kind: 'yes' });
    nearby.ask('ben');
    signaling.hears('ben', { kind: 'yes' });
    expect(told).toEqual(['agreed by BEN']);
  });

  it('wait a minute for each other, and no longer', () => {
    nearby.ask('ben');
    signaling.hears('cleo', { kind: 'ask' });
    vi.advanceTimersByTime(60_001);
    expect(standings()).toEqual(['seen', 'seen']);
    signaling.hears('ben', { kind: 'yes' });
    expect(told).toEqual(['asked by CLEO']);
  });
});
