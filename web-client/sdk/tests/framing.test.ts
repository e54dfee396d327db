import { expect, test } from 'vitest';
import { frame, FrameReader } from '../src/transport/framing.ts';

const BODIES = [Uint8Array.of(7), Uint8Array.from({ length: 300 }, (_, index) => index), Uint8Array.of(1, 2, 3)];
const STREAM = Uint8Array.from(BODIES.flatMap((body) => [...frame(body)]));

function readAll(reader: FrameReader, pieces: readonly Uint8Array<ArrayBuffer>[]): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  for (const piece of pieces) {
    for (let rest = piece; rest.length > 0; ) {
      let body;
      [body, rest] = reader.read(rest);
      if (body) bodies.push(body);
    }
  }
  return bodies;
}

test('a length of four bytes, big endian, goes before', () => {
  expect(frame(Uint8Array.of(9, 8))).toEqual(Uint8Array.of(0, 0, 0, 2, 9, 8));
});

test('wherever the stream is cut, the same messages come', () => {
  for (let cut = 0; cut <= STREAM.length; cut += 1) {
    const reader = new FrameReader(300);
    expect(readAll(reader, [STREAM.subarray(0, cut), STREAM.subarray(cut)]), `cut at ${cut}`).toEqual(BODIES);
  }
  const bytes = [...STREAM].map((byte) => Uint8Array.of(byte));
  expect(readAll(new FrameReader(300), bytes)).toEqual(BODIES);
});

test('what is behind a message is left to whoever reads on', () => {
  const [body, rest] = new FrameReader(10).read(Uint8Array.of(0, 0, 0, 1, 5, 6, 7));
  expect([body, rest]).toEqual([Uint8Array.of(5), Uint8Array.of(6, 7)]);
});

test.each([0, 301, 0xffff_ffff])('a message of %i bytes is refused before it is read', (length) => {
  const head = new Uint8Array(4);
  new DataView(head.buffer).setUint32(0, length);
  expect(() => new FrameReader(300).read(head)).toThrow(RangeError);
});
