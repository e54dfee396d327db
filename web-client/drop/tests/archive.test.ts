import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { archiveOf } from '../src/disk/archive.ts';

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

it('is read by others as it was written, with folders and times', async () => {
  const entries = [
    { path: 'a/b/ü.txt', modified: 1_700_000_001_000, content: new Blob(['hello']) },
    { path: 'empty', modified: 1_600_000_000_999, content: new Blob() },
    { path: 'c', modified: 1_500_000_000_000, content: new Blob(['x'.repeat(200_000)]) },
  ];
  const path = join(folder, 'archive.zip');
  writeFileSync(path, Buffer.from(await (await archiveOf(entries)).arrayBuffer()));
  const read: unknown = JSON.parse(execFileSync('python3', ['-c', READ, path], { encoding: 'utf8' }));
  expect(read).toEqual([
    ['a/b/ü.txt', 'hello', 1_700_000_001],
    ['empty', '', 1_600_000_000],
    ['c', 'x'.repeat(200_000), 1_500_000_000],
  ]);
});
