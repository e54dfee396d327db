import { beforeEach, describe, expect, it } from 'vitest';
import { FakeRoom } from '../testing/fake-room.ts';
import { find, findAll, mount, settle, words } from '../testing/mount.ts';
import './chat.ts';
import type { ChatElement } from './chat.element.ts';

describe('oriel-chat', () => {
  let room: FakeRoom;
  let chat: ChatElement;

  beforeEach(async () => {
    room = new FakeRoom();
    chat = await mount(document.createElement('oriel-chat'), { room: room.asRoom });
  });

  const field = () => find<HTMLTextAreaElement>(chat, '[data-testid="chat-input"]');
  const messages = () => findAll(chat, '[data-testid="chat-message"]');
  const type = async (text: string) => {
    field().value = text;
    field().dispatchEvent(new Event('input'));
    await settle(chat);
  };
  const enter = async (shiftKey = false) => {
    field().dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', shiftKey, cancelable: true }));
    await settle(chat);
    await settle(chat);
  };

  it('shows who wrote what, and never as markup', async () => {
    const grace = room.enter('p1', 'Grace <b>Hopper</b>');
    room.say(grace, '<img src=x onerror=alert(1)> https://example.org/a');
    await settle(chat);
    const [message] = messages();
    expect(message?.querySelector('.writer')?.textContent).toBe('Grace <b>Hopper</b>');
    expect(message?.querySelector('.text')?.textContent).toBe('<img src=x onerror=alert(1)> https://example.org/a');
    expect(message?.querySelector('img')).toBeNull();
    const link = message?.querySelector('a');
    expect(link?.getAttribute('href')).toBe('https://example.org/a');
    expect(link?.getAttribute('rel')).toContain('noopener');
  });

  it('keeps line breaks and adds no space', async () => {
    room.say(room.enter('p1', 'Grace'), 'one\ntwo');
    await settle(chat);
    expect(messages()[0]?.querySelector('.text')?.textContent).toBe('one\ntwo');
  });

  it('puts one heading above what one person writes in a row', async () => {
    const grace = room.enter('p1', 'Grace');
    room.say(grace, 'one', 1_000);
    room.say(grace, 'two', 2_000);
    room.say(room.enter('p2', 'Alan'), 'three', 3_000);
    room.say(grace, 'four', 1_000_000);
    await settle(chat);
    expect(messages().map((message) => message.classList.contains('first'))).toEqual([true, false, true, true]);
  });

  it('sends by Enter and empties the field', async () => {
    await type('  hello  ');
    await enter();
    expect(room.sent).toEqual(['hello']);
    expect(field().value).toBe('');
    expect(words(messages()[0] as Element)).toContain('You');
  });

  const choose = async (whom: string) => {
    const list = find<HTMLSelectElement>(chat, '[data-testid="chat-to"]');
    list.value = whom;
    list.dispatchEvent(new Event('change'));
    await settle(chat);
  };

  it('sends to one person when asked to, and says so on both sides', async () => {
    const grace = room.enter('p1', 'Grace');
    await settle(chat);
    await choose('p1');
    expect(field().placeholder).toBe('Message to Grace only');
    await type('psst');
    await enter();
    expect(room.sent).toEqual(['p1: psst']);
    room.chat = [
      { id: 'CH_8', participant: 'me', name: 'Ada', text: 'psst', at: 1, to: ['p1'] },
      { id: 'CH_9', participant: grace.id, name: 'Grace', text: 'yes?', at: 1, to: ['me'] },
    ];
    room.tell('chatMessage', room.chat[0]!);
    await settle(chat);
    expect(messages().map((message) => words(message.querySelector('.head .closed')!))).toEqual(['only for Grace', 'only for you']);
  });

  it('never sends a private message to everybody because its reader has left', async () => {
    room.enter('p1', 'Grace');
    await settle(chat);
    await choose('p1');
    await type('secret');
    room.exit('p1');
    await settle(chat);
    await enter();
    expect(room.sent).toEqual([]);
    expect(words(find(chat, '.trouble'))).toContain('Grace has left');
    expect(field().value).toBe('secret');
    await choose('');
    await enter();
    expect(room.sent).toEqual(['secret']);
  });

  it('writes a new line by Shift and Enter, and sends nothing empty', async () => {
    await type('hello');
    await enter(true);
    await type('   ');
    await enter();
    expect(room.sent).toEqual([]);
  });

  it('gives back a text that was not sent, and says why', async () => {
    room.sendChat = () => Promise.reject(Object.assign(new Error('slow down'), { hint: 'Wait a moment.' }));
    const said: unknown[] = [];
    chat.addEventListener('oriel-announce', (event) => said.push((event as CustomEvent).detail));
    await type('hello');
    await enter();
    expect(field().value).toBe('hello');
    expect(words(find(chat, '.trouble'))).toBe('Not sent: Wait a moment.');
    expect(said).toEqual([{ text: 'Not sent: Wait a moment.', urgency: 'assertive' }]);
  });

  it('does not send what the server would refuse for its length', async () => {
    await type('ä'.repeat(5000));
    await enter();
    expect(room.sent).toEqual([]);
    expect(words(find(chat, '.trouble'))).toContain('too long');
  });

  it('is closed to those who may not write', async () => {
    room.localParticipant.canChat = false;
    room.tell('connectionStateChanged', 'connected');
    await settle(chat);
    expect(field().disabled).toBe(true);
  });
});
