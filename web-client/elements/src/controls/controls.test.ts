import { beforeEach, describe, expect, it } from 'vitest';
import { FakeRoom } from '../testing/fake-room.ts';
import { find, mount, settle } from '../testing/mount.ts';
import './controls.ts';
import type { ControlsElement } from './controls.element.ts';

describe('oriel-controls', () => {
  let room: FakeRoom;
  let controls: ControlsElement;

  beforeEach(async () => {
    room = new FakeRoom();
    room.localParticipant.set('microphone', true);
    controls = await mount(document.createElement('oriel-controls'), { room: room.asRoom });
  });

  const button = (name: string) => find<HTMLButtonElement>(controls, `[data-testid="${name}"]`);

  it('names the state of each switch', () => {
    expect(button('toggle-microphone').getAttribute('aria-label')).toBe('Microphone on');
    expect(button('toggle-microphone').getAttribute('aria-pressed')).toBe('true');
    expect(button('toggle-camera').getAttribute('aria-label')).toBe('Camera off');
    expect(button('toggle-camera').getAttribute('aria-pressed')).toBe('false');
  });

  it('switches the microphone off and on', async () => {
    button('toggle-microphone').click();
    await settle(controls);
    expect(room.localParticipant.isMicrophoneEnabled).toBe(false);
    await settle(controls);
    expect(button('toggle-microphone').getAttribute('aria-label')).toBe('Microphone off');
    await controls.toggleMicrophone();
    expect(room.localParticipant.isMicrophoneEnabled).toBe(true);
  });

  it('tells of a device that does not start', async () => {
    const error = new Error('no camera');
    room.localParticipant.setCameraEnabled = () => Promise.reject(error);
    const told: unknown[] = [];
    controls.addEventListener('oriel-device-error', (event) => told.push((event as CustomEvent).detail));
    await controls.toggleCamera();
    expect(told).toEqual([{ device: 'camera', error }]);
  });

  it('does not start a device twice when pressed twice', async () => {
    let starts = 0;
    room.localParticipant.setCameraEnabled = async () => {
      starts += 1;
      await Promise.resolve();
    };
    await Promise.all([controls.toggleCamera(), controls.toggleCamera()]);
    expect(starts).toBe(1);
  });

  it('offers nothing that the token does not allow', async () => {
    room.localParticipant.canPublish.splice(0);
    room.tell('connectionStateChanged', 'connected');
    await settle(controls);
    expect(button('toggle-camera').disabled).toBe(true);
    expect(button('toggle-camera').getAttribute('aria-label')).toContain('not allowed');
  });

  it('counts people and unread messages', async () => {
    room.enter('p1', 'Grace');
    controls.unread = 3;
    await settle(controls);
    expect(button('toggle-people').getAttribute('aria-label')).toBe('People, 2 in the room');
    expect(button('toggle-chat').getAttribute('aria-label')).toBe('Chat, 3 unread');
  });

  it('says which panel is open', async () => {
    controls.panel = 'chat';
    await settle(controls);
    expect(button('toggle-chat').getAttribute('aria-expanded')).toBe('true');
    expect(button('toggle-people').getAttribute('aria-expanded')).toBe('false');
  });
});
