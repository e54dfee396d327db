import { describe, expect, it } from 'vitest';
import { forgetRoom, type Memory, recentRooms, rememberRoom } from './recent-rooms.ts';

function memory(content: string | null = null): Memory {
  return {
    getItem: () => content,
    setItem: (_key, value) => {
      content = value;
    },
  };
}

describe('recent rooms', () => {
  it('stand newest first, each once', () => {
    const kept = memory();
    rememberRoom(kept, 'tea', 1);
    rememberRoom(kept, 'sync', 2);
    rememberRoom(kept, 'tea', 3);
    expect(recentRooms(kept)).toEqual([
      { name: 'tea', at: 3 },
      { name: 'sync', at: 2 },
    ]);
  });

  it('are few', () => {
    const kept = memory();
    for (let index = 0; index < 20; index += 1) rememberRoom(kept, `room-${index}`, index);
    expect(recentRooms(kept)).toHaveLength(6);
    expect(recentRooms(kept)[0]?.name).toBe('room-19');
  });

  it('can be forgotten', () => {
    const kept = memory();
    rememberRoom(kept, 'tea', 1);
    forgetRoom(kept, 'tea');
    expect(recentRooms(kept)).toEqual([]);
  });

  it.each(['{', '7', 'null', '[{"name":"../x","at":1},{"name":"a"},7]'])('survive %j in the memory', (content) => {
    expect(recentRooms(memory(content))).toEqual([]);
  });
});
