/**
 * Proves that the pages stay small: builds them as they are shipped and compares what a browser
 * loads for each, gzipped, with its budget.
 */

import { gzipSync } from 'node:zlib';
import { build } from 'vite';

/** KiB, gzipped: everything that a page loads, by the module that shows it. */
const BUDGETS = { '/room/main.ts': 90, '/embed/main.ts': 90, '/drop/main.ts': 40 };
/** Likewise, what another site's page loads before there is a room on it. */
const LOADER_BUDGET = 5;

const { output } = await build({ root: import.meta.dirname, logLevel: 'warn', build: { write: false } });

/** The file and what it imports, to the end. */
function withImports(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  const chunk = output.find((one) => one.fileName === name);
  for (const imported of chunk?.imports ?? []) withImports(imported, found);
  return found;
}

/** What the code names: workers, which are files beside it, and with `isLater` what these load themselves. */
function withWorkers(names, isLater = false) {
  const codeOf = (one) => one.code ?? (isLater && one.fileName.endsWith('.js') ? String(one.source) : '');
  const text = output.filter((one) => names.has(one.fileName)).map(codeOf).join('');
  for (const one of output) if (one.type === 'asset' && one.fileName.endsWith('.js') && text.includes(one.fileName.replace('assets/', ''))) names.add(one.fileName);
  return names;
}

/** KiB of these files, gzipped. */
function sizeOf(names) {
  const bytes = output
    .filter((one) => names.has(one.fileName))
    .map((one) => gzipSync(one.type === 'chunk' ? one.code : one.source, { level: 9 }).length);
  return bytes.reduce((sum, one) => sum + one, 0) / 1024;
}

const entry = output.find((one) => one.type === 'chunk' && one.isEntry && one.facadeModuleId?.endsWith('index.html'));
let isTooLarge = false;
for (const [module, budget] of Object.entries(BUDGETS)) {
  const page = output.find((one) => one.type === 'chunk' && one.facadeModuleId?.endsWith(module));
  if (entry === undefined || page === undefined) throw new Error(`the build has no entry or no ${module}`);
  const loaded = withWorkers(withImports(page.fileName, withImports(entry.fileName)));
  for (const one of output) if (one.type === 'asset' && !one.fileName.endsWith('.js') && one.fileName !== 'preloads.txt') loaded.add(one.fileName);
  const size = sizeOf(loaded);
  // What it loads when somebody does something: other languages count, too, though nobody loads them all.
  const later = new Set(loaded);
  for (const name of loaded) {
    const chunk = output.find((one) => one.fileName === name);
    if (chunk !== entry) for (const imported of chunk?.dynamicImports ?? []) withImports(imported, later);
  }
  const rest = sizeOf(withWorkers(later, true)) - size;
  console.log(`${module}: ${size.toFixed(1)} KiB gzipped of ${budget}, in ${loaded.size} files; ${rest.toFixed(1)} more when they are needed`);
  isTooLarge ||= size > budget;
}
const loader = sizeOf(withImports('embed.js'));
console.log(`/embed.js: ${loader.toFixed(1)} KiB gzipped of ${LOADER_BUDGET}`);
if (isTooLarge || loader > LOADER_BUDGET) process.exit(1);
