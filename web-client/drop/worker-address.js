/** The worker's address is a string that the compiler leaves as it is: in the package its file ends in `.js`. */
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('dist/disk/disk.js', import.meta.url);
const written = readFileSync(file, 'utf8');
const named = written.replace("'./worker.ts'", "'./worker.js'");
if (named === written) throw new Error('dist/disk/disk.js names no worker');
writeFileSync(file, named);
