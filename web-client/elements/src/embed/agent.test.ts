import { beforeEach, describe, expect, it, vi } from 'vitest';
import '../room/room-view.ts';
import type { RoomViewElement } from '../room/room-view.element.ts';
import { FakeRoom } from '../testing/fake-room.ts';
import { settle } from '../testing/mount.ts';
import { Agent } from './agent.ts';
import { NO_SETTINGS, type Status } from './contract.ts';

/** A fake room that can be joined. */
class JoinableRoom extends FakeRoom {
  readonly join = vi.fn((_options: { name?: string }) => Promise.resolve());
  readonly switchActiveDevice = vi.fn(() => Promise.resolve());
}

describe('Agent', () => {
  let room: JoinableRoom;
  let view: RoomViewElement;
  let agent: Agent;
  let told: [string, unknown][];
  let statuses: Status[];
  const last = () => statuses.at(-1);

  beforeEach(async () => {
    localStorage.clear();
    room = new JoinableRoom();
    room.state = 'disconnected';
    view = document.createElement('oriel-room-view');
    view.room = room.asRoom;
    told = [];
    statuses = [];
    // There are no devices here.
    const event = (name: string, detail: unknown) => void (name === 'oriel-blocked' || told.push([name, detail]));
    agent = new Agent(view, { status: (status) => statuses.push(status), event });
    document.body.replaceChildren(view);
    await settle(view);
  });

  const join = async () => {
    agent.set({ ...NO_SETTINGS, roomName: 'tea' });
    room.join.mockImplementation(() => {
      room.state = 'connected';
      return Promise.resolve();
    });
    await agent.command('join', [{ name: 'Ada' }]);
    await settle(view);
  };

  it('begins at the door, before anything is drawn', () => {
    expect(statuses[0]).toMatchObject({ phase: 'door', participants: [], self: undefined });
  });

  it('joins by command, and tells who comes, goes and writes', async () => {
    await join();
    expect(room.join).toHaveBeenCalledWith(expect.objectContaining({ room: 'tea', name: 'Ada' }));
    expect(last()).toMatchObject({ phase: 'inside', room: room.name, self: { name: 'Ada Lovelace' } });
    const ben = room.enter('p1', 'Ben');
    room.say(ben, 'hello', 7);
    room.exit('p1');
    const person = { id: 'p1', identity: 'identity-p1', name: 'Ben' };
    expect(told).toEqual([
      ['oriel-joined', { room: room.name, self: { id: 'me', identity: 'identity-me', name: 'Ada Lovelace' } }],
      ['oriel-participant-connected', person],
      ['oriel-chat-message', { id: 'CH_0', from: 'p1', name: 'Ben', text: 'hello', at: 7 }],
      ['oriel-participant-disconnected', person],
    ]);
  });

  it('does what it is told inside, and says how things stand then', async () => {
    await join();
    await agent.command('toggleChat', []);
    await vi.waitFor(() => expect(last()?.panel).toBe('chat'));
    await agent.command('toggleMicrophone', []);
    room.tell('connectionStateChanged', 'connected');
    expect(last()?.microphone).toBe(true);
    await agent.command('sendChatMessage', ['hello']);
    expect(room.sent).toEqual(['hello']);
    await agent.command('endMeeting', []);
    expect(room.done).toEqual(['end']);
  });

  it('goes in at once where that is set, with nothing switched on', async () => {
    agent.set({ ...NO_SETTINGS, roomName: 'tea', name: 'Ada', prejoin: 'off' });
    await vi.waitFor(() => expect(room.join).toHaveBeenCalledOnce());
    expect(room.localParticipant.isCameraEnabled).toBe(false);
    agent.set({ ...NO_SETTINGS, roomName: 'tea', name: 'Ada', prejoin: 'off', lang: 'ar' });
    await settle(view);
    expect(room.join).toHaveBeenCalledOnce();
  });

  it('refuses what makes no sense', async () => {
    await expect(agent.command('join', [])).rejects.toThrow('A guest needs a name');
    await expect(agent.command('join', ['Ada'])).rejects.toThrow('join takes');
    await expect(agent.command('sendChatMessage', [7])).rejects.toThrow('takes a text');
  });

  it('lets no event of what is inside out', async () => {
    const heard = vi.fn();
    document.addEventListener('oriel-announce', heard);
    document.addEventListener('oriel-changed', heard);
    await join();
    await agent.command('togglePeople', []);
    await settle(view);
    expect(heard).not.toHaveBeenCalled();
  });

  it('lets go of the room', () => {
    agent.end();
    const before = statuses.length;
    room.enter('p1', 'Ben');
    expect(statuses).toHaveLength(before);
    expect(told).toEqual([]);
  });
});
