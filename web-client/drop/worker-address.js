/**
 * The worker's address is a string that the compiler leaves as it is: in the package its file ends in `.js`. And a service
 * worker is a script, to which an `export` means nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('dist/disk/disk.js', import.meta.url);
const written = readFileSync(file, 'utf8');
const named = written.replace("'./worker.ts'", "'./worker.js'");
if (named === written) throw new Error('dist/disk/disk.js names no worker');
writeFileSync(file, named);

const script = new URL('dist/downloads/service-worker.js', import.meta.url);
writeFileSync(script, readFileSync(script, 'utf8').replace('export {};\n', ''));
