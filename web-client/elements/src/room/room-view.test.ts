import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { JoinChoice } from '../prejoin/prejoin.element.ts';
import { FakeRoom } from '../testing/fake-room.ts';
import { find, findAll, mount, settle, words } from '../testing/mount.ts';
import './room-view.ts';
import type { RoomViewElement } from './room-view.element.ts';

const choice: JoinChoice = {
  name: 'Ada',
  microphone: false,
  camera: false,
  microphoneTrack: undefined,
  cameraTrack: undefined,
};

/** A fake room that can be joined, and left. */
class JoinableRoom extends FakeRoom {
  readonly join = vi.fn(() => Promise.resolve());
  readonly connect = vi.fn(() => Promise.resolve());
  readonly switchActiveDevice = vi.fn(() => Promise.resolve());

  override disconnect(): Promise<void> {
    this.tell('disconnected', 'left');
    return Promise.resolve();
  }
}

describe('oriel-room-view', () => {
  let room: JoinableRoom;
  let element: RoomViewElement;

  beforeEach(async () => {
    room = new JoinableRoom();
    element = await mount(document.createElement('oriel-room-view'), { room: room.asRoom, roomName: 'tea' });
  });

  const join = async (more: Partial<JoinChoice> = {}) => {
    await element.join({ ...choice, ...more });
    await settle(element);
  };

  it('begins at the door', () => {
    expect(words(find(element, '.where'))).toBe('Room tea');
    expect(findAll(element, '[data-testid="join-button"]')).toHaveLength(1);
  });

  it('lets a guest in by the name of the room', async () => {
    const joined: unknown[] = [];
    element.addEventListener('oriel-joined', (event) => joined.push((event as CustomEvent).detail));
    await join();
    expect(room.join).toHaveBeenCalledWith(expect.objectContaining({ room: 'tea', name: 'Ada' }));
    expect(joined).toEqual([room]);
    expect(findAll(element, 'oriel-call')).toHaveLength(1);
  });

  it('goes by way of TURN only where that is asked for', async () => {
    await join();
    expect(room.join).toHaveBeenLastCalledWith(expect.not.objectContaining({ iceTransportPolicy: 'relay' }));
    await element.leave();
    element.relay = true;
    await join();
    expect(room.join).toHaveBeenLastCalledWith(expect.objectContaining({ iceTransportPolicy: 'relay' }));
  });

  it('takes other ways to the server where that is asked for', async () => {
    await join();
    expect(room.join).toHaveBeenLastCalledWith(expect.not.objectContaining({ transports: expect.anything() as unknown }));
    await element.leave();
    element.transports = ['webtransport'];
    await join();
    expect(room.join).toHaveBeenLastCalledWith(expect.objectContaining({ transports: ['webtransport'] }));
  });

  it('connects with a token where there is one', async () => {
    element.token = 'secret';
    element.url = 'https://rooms.example';
    await join();
    expect(room.connect).toHaveBeenCalledWith('https://rooms.example', 'secret', expect.anything());
    expect(room.join).not.toHaveBeenCalled();
  });

  it('takes along the devices that were on', async () => {
    await join({ camera: true, audioinput: 'mic-2' });
    expect(room.switchActiveDevice).toHaveBeenCalledWith('audioinput', 'mic-2');
    expect(room.localParticipant.isCameraEnabled).toBe(true);
    expect(room.localParticipant.isMicrophoneEnabled).toBe(false);
  });

  it('comes in without a device that fails, and says so inside', async () => {
    room.localParticipant.setCameraEnabled = () =>
      Promise.reject(Object.assign(new Error('no'), { code: 'media_missing', hint: '' }));
    await join({ camera: true });
    await vi.waitFor(() => expect(words(find(element, '[data-testid="device-trouble"]'))).toContain('No camera found'));
  });

  it('says why it could not get in, and leads back to the door', async () => {
    room.join.mockRejectedValue(
      Object.assign(new Error('the room is full'), { code: 'full', hint: 'Try again later.', retryable: true }),
    );
    const failed = vi.fn();
    element.addEventListener('oriel-error', failed);
    await join();
    expect(words(find(element, '[data-testid="left"]'))).toContain('The room is full. Try again later.');
    expect(failed).toHaveBeenCalledOnce();
    find(element, '[data-testid="rejoin"]').click();
    await settle(element);
    expect(findAll(element, 'oriel-prejoin')).toHaveLength(1);
  });

  it('asks for the password where there is one, and again if it was wrong', async () => {
    const refuse = Object.assign(new Error('no'), { code: 'password_required', hint: '' });
    room.join.mockRejectedValue(refuse);
    await join();
    expect(findAll(element, '[data-testid="password-input"]')).toHaveLength(1);
    expect(words(find(element, '#password-words'))).toBe('Whoever invited you knows it.');
    await join({ password: 'seasalt' });
    expect(room.join).toHaveBeenLastCalledWith(expect.objectContaining({ password: 'seasalt' }));
    expect(words(find(element, '#password-words'))).toContain('not the password');
    room.join.mockResolvedValue();
    await join({ password: 'sesame' });
    expect(findAll(element, 'oriel-call')).toHaveLength(1);
  });

  it('shows the lobby while somebody has to let us in', async () => {
    let admit = (): void => {};
    room.join.mockImplementation(() => {
      room.tell('waiting');
      return new Promise((resolve) => (admit = resolve));
    });
    const joining = element.join(choice);
    await vi.waitFor(() => expect(element.renderRoot.querySelector('[data-testid="waiting"]')).not.toBeNull());
    admit();
    await joining;
    await settle(element);
    expect(findAll(element, 'oriel-call')).toHaveLength(1);
  });

  it('says it plainly when somebody was not let in', async () => {
    room.join.mockRejectedValue(Object.assign(new Error('You were not let in.'), { code: 'denied', hint: 'Ask.' }));
    await join();
    expect(words(find(element, 'h1'))).toBe('You were not let in');
  });

  it('stops the preview of who could not get in', async () => {
    room.join.mockRejectedValue(Object.assign(new Error('no'), { code: 'full', hint: '' }));
    const stop = vi.fn();
    await join({ camera: true, cameraTrack: { stop } as unknown as MediaStreamTrack });
    expect(stop).toHaveBeenCalledOnce();
  });

  it('says goodbye with the reason', async () => {
    await join();
    const left: unknown[] = [];
    element.addEventListener('oriel-left', (event) => left.push((event as CustomEvent).detail));
    room.tell('disconnected', 'duplicate_identity');
    await settle(element);
    expect(words(find(element, 'h1'))).toBe('You joined from somewhere else');
    expect(left).toEqual(['duplicate_identity']);
  });

  it('leaves by the button', async () => {
    await join();
    find(element, '[data-testid="leave"]').click();
    await settle(element);
    expect(words(find(element, 'h1'))).toBe('You left the room');
  });

  it('gives up joining when cancelled', async () => {
    let abort: AbortSignal | undefined;
    room.join.mockImplementation(((options: { signal: AbortSignal }) => {
      abort = options.signal;
      return new Promise((_resolve, reject) => {
        options.signal.addEventListener('abort', () => reject(new Error('aborted')));
      });
    }) as never);
    const joining = element.join(choice);
    await vi.waitFor(() => expect(abort).toBeDefined());
    await element.leave();
    await joining;
    await settle(element);
    expect(abort?.aborted).toBe(true);
    expect(findAll(element, 'oriel-prejoin')).toHaveLength(1);
  });

  it('has one polite and one assertive live region, also at the door', async () => {
    const regions = () => findAll(element, '[aria-live]').map((region) => region.getAttribute('aria-live'));
    expect(regions()).toEqual(['polite', 'assertive']);
    await join();
    expect(regions()).toEqual(['polite', 'assertive']);
    room.enter('p1', 'Grace');
    await settle(element);
    expect(words(find(element, '[aria-live="polite"]'))).toBe('Grace joined');
  });
});
