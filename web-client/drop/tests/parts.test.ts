/** The small parts: sets of numbers, codes, messages, pieces, notes. */
import { describe, expect, it } from 'vitest';
import { Bitmap } from '../src/bitmap.ts';
import { fromBase64, toBase64 } from '../src/bytes.ts';
import { fragmentOf, makeInvitation, readInvitation, roomOf } from '../src/code.ts';
import { MAX_MESSAGE, MAX_TEXT, MAX_WANTED, PIECE } from '../src/limits.ts';
import { decodeMessage, encodeMessage } from '../src/messages.ts';
import { namePage, Seal, type Note } from '../src/notes.ts';
import { Assembly, cutBlock, readPiece, tagOf, type ArrivedBlock, type Piece } from '../src/piece.ts';

describe('base64url', () => {
  it('takes what it gives', () => {
    for (let length = 0; length < 70; length += 1) {
      const bytes = crypto.getRandomValues(new Uint8Array(length));
      expect(fromBase64(toBase64(bytes))).toEqual(bytes);
    }
    expect(toBase64(new Uint8Array([0xfb, 0xff]))).toBe('-_8');
  });

  it.each(['a', 'ab=', 'a b', '+/', 'é'])('does not take %j', (text) => expect(fromBase64(text)).toBeUndefined());
});

describe('a bitmap', () => {
  it('counts what is in it, once', () => {
    const bitmap = new Bitmap(10);
    expect([bitmap.add(9), bitmap.add(9), bitmap.add(10), bitmap.add(-1)]).toEqual([true, false, false, false]);
    expect([bitmap.count, bitmap.has(9), bitmap.has(8), bitmap.isFull]).toEqual([1, true, false, false]);
    expect(Bitmap.full(10)).toMatchObject({ count: 10, isFull: true });
    expect(Bitmap.full(0).isFull).toBe(true);
  });

  it('is read as it was written, and nothing else is', () => {
    const bitmap = new Bitmap(11);
    for (const at of [0, 3, 8, 10]) bitmap.add(at);
    const read = Bitmap.parse(String(bitmap), 11)!;
    expect(Array.from({ length: 11 }, (_, at) => at).filter((at) => read.has(at))).toEqual([0, 3, 8, 10]);
    expect(Bitmap.parse(String(bitmap), 17)).toBeUndefined();
    expect(Bitmap.parse(String(bitmap), 10), 'a number that is too high').toBeUndefined();
    expect(Bitmap.parse('!!', 11)).toBeUndefined();
  });
});

describe('an invitation', () => {
  it('is read from its link, and from its code as people write it', () => {
    const made = makeInvitation();
    expect(readInvitation(`https://rooms.example/drop#${fragmentOf(made)}`)).toEqual(made);
    expect(readInvitation(fragmentOf(made))).toEqual(made);
    const { code } = made;
    for (const text of [code, ` ${code.toUpperCase()} `, code.replaceAll('-', ' '), code.replaceAll('-', ' – ')]) {
      expect(readInvitation(text)).toEqual({ code });
    }
    expect(roomOf(code)).toMatch(/^[a-z0-9.-]{1,64}$/);
  });

  it.each(['', '4-otter', 'otter-plum', '4-otter-plum-x', '4-otter-plum.short', '4-ot/er-plum', '123-otter-plum'])('is not in %j', (text) => {
    expect(readInvitation(text)).toBeUndefined();
  });
});

describe('a message', () => {
  const id = 'ab'.repeat(32);

  it.each([
    { type: 'ready' },
    { type: 'offer', id, length: 7 },
    { type: 'manifest', id, part: '{', last: false },
    { type: 'accept', id, files: 'AQ', have: '' },
    { type: 'want', id, blocks: [0, 5] },
    { type: 'paused', id, paused: true },
    { type: 'cancel', id, reason: 'space' },
    { type: 'text', text: 'hello' },
    { type: 'used' },
  ] as const)('is read as it was written: $type', (message) => expect(decodeMessage(encodeMessage(message))).toEqual(message));

  it('of a later version is passed over', () => expect(decodeMessage('{"type":"sing"}')).toBeUndefined());

  it.each([
    'x',
    '[]',
    'null',
    '{"type":1}',
    '{"type":"done","id":"../x"}',
    `{"type":"offer","id":"${id}","length":-1}`,
    `{"type":"want","id":"${id}","blocks":[1.5]}`,
    `{"type":"want","id":"${id}","blocks":[${'1,'.repeat(MAX_WANTED)}1]}`,
    `{"type":"cancel","id":"${id}","reason":"because"}`,
    `{"type":"paused","id":"${id}","paused":1}`,
    `{"type":"text","text":"${'x'.repeat(MAX_TEXT + 1)}"}`,
    `{"type":"text","text":"${'x'.repeat(MAX_MESSAGE)}"}`,
    `{"type":"constructor"`,
  ])('is refused: %.60s', (text) => expect(decodeMessage(text)).toBe('bad'));
});

describe('pieces', () => {
  const id = '0123456789abcdef'.repeat(4);
  const block = Uint8Array.from({ length: 200_000 }, (_, at) => (at * 31) ^ (at >> 8));
  const proof = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));

  function pieces(bytes: Uint8Array, most = PIECE): Piece[] {
    const { buffer, ends } = cutBlock(id, 7, bytes, proof, most);
    return ends.map((end, at) => {
      const message = buffer.slice(ends[at - 1] ?? 0, end);
      expect(message.byteLength).toBeLessThanOrEqual(most);
      return readPiece(message)!;
    });
  }

  it.each([1, 1000, PIECE - 20 - 96, PIECE - 20 - 95, 200_000])('of %i bytes make the block again', (length) => {
    const bytes = block.slice(0, length);
    const assembly = new Assembly();
    const all = pieces(bytes);
    const added = all.map((piece) => assembly.add(piece, length));
    expect(all.every(({ tag, block: number }) => tag === tagOf(id) && number === 7)).toBe(true);
    expect(added.slice(0, -1).every((one) => one === undefined)).toBe(true);
    const whole = added.at(-1) as ArrivedBlock;
    expect([whole.block, whole.proof, Buffer.from(whole.bytes).equals(bytes)]).toEqual([7, proof, true]);
    expect(assembly.unfinished).toBeUndefined();
  });

  it('that do not fit are refused', () => {
    const all = pieces(block);
    const [first, second] = all as [Piece, Piece];
    expect(new Assembly().add(second, block.length), 'without its beginning').toBe('bad');
    expect(new Assembly().add(first, 10), 'longer than the block').toBe('bad');
    const assembly = new Assembly();
    assembly.add(first, block.length);
    expect(assembly.add({ ...second, block: 8 }, block.length), 'of another block').toBe('bad');
    expect(assembly.add({ ...second, offset: second.offset + 1 }, block.length), 'with a hole').toBe('bad');
  });

  it('begin anew when a block is sent again', () => {
    const assembly = new Assembly();
    const all = pieces(block);
    assembly.add(all[0]!, block.length);
    expect(assembly.unfinished).toBe(7);
    const whole = all.map((piece) => assembly.add(piece, block.length)).at(-1) as ArrivedBlock;
    expect(Buffer.from(whole.bytes).equals(block)).toBe(true);
  });

  it('are not read from anything else', () => {
    const message = cutBlock(id, 7, block.slice(0, 9), [], PIECE).buffer;
    expect(readPiece(message)).toBeDefined();
    expect(readPiece(message.slice(0, 20)), 'without bytes').toBeUndefined();
    expect(readPiece(new ArrayBuffer(0))).toBeUndefined();
    for (const [at, byte] of [[0, 2], [1, 1], [1, 200], [2, 1]] as const) {
      const changed = message.slice(0);
      new Uint8Array(changed)[at] = byte;
      expect(readPiece(changed), `byte ${at}`).toBeUndefined();
    }
  });
});

describe('notes', () => {
  const note: Note = { kind: 'hello', from: namePage() };
  const secret = crypto.getRandomValues(new Uint8Array(16));

  it('are sealed for those who have the secret', async () => {
    const written = await new Seal(secret).write(note);
    expect(await new Seal(secret).open(written)).toEqual({ note, isSealed: true });
    expect(await new Seal().open(written)).toEqual({ note, isSealed: false });
    expect(await new Seal(secret).open(await new Seal().write(note))).toEqual({ note, isSealed: false });
  });

  it('with a wrong seal or a changed word are nobody’s', async () => {
    const written = await new Seal(secret).write(note);
    expect(await new Seal(crypto.getRandomValues(new Uint8Array(16))).open(written)).toBeUndefined();
    expect(await new Seal(secret).open(written.replace('hello', 'HELLO'))).toBeUndefined();
    const other: Note = { kind: 'hello', from: namePage() };
    expect(await new Seal(secret).open(written.replace(note.from, other.from))).toBeUndefined();
  });

  it.each([
    '',
    'null',
    '{"drop":2,"body":"{}"}',
    '{"drop":1,"body":{}}',
    '{"drop":1,"body":"null"}',
    JSON.stringify({ drop: 1, body: JSON.stringify({ kind: 'hello', from: 'short' }) }),
    JSON.stringify({ drop: 1, body: JSON.stringify({ kind: 'welcome', from: note.from }) }),
    JSON.stringify({ drop: 1, body: JSON.stringify({ kind: 'candidate', from: note.from, to: note.from, lane: 4, candidate: {} }) }),
    JSON.stringify({ drop: 1, body: JSON.stringify({ kind: 'description', from: note.from, to: note.from, lane: 0, description: {} }) }),
  ])('are not read from %j', async (data) => expect(await new Seal().open(data)).toBeUndefined());
});
