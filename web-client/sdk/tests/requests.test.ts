import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Requests } from '../src/connection/requests.ts';
import { OrielError } from '../src/errors.ts';
import type { Frame } from '../src/transport/transport.ts';

let requests: Requests;
/** What was sent, as `connection:frame`. */
let sent: string[];

const through = (connection: string) => (frame: Frame) => {
  const text = typeof frame === 'string' ? (JSON.parse(frame) as { id: number }).id : `bytes ${frame[0]}`;
  sent.push(`${connection}:${text}`);
};
const lost = new OrielError('connection_lost', 'gone');
const chat = (): Promise<unknown> => requests.ask<'chat'>({ type: 'chat', text: 'x' });

beforeEach(() => {
  vi.useFakeTimers();
  requests = new Requests();
  sent = [];
});

afterEach(() => vi.useRealTimers());

test('replies find their requests, in whatever order they come', async () => {
  requests.attach(through('a'));
  const [first, second] = [chat(), chat()];
  requests.answer({ re: 2, ok: { message: 'second' } } as never);
  requests.answer({ re: 1, error: { code: 'busy', message: 'no', retry: true } });
  expect(await second).toEqual({ message: 'second' });
  await expect(first).rejects.toMatchObject({ code: 'busy' });
});

test('what is unanswered is asked again on the next connection, with its number and in order', async () => {
  requests.attach(through('a'));
  const [first, second, third] = [chat(), chat(), requests.give((id) => Uint8Array.of(id))];
  requests.answer({ re: 2, ok: {} });
  await second;
  requests.detach(lost);
  const fourth = chat();
  requests.attach(through('b'));
  expect(sent).toEqual(['a:1', 'a:2', 'a:bytes 3', 'b:1', 'b:bytes 3', 'b:4']);
  for (const re of [1, 3, 4]) requests.answer({ re, ok: {} });
  await Promise.all([first, third, fourth]);
  requests.detach(lost);
  requests.attach(through('c'));
  expect(sent).toHaveLength(6);
});

test('what makes sense on one connection only ends with it', async () => {
  await expect(requests.askNow<'ping'>({ type: 'ping' })).rejects.toMatchObject({ code: 'not_connected' });
  requests.attach(through('a'));
  const ping = requests.askNow<'ping'>({ type: 'ping' });
  requests.detach(lost);
  await expect(ping).rejects.toBe(lost);
  requests.attach(through('b'));
  expect(sent).toEqual(['a:1']);
});

test('an answer may take its time once for each connection', async () => {
  requests.attach(through('a'));
  const asked = chat();
  const failed = expect(asked).rejects.toMatchObject({ code: 'timeout' });
  await vi.advanceTimersByTimeAsync(9_000);
  requests.detach(lost);
  await vi.advanceTimersByTimeAsync(60_000);
  requests.attach(through('b'));
  await vi.advanceTimersByTimeAsync(9_000);
  expect(sent).toEqual(['a:1', 'b:1']);
  await vi.advanceTimersByTimeAsync(1_000);
  await failed;
  // Late, and nobody waits for it.
  requests.answer({ re: 1, ok: {} });
});

test('after the end nothing is answered', async () => {
  requests.attach(through('a'));
  const asked = chat();
  requests.end(lost);
  await expect(asked).rejects.toBe(lost);
  await expect(chat()).rejects.toBe(lost);
});

test('there is a limit to what may wait', async () => {
  for (let index = 0; index < 512; index += 1) chat().catch(() => {});
  await expect(chat()).rejects.toMatchObject({ code: 'busy' });
  requests.end(lost);
});
