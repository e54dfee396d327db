/**
 * Proves that the pages stay small: builds them as they are shipped and compares what a browser
 * loads for a room, gzipped, with the budget.
 */

import { gzipSync } from 'node:zlib';
import { build } from 'vite';

/** KiB, gzipped: everything that `/r/ROOM` loads. */
const BUDGET = 90;

const { output } = await build({ root: import.meta.dirname, logLevel: 'warn', build: { write: false } });

/** The file and what it imports, to the end. */
function withImports(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  const chunk = output.find((one) => one.fileName === name);
  for (const imported of chunk?.imports ?? []) withImports(imported, found);
  return found;
}

const [entry] = output.filter((one) => one.type === 'chunk' && one.isEntry);
const room = output.find((one) => one.type === 'chunk' && one.facadeModuleId?.endsWith('/room/main.ts'));
if (entry === undefined || room === undefined) throw new Error('the build has no entry or no room page');
const loaded = withImports(room.fileName, withImports(entry.fileName));
for (const one of output) if (one.type === 'asset' && one.fileName !== 'preloads.txt') loaded.add(one.fileName);

const bytes = output
  .filter((one) => loaded.has(one.fileName))
  .map((one) => gzipSync(one.type === 'chunk' ? one.code : one.source, { level: 9 }).length);
const size = bytes.reduce((sum, one) => sum + one, 0) / 1024;
console.log(`room page: ${size.toFixed(1)} KiB gzipped of ${BUDGET}, in ${bytes.length} files`);
if (size > BUDGET) process.exit(1);
