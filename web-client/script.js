/** One file of a package for pages without a bundler: `node script.js FOLDER NAME`, where NAME is what it defines there. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build, defaultClientConditions } from 'vite';

const [folder, name] = process.argv.slice(2);
const root = join(import.meta.dirname, folder);
const [{ output }] = await build({
  configFile: false,
  logLevel: 'error',
  root,
  // As in vite.base.ts: the other packages from their sources, too.
  resolve: { conditions: ['@oriel/source', ...defaultClientConditions] },
  build: {
    write: false,
    target: 'es2022',
    lib: { entry: 'src/index.ts', formats: ['iife'], name, fileName: () => `${folder}.iife.js` },
    rolldownOptions: { output: { inlineDynamicImports: true } },
  },
});
// A script is no module: it knows its own address, beside which its worker is, only while it starts.
const address = `${name}Script`;
for (const one of output) {
  const file = join(root, 'dist', one.fileName);
  mkdirSync(dirname(file), { recursive: true });
  if (one.type === 'asset') writeFileSync(file, one.source);
  else writeFileSync(file, `var ${address} = document.currentScript?.src;\n${one.code.replaceAll('`/assets/', '`assets/').replaceAll('{}.url', address)}`);
}
