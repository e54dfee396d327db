import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { archiveOf, ArchiveWriter } from '../src/disk/archive.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'oriel-archive-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Reads an archive with Python's own reader, which checks the sums. */
const READ = `
import json, sys, struct, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    assert archive.testzip() is None
    def stamp(extra):
        while extra:
            kind, length = struct.unpack('<HH', extra[:4])
            if kind == 0x5455: return struct.unpack('<I', extra[5:9])[0]
            extra = extra[4 + length:]
    print(json.dumps([[one.filename, archive.read(one).decode(), stamp(one.extra)] for one in archive.infolist()]))
`;

const READ_BACK = [
  ['a/b/ü.txt', 'hello', 1_700_000_001],
  ['empty', '', 1_600_000_000],
  ['c', 'x'.repeat(200_000), 1_500_000_000],
];

function readBack(bytes: Uint8Array): unknown {
  const path = join(folder, 'archive.zip');
  writeFileSync(path, bytes);
  return JSON.parse(execFileSync('python3', ['-c', READ, path], { encoding: 'utf8' }));
}

it('is read by others as it was written, with folders and times', async () => {
  const entries = [
    { path: 'a/b/ü.txt', modified: 1_700_000_001_000, content: new Blob(['hello']) },
    { path: 'empty', modified: 1_600_000_000_999, content: new Blob() },
    { path: 'c', modified: 1_500_000_000_000, content: new Blob(['x'.repeat(200_000)]) },
  ];
  expect(readBack(Buffer.from(await (await archiveOf(entries)).arrayBuffer()))).toEqual(READ_BACK);
});

it('is the same for others where it is written while its files come, and as long as was said', () => {
  const writer = new ArchiveWriter();
  const parts: Uint8Array[] = [];
  const entries = READ_BACK.map(([path, text, seconds]) => ({ path: String(path), bytes: Buffer.from(String(text)), modified: Number(seconds) * 1000 }));
  for (const { path, bytes, modified } of entries) {
    parts.push(writer.begin({ path, modified, size: bytes.length }));
    for (let at = 0; at < bytes.length; at += 70_000) {
      const part = bytes.subarray(at, at + 70_000);
      writer.add(part);
      parts.push(part);
    }
    parts.push(writer.finish());
  }
  const whole = Buffer.concat([...parts, writer.end()]);
  expect(readBack(whole)).toEqual(READ_BACK);
  expect(whole.length).toBe(ArchiveWriter.sizeOf(entries.map(({ path, modified, bytes }) => ({ path, modified, size: bytes.length }))));
});
