import { describe, expect, it } from 'vitest';
import { Delays, Rate } from './figures.ts';
import { decode, encode, type Message } from './message.ts';
import { joinBy, wayOf, WAYS } from './way.ts';

describe('messages', () => {
  it.each<Message>([
    { kind: 'at', place: { x: 0, y: 1 } },
    { kind: 'away' },
    { kind: 'ask', stamp: 12.75 },
    { kind: 'echo', stamp: 1e9 },
  ])('$kind is read as it was written', (message) => {
    expect(decode(encode(message))).toEqual(message);
  });

  it('places are kept to a ten-thousandth, and inside of the board', () => {
    const read = decode(encode({ kind: 'at', place: { x: 0.123456, y: -3 } }));
    expect(read).toEqual({ kind: 'at', place: { x: expect.closeTo(0.123456, 4) as number, y: 0 } });
  });

  it('what is cut or of another version is nothing', () => {
    const whole = encode({ kind: 'ask', stamp: 1 });
    for (let length = 0; length < whole.length; length += 1) expect(decode(whole.subarray(0, length))).toBeUndefined();
    expect(decode(Uint8Array.of(...whole, 0))).toBeUndefined();
    expect(decode(Uint8Array.of(9))).toBeUndefined();
  });
});

describe('figures', () => {
  it('a quantile is a delay that was measured', () => {
    const delays = new Delays();
    expect(delays.quantile(0.5)).toBeUndefined();
    for (let delay = 100; delay >= 1; delay -= 1) delays.add(delay);
    expect([delays.quantile(0), delays.quantile(0.5), delays.quantile(0.99), delays.quantile(1)]).toEqual([1, 50, 99, 100]);
  });

  it('only the newest delays count', () => {
    const delays = new Delays();
    delays.add(1_000);
    for (let index = 0; index < 400; index += 1) delays.add(2);
    expect([delays.count, delays.quantile(1)]).toEqual([400, 2]);
    delays.clear();
    expect(delays.count).toBe(0);
  });

  it('a rate is of the last two seconds', () => {
    const rate = new Rate();
    for (let now = 0; now < 10_000; now += 50) rate.add(now);
    expect(rate.at(10_000)).toBe(20);
    expect(rate.at(11_000)).toBe(10);
    expect(rate.at(20_000)).toBe(0);
  });
});

describe('ways', () => {
  it('is what the address says, else the best', () => {
    expect(WAYS.map((way) => wayOf(`?way=${way}`))).toEqual([...WAYS]);
    expect([wayOf(''), wayOf('?way=pigeon')]).toEqual(['best', 'best']);
  });

  it('has no peer connection but where it is the way', () => {
    expect(WAYS.filter((way) => joinBy(way).media === false)).toEqual(['webtransport', 'websocket']);
    expect(joinBy('websocket').transports).toEqual(['websocket']);
    expect(joinBy('channel').transports).not.toContain('webtransport');
  });
});
