/**
 * Proves that the SDK stays small: bundles `src/index.ts` as an application would and compares its
 * gzipped size with the budget.
 */

import { gzipSync } from 'node:zlib';
import { build } from 'vite';

/** KiB, gzipped. */
const BUDGET = 45;

const [{ output }] = await build({
  configFile: false,
  logLevel: 'warn',
  root: import.meta.dirname,
  build: { write: false, minify: true, target: 'es2022', lib: { entry: 'src/index.ts', formats: ['es'] } },
});
const code = output.map((chunk) => (chunk.type === 'chunk' ? chunk.code : '')).join('');
const size = gzipSync(code, { level: 9 }).length / 1024;
console.log(`@oriel/client: ${size.toFixed(1)} KiB gzipped of ${BUDGET}`);
if (size > BUDGET) process.exit(1);
