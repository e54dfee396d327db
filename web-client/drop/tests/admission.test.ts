/** Who gets to be connected with whom: notes by way of a room, up to the first description. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Courier, CourierListener, Person } from '../src/courier.ts';
import { Drop, type DropOptions } from '../src/drop.ts';
import { Manifest } from '../src/manifest.ts';
import { Seal, type Note } from '../src/notes.ts';
import { FakeDisk } from './fakes/disk.ts';

const SECRET = new Uint8Array(16).fill(7);

/** A connection that is described and never comes about. */
class FakePeerConnection {
  static all: FakePeerConnection[] = [];
  signalingState = 'stable';
  localDescription: { type: string; sdp: string } | undefined;
  onnegotiationneeded: (() => void) | null = null;
  remote: string[] = [];
  constructor(readonly configuration: RTCConfiguration) {
    FakePeerConnection.all.push(this);
  }
  #isAsked = false;
  createDataChannel(): object {
    if (!this.#isAsked) {
      this.#isAsked = true;
      // Once for all channels, and not where an offer of the other side's has them.
      queueMicrotask(() => this.remote.length === 0 && this.onnegotiationneeded?.());
    }
    return {};
  }
  addTransceiver(): object {
    return {};
  }
  setLocalDescription(): Promise<void> {
    this.localDescription = { type: this.remote.length > 0 ? 'answer' : 'offer', sdp: 'v=0' };
    return Promise.resolve();
  }
  setRemoteDescription({ type }: { type: string }): Promise<void> {
    this.remote.push(type);
    return Promise.resolve();
  }
  addIceCandidate(): Promise<void> {
    return Promise.resolve();
  }
  getStats(): Promise<Map<string, object>> {
    return Promise.resolve(new Map<string, object>());
  }
  close(): void {
    this.signalingState = 'closed';
  }
}

/** A room in which notes reach whom they are for. */
class FakeRoom {
  readonly notes: { from: string; to: string; data: string }[] = [];
  readonly #there = new Map<string, { person: Person; listener: CourierListener | undefined }>();

  courier(id: string): Courier {
    const person = { id, name: id };
    const here: { person: Person; listener: CourierListener | undefined } = { person, listener: undefined };
    for (const { listener } of this.#there.values()) listener?.came(person);
    this.#there.set(id, here);
    return {
      others: () => [...this.#there.values()].filter((one) => one !== here).map((one) => one.person),
      signal: (to, data) => {
        this.notes.push({ from: id, to, data });
        this.#there.get(to)?.listener?.received(data, person);
        return Promise.resolve();
      },
      iceServers: () => Promise.resolve([]),
      listen: (listener) => {
        here.listener = listener;
        return () => (here.listener = undefined);
      },
    };
  }

  /** Kinds of the notes so far, with who said them. */
  said(): string[] {
    return this.notes.map(({ from, data }) => `${from} ${(JSON.parse((JSON.parse(data) as { body: string }).body) as Note).kind}`);
  }
}

let room: FakeRoom;
let drops: Drop[];

beforeEach(() => {
  FakePeerConnection.all = [];
  vi.stubGlobal('RTCPeerConnection', FakePeerConnection);
  room = new FakeRoom();
  drops = [];
});
afterEach(() => {
  for (const drop of drops) drop.close();
  vi.unstubAllGlobals();
});

function come(id: string, options: Omit<DropOptions, 'courier' | 'disk'>): Drop {
  const disk = Object.assign(new FakeDisk().asDisk, { close: () => {} });
  const drop = new Drop({ courier: room.courier(id), disk, ...options });
  drops.push(drop);
  return drop;
}

const settled = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 5_000 });
/** Long enough for whatever would be said. */
const silence = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

describe('a guest', () => {
  it('with the secret is connected at once', async () => {
    const host = come('host', { role: 'host', secret: SECRET });
    const guest = come('guest', { role: 'guest', secret: SECRET });
    await settled(() => expect(room.said()).toEqual(['guest hello', 'host welcome', 'host description', 'guest description']));
    expect([host.peers.length, guest.peers.length, host.knocks.length]).toEqual([1, 1, 0]);
    expect(host.peers[0]).toMatchObject({ isTrusted: true, person: { id: 'guest' } });
  });

  it('that was there first is connected when the host comes', async () => {
    come('guest', { role: 'guest', secret: SECRET });
    come('host', { role: 'host', secret: SECRET });
    await settled(() => expect(room.said()).toContain('guest description'));
  });

  it('without the secret waits until it is let in', async () => {
    const host = come('host', { role: 'host', secret: SECRET });
    const guest = come('guest', { role: 'guest' });
    await settled(() => expect(host.knocks).toHaveLength(1));
    await silence();
    expect(room.said()).toEqual(['guest hello']);
    host.knocks[0]!.admit();
    await settled(() => expect(room.said()).toEqual(['guest hello', 'host welcome', 'host description', 'guest description']));
    expect(host.peers[0]!.isTrusted).toBe(false);
    expect([host.knocks.length, guest.peers.length]).toEqual([0, 1]);
  });

  it('that is turned away hears of it', async () => {
    const host = come('host', { role: 'host', secret: SECRET });
    const guest = come('guest', { role: 'guest' });
    const closed: string[] = [];
    guest.on('closed', (why) => closed.push(why));
    await settled(() => expect(host.knocks).toHaveLength(1));
    host.knocks[0]!.refuse();
    await settled(() => expect(closed).toEqual(['refused']));
    expect(FakePeerConnection.all).toHaveLength(0);
  });

  it('with another secret is nobody', async () => {
    const host = come('host', { role: 'host', secret: SECRET });
    come('guest', { role: 'guest', secret: new Uint8Array(16) });
    await silence();
    expect([room.said(), host.knocks.length]).toEqual([['guest hello'], 0]);
  });

  it('does not connect with another guest', async () => {
    come('one', { role: 'guest', secret: SECRET });
    come('other', { role: 'guest', secret: SECRET });
    await silence();
    expect(FakePeerConnection.all).toHaveLength(0);
  });

  it('with the secret takes no welcome from somebody without it', async () => {
    const guest = come('guest', { role: 'guest', secret: SECRET });
    const stranger = room.courier('stranger');
    await settled(() => expect(room.notes).toHaveLength(1));
    const { from: to } = JSON.parse((JSON.parse(room.notes[0]!.data) as { body: string }).body) as Note;
    await stranger.signal('guest', await new Seal().write({ kind: 'welcome', from: 'a'.repeat(16), to }));
    await silence();
    expect(guest.peers).toHaveLength(0);
  });

  it('that hides its address goes by TURN only', async () => {
    come('host', { role: 'host', secret: SECRET });
    come('guest', { role: 'guest', secret: SECRET, isRelayOnly: true });
    await settled(() => expect(FakePeerConnection.all.map(({ configuration }) => configuration.iceTransportPolicy)).toEqual(['all', 'relay']));
  });
});

describe('a host', () => {
  it('passes over what is no note, and descriptions of those who said no hello', async () => {
    const host = come('host', { role: 'host', secret: SECRET });
    const stranger = room.courier('stranger');
    const description = { type: 'offer', sdp: 'v=0' } as const;
    for (const data of ['', '{}', 'x'.repeat(1000), await new Seal(SECRET).write({ kind: 'description', from: 'a'.repeat(16), to: 'b'.repeat(16), lane: 0, description })]) {
      await stranger.signal('host', data);
    }
    await silence();
    expect([host.peers.length, host.knocks.length]).toEqual([0, 0]);
  });

  it('lets only so many wait', async () => {
    const host = come('host', { role: 'host', secret: SECRET });
    for (let at = 0; at < 20; at += 1) come(`guest ${at}`, { role: 'guest' });
    await settled(() => expect(host.knocks).toHaveLength(16));
    await silence();
    expect(host.knocks).toHaveLength(16);
  });
});

describe('in a call', () => {
  const files = [{ file: new File(['hello'], 'a.txt'), path: 'a.txt' }];

  it('nobody says anything until there are files for somebody, and nobody else hears of them', async () => {
    const [one, other, third] = ['one', 'other', 'third'].map((id) => come(id, { role: 'call' })) as [Drop, Drop, Drop];
    await silence();
    expect(room.notes).toEqual([]);
    const { manifest } = await one.send(files, { to: ['other'] });
    expect(manifest).toBeInstanceOf(Manifest);
    await settled(() => expect(other.knocks).toMatchObject([{ person: { id: 'one' }, files: 1, bytes: 5 }]));
    expect(third.knocks).toEqual([]);
    other.knocks[0]!.admit();
    await settled(() => expect(room.said()).toEqual(['one hello', 'other welcome', 'other description', 'one description']));
  });

  it('a welcome that nobody asked for is passed over', async () => {
    const one = come('one', { role: 'call' });
    const guest = come('guest', { role: 'guest' });
    await settled(() => expect(one.knocks).toHaveLength(1));
    guest.close();
    const stranger = room.courier('stranger');
    const { from: to } = JSON.parse((JSON.parse(room.notes[0]!.data) as { body: string }).body) as Note;
    await stranger.signal('one', await new Seal().write({ kind: 'welcome', from: 'a'.repeat(16), to }));
    await silence();
    expect(one.peers).toHaveLength(0);
  });
});
