import { describe, expect, it } from 'vitest';
import { FakeRoom } from '../testing/fake-room.ts';
import { isOwn, noteSelf } from './own-messages.ts';

const message = (participant: string) => ({ id: 'CH_1', participant, name: 'Ada', text: 'hello', at: 0 });

describe('isOwn', () => {
  it('knows our messages from before an interruption', () => {
    const room = new FakeRoom();
    noteSelf(room.asRoom);
    Object.assign(room.localParticipant, { id: 'me-again' });
    expect(isOwn(room.asRoom, message('me'))).toBe(true);
    expect(isOwn(room.asRoom, message('me-again'))).toBe(true);
    expect(isOwn(room.asRoom, message('p1'))).toBe(false);
  });

  it('keeps rooms apart', () => {
    noteSelf(new FakeRoom().asRoom);
    const other = new FakeRoom();
    Object.assign(other.localParticipant, { id: 'somebody' });
    expect(isOwn(other.asRoom, message('me'))).toBe(false);
  });
});
