import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { decodeEnvelope, encodeEnvelope, LONGEST_ENVELOPE, overhead, type Envelope } from '../src/data/envelope.ts';

/** A small generator (mulberry32), so that a failure can be repeated by its seed. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';

function draw(below: (limit: number) => number): Envelope {
  const id = (): string => `PA_${DIGITS[below(16)]}${Array.from({ length: 12 }, () => DIGITS[below(32)]).join('')}`;
  const number = (): bigint => (BigInt(below(2 ** 32)) << 32n) | BigInt(below(2 ** 32));
  const named = below(3) === 0;
  return {
    lossy: below(2) === 0,
    subscribers: !named && below(2) === 0,
    ...(below(2) ? { sender: id() } : {}),
    ...(below(2) ? { id: number() } : {}),
    ...(below(2) ? { seq: number() } : {}),
    ...(named ? { to: Array.from({ length: 1 + below(64) }, id) } : {}),
    topic: ['', 'cursor', 'Zeiger-Ü', '光标', 'x'.repeat(128)][below(5)]!,
    payload: Uint8Array.from({ length: below(300) }, () => below(256)),
  };
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))('what is written is read (seed %i)', (seed) => {
  const below = random(seed);
  for (let round = 0; round < 50; round += 1) {
    const envelope = draw(below);
    const bytes = encodeEnvelope(envelope);
    expect(bytes.length).toBe(overhead(envelope) + envelope.payload.length);
    expect(decodeEnvelope(bytes)).toEqual(envelope);
    // Wherever it is cut before the payload, it is no envelope; behind that, the payload is shorter.
    const cut = below(bytes.length);
    const read = decodeEnvelope(bytes.subarray(0, cut));
    expect(read === undefined).toBe(cut < overhead(envelope));
  }
});

test.each(Array.from({ length: 20 }, (_, seed) => seed))('any bytes are read as they would be written, or not (seed %i)', (seed) => {
  const below = random(1_000 + seed);
  let read = 0;
  for (let round = 0; round < 500; round += 1) {
    const bytes = Uint8Array.from({ length: below(40) }, () => below(256));
    if (below(4)) bytes.set([1, below(below(2) ? 64 : 4)].slice(0, bytes.length));
    if (below(2) && bytes.length > 30) bytes[2] = 0;
    const envelope = decodeEnvelope(bytes);
    if (!envelope) continue;
    read += 1;
    expect(encodeEnvelope(envelope)).toEqual(bytes);
  }
  expect(read).toBeGreaterThan(0);
});

test('the examples of docs/protocol.md are read, and written the same', () => {
  const text = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8');
  const dumps = [...text.matchAll(/```hex\n(.*?)```/gs)].map(([, dump = '']) => {
    return Uint8Array.from(Buffer.from(dump.replaceAll(/#.*|\s/g, ''), 'hex'));
  });
  expect(dumps.map((bytes) => decodeEnvelope(bytes))).toMatchObject([
    { id: 7n, to: ['PA_0000000000002'], topic: 'cursor', lossy: false, subscribers: false },
    { id: 7n, sender: 'PA_0000000000001', topic: 'cursor', lossy: false, subscribers: false },
  ]);
  for (const bytes of dumps) expect(encodeEnvelope(decodeEnvelope(bytes)!)).toEqual(bytes);
});

test('the form is that of the protocol, byte by byte', () => {
  const envelope: Envelope = {
    lossy: true,
    subscribers: false,
    sender: 'PA_0000000000002',
    id: 7n,
    to: ['PA_0000000000001'],
    topic: 'cursor',
    payload: Uint8Array.of(0xff),
  };
  const hex = Buffer.from(encodeEnvelope(envelope)).toString('hex');
  expect(hex).toBe(['01', '2d', '0000000000000002', '0000000000000007', '01', '0000000000000001', '06', '637572736f72', 'ff'].join(''));
});

test.each([
  ['another version', [2, 0, 0]],
  ['an unknown flag', [1, 0x40, 0]],
  ['listeners and names', [1, 0x22, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0]],
  ['nobody named', [1, 0x20, 0, 0]],
  ['too many named', [1, 0x20, 65, ...Array<number>(65 * 8).fill(1), 0]],
  ['a topic that is too long', [1, 0, 129, ...Array<number>(129).fill(65)]],
  ['a topic that is not UTF-8', [1, 0, 2, 0xc3, 0x28]],
  ['nothing', []],
  ['too much', Array<number>(LONGEST_ENVELOPE + 1).fill(0).fill(1, 0, 1)],
])('%s is no envelope', (_what, bytes) => {
  expect(decodeEnvelope(Uint8Array.from(bytes))).toBeUndefined();
});

const plain: Envelope = { lossy: false, subscribers: false, topic: '', payload: new Uint8Array() };

test.each<[string, Partial<Envelope>]>([
  ['a topic that is too long', { topic: 'ü'.repeat(65) }],
  ['nobody', { to: [] }],
  ['too many', { to: Array<string>(65).fill('PA_0000000000001') }],
  ['somebody who is no participant', { to: ['TR_0000000000001'] }],
  ['an id with a letter that is none', { to: ['PA_000000000000u'] }],
  ['an id of 65 bits', { to: ['PA_g000000000000'] }],
  ['a short id', { sender: 'PA_1' }],
  ['names and listeners', { to: ['PA_0000000000001'], subscribers: true }],
  ['too much', { payload: new Uint8Array(LONGEST_ENVELOPE - 2) }],
])('%s cannot be written', (_what, change) => {
  expect(() => encodeEnvelope({ ...plain, ...change })).toThrow(RangeError);
});
