import { afterEach, expect, test, vi } from 'vitest';
import { askForInvitation, socketAddress } from '../src/guest.ts';

afterEach(() => vi.unstubAllGlobals());

function answer(status: number, body: string): { url: string; init: RequestInit }[] {
  const calls: { url: string; init: RequestInit }[] = [];
  vi.stubGlobal('fetch', (url: URL, init: RequestInit) => {
    calls.push({ url: url.href, init });
    return Promise.resolve(new Response(body, { status }));
  });
  return calls;
}

const asked = { server: 'https://rooms.example', room: 'stand-up', name: 'Ada' };

test('asks the server for a token', async () => {
  const ticket = { token: 't', url: 'wss://rooms.example/v1/ws' };
  const calls = answer(200, JSON.stringify(ticket));
  expect(await askForInvitation(asked)).toEqual(ticket);
  expect(calls[0]!.url).toBe('https://rooms.example/v1/join');
  expect(JSON.parse(calls[0]!.init.body as string)).toEqual({ room: 'stand-up', name: 'Ada' });
});

test('a refusal keeps the server’s words', async () => {
  const detail = 'this server takes no guests';
  answer(403, JSON.stringify({ type: 'about:blank', title: 'Forbidden', status: 403, detail, code: 'forbidden', retry: false }));
  await expect(askForInvitation(asked)).rejects.toMatchObject({ code: 'forbidden', message: detail, retryable: false });
});

test('something else at the address is not taken for a server', async () => {
  answer(502, '<html>Bad gateway</html>');
  await expect(askForInvitation(asked)).rejects.toMatchObject({ code: 'unreachable', retryable: true });
});

test('no network and giving up are told apart', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  await expect(askForInvitation(asked)).rejects.toMatchObject({ code: 'unreachable' });
  const signal = AbortSignal.abort();
  await expect(askForInvitation({ ...asked, signal })).rejects.toMatchObject({ code: 'aborted' });
});

test.each([
  ['https://rooms.example', 'wss://rooms.example/v1/ws'],
  ['http://127.0.0.1:7880/', 'ws://127.0.0.1:7880/v1/ws'],
  ['wss://rooms.example/v1/ws', 'wss://rooms.example/v1/ws'],
  ['wss://rooms.example/behind/proxy/ws', 'wss://rooms.example/behind/proxy/ws'],
])('%s leads to %s', (url, address) => {
  expect(socketAddress(url)).toBe(address);
});
