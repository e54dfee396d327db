import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { find, findAll, mount, settle, words } from '../testing/mount.ts';
import './prejoin.ts';
import type { JoinChoice, PrejoinElement } from './prejoin.element.ts';

/** A track as far as a preview needs one. */
class PreviewTrack extends EventTarget {
  readyState: 'live' | 'ended' = 'live';

  stop(): void {
    this.readyState = 'ended';
  }

  getSettings(): MediaTrackSettings {
    return { deviceId: 'device' };
  }
}

/** What the browser does when it is asked for devices. */
type Answer = (constraints: MediaStreamConstraints) => Promise<PreviewTrack>;

function stubDevices(answer: Answer): PreviewTrack[] {
  const given: PreviewTrack[] = [];
  const getUserMedia = async (constraints: MediaStreamConstraints) => {
    const track = await answer(constraints);
    given.push(track);
    return { getTracks: () => [track] };
  };
  const mediaDevices = Object.assign(new EventTarget(), { getUserMedia, enumerateDevices: () => Promise.resolve([]) });
  Object.defineProperty(navigator, 'mediaDevices', { value: mediaDevices, configurable: true });
  return given;
}

const refuse =
  (name: string): Answer =>
  () =>
    Promise.reject(new DOMException('Permission denied', name));

describe('oriel-prejoin', () => {
  beforeEach(() => {
    localStorage.clear();
    vi.stubGlobal('AudioContext', undefined);
  });

  afterEach(() => {
    document.body.replaceChildren();
    vi.unstubAllGlobals();
  });

  const show = async () => {
    const element = await mount(document.createElement('oriel-prejoin'), { roomName: 'tea' });
    await quiet(element);
    return element;
  };
  const quiet = async (element: PrejoinElement) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    await settle(element);
  };
  const join = async (element: PrejoinElement, name: string) => {
    const joined: JoinChoice[] = [];
    element.addEventListener('oriel-join', (event) => joined.push((event as CustomEvent<JoinChoice>).detail));
    const field = find<HTMLInputElement>(element, '[data-testid="name-input"]');
    field.value = name;
    field.dispatchEvent(new Event('input'));
    await settle(element);
    find(element, 'form').dispatchEvent(new Event('submit', { cancelable: true }));
    await settle(element);
    return joined;
  };

  it('lets in who has no devices, and says what is wrong', async () => {
    stubDevices(refuse('NotFoundError'));
    const element = await show();
    expect(findAll(element, '[data-testid="device-trouble"]')).toHaveLength(1);
    expect(words(find(element, '[data-testid="device-trouble"]'))).toContain('No camera or microphone found');
    const [choice] = await join(element, '  Ada ');
    expect(choice).toMatchObject({ name: 'Ada', microphone: false, camera: false });
  });

  it('says one thing for each device when they fail differently', async () => {
    stubDevices((constraints) => refuse('video' in constraints ? 'NotReadableError' : 'NotAllowedError')(constraints));
    const element = await show();
    const found = findAll(element, '[data-testid="device-trouble"]').map(words);
    expect(found[0]).toContain('The camera is in use');
    expect(found[1]).toContain('The microphone is not allowed');
  });

  it('tries again when asked to', async () => {
    let calls = 0;
    stubDevices((constraints) => {
      calls += 1;
      return refuse('NotFoundError')(constraints);
    });
    const element = await show();
    expect(calls).toBe(2);
    find(element, '.trouble button').click();
    await quiet(element);
    expect(calls).toBe(4);
  });

  it('asks for a name', async () => {
    stubDevices(refuse('NotFoundError'));
    const element = await show();
    expect(await join(element, '   ')).toEqual([]);
    expect(words(find(element, '.complaint'))).toContain('Type a name');
    expect(find(element, '#name').getAttribute('aria-invalid')).toBe('true');
  });

  it('remembers the name and what was switched off', async () => {
    stubDevices(refuse('NotFoundError'));
    const first = await show();
    find(first, '[data-testid="prejoin-camera"]').click();
    find(first, '[data-testid="prejoin-camera"]').click();
    await settle(first);
    await join(first, 'Ada');
    const second = await show();
    expect(find<HTMLInputElement>(second, '#name').value).toBe('Ada');
  });

  it('does not ask for a device that was switched off the last time', async () => {
    localStorage.setItem('oriel.choices', JSON.stringify({ name: 'Ada', microphone: false, camera: false }));
    const asked = vi.fn(refuse('NotFoundError'));
    stubDevices(asked);
    const element = await show();
    expect(asked).not.toHaveBeenCalled();
    expect(find(element, '[data-testid="prejoin-microphone"]').getAttribute('aria-label')).toBe('Microphone off');
  });

  it('hands over what is open, and stops what is not taken', async () => {
    localStorage.setItem('oriel.choices', JSON.stringify({ name: 'Ada', microphone: false, camera: true }));
    const given = stubDevices(() => Promise.resolve(new PreviewTrack()));
    const element = await show();
    const [choice] = await join(element, 'Ada');
    expect(choice?.cameraTrack).toBe(given[0]);
    element.remove();
    expect(given[0]?.readyState).toBe('live');

    const other = await show();
    other.remove();
    expect(given[1]?.readyState).toBe('ended');
  });

  it('stops a device that comes after the door was closed', async () => {
    localStorage.setItem('oriel.choices', JSON.stringify({ name: 'Ada', microphone: false, camera: true }));
    let answer: (track: PreviewTrack) => void = () => undefined;
    const given = stubDevices(() => new Promise((resolve) => (answer = resolve)));
    const element = await show();
    element.remove();
    answer(new PreviewTrack());
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(given[0]?.readyState).toBe('ended');
  });
});
