import { describe, expect, it } from 'vitest';
import { toBase64, type Bytes } from '../src/bytes.ts';
import { BLOCK, MAX_FILES, MAX_MANIFEST } from '../src/limits.ts';
import { Manifest, ManifestError } from '../src/manifest.ts';

const root = new Uint8Array(32).fill(7);
const file = (path: string, size = 1): { path: string; size: number; modified: number; root: Bytes } => ({ path, size, modified: 1, root });
const written = (said: unknown): Bytes => new TextEncoder().encode(JSON.stringify(said));
const listed = (change: object): Bytes => written({ v: 1, files: [{ path: 'a', size: 1, modified: 1, root: toBase64(root), ...change }] });

describe('a manifest', () => {
  it('reads what it wrote, under the same id', async () => {
    const sent = await Manifest.of([file('a/b.txt', 5), file('ü', 0)]);
    const read = await Manifest.parse(sent.bytes);
    expect(read.id).toBe(sent.id);
    expect(read.id).toMatch(/^[0-9a-f]{64}$/);
    expect(read.files).toEqual([file('a/b.txt', 5), file('ü', 0)]);
    expect((await Manifest.of([file('a/b.txt', 6), file('ü', 0)])).id).not.toBe(sent.id);
  });

  it('numbers the blocks through all files', async () => {
    const manifest = await Manifest.of([file('none', 0), file('a', BLOCK + 3), file('none too', 0), file('b', BLOCK), file('c', 1), file('last', 0)]);
    expect(manifest).toMatchObject({ blocks: 4, size: 2 * BLOCK + 4 });
    expect([0, 1, 2, 3].map((block) => manifest.place(block))).toEqual([
      { file: 1, index: 0, offset: 0, length: BLOCK },
      { file: 1, index: 1, offset: BLOCK, length: 3 },
      { file: 3, index: 0, offset: 0, length: BLOCK },
      { file: 4, index: 0, offset: 0, length: 1 },
    ]);
    for (const number of [-1, 4, 0.5, NaN]) expect(manifest.place(number)).toBeUndefined();
    expect(manifest.range(0)).toEqual({ first: 0, end: 0 });
    expect(manifest.range(3)).toEqual({ first: 2, end: 3 });
    expect(manifest.range(9)).toEqual({ first: 0, end: 0 });
  });

  it.each([
    ['nothing', new Uint8Array()],
    ['no JSON', new TextEncoder().encode('{')],
    ['no UTF-8', new Uint8Array([0x22, 0xff, 0x22])],
    ['null', written(null)],
    ['another version', written({ v: 2, files: [] })],
    ['no files', written({ v: 1, files: [] })],
    ['files that are no list', written({ v: 1, files: { length: 1 } })],
    ['a file that is none', written({ v: 1, files: [null] })],
    ['a negative size', listed({ size: -1 })],
    ['half a byte', listed({ size: 0.5 })],
    ['a size in words', listed({ size: '1' })],
    ['a size beyond numbers', listed({ size: 2 ** 53 })],
    ['more than a transfer takes', listed({ size: 2 ** 41 })],
    ['a short root', listed({ root: 'AAAA' })],
    ['a root that is none', listed({ root: '*'.repeat(43) })],
    ['no root', listed({ root: undefined })],
    ['a time that is none', listed({ modified: 8.64e15 + 1 })],
    ['a way out', listed({ path: '../a' })],
    ['the root of the disk', listed({ path: '/a' })],
    ['a drive', listed({ path: 'C:\\a' })],
    ['a control character', listed({ path: 'a\u0000b' })],
    ['text that runs backwards', listed({ path: 'a\u202Etxt.exe' })],
    ['a name without end', listed({ path: 'a'.repeat(256) })],
    ['folders without end', listed({ path: 'a/'.repeat(40) + 'b' })],
  ])('refuses %s', async (_, bytes) => {
    await expect(Manifest.parse(bytes)).rejects.toBeInstanceOf(ManifestError);
  });

  it('refuses two of one name, and a file where a folder is', async () => {
    await expect(Manifest.of([file('a'), file('a')])).rejects.toThrow('two have one name');
    await expect(Manifest.of([file('a/B'), file('A/b')])).rejects.toThrow('two have one name');
    await expect(Manifest.of([file('e\u0301'), file('\u00e9')])).rejects.toThrow('two have one name');
    await expect(Manifest.of([file('a/b/c'), file('a/b')])).rejects.toThrow('name of a folder');
  });

  it('is bounded', async () => {
    const many = Array.from({ length: MAX_FILES + 1 }, (_, at) => file(String(at)));
    await expect(Manifest.of(many)).rejects.toThrow('10000 files');
    expect((await Manifest.of(many.slice(1))).files).toHaveLength(MAX_FILES);
    await expect(Manifest.parse(new Uint8Array(MAX_MANIFEST + 1))).rejects.toThrow('too long');
  });
});
