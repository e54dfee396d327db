/**
 * Proves that the packages can be used as they would be published: builds and packs each, unpacks them where nothing else
 * is, and lets TypeScript, Node and a bundler take them from there.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'vite';

const HERE = import.meta.dirname;
/** In the order in which they need each other. */
const PACKAGES = ['sdk', 'drop', 'elements'];
/** A package's file for pages without a bundler, and what it defines there. */
const SCRIPTS = { sdk: 'OrielClient', drop: 'OrielDrop', elements: 'OrielElements' };

const CONSUMER = `
import { Room, type ConnectionState } from '@oriel/client';
import { Drop } from '@oriel/drop';
import { RoomElement, type RoomElementEvents } from '@oriel/elements';
import '@oriel/elements/room';

const room: Room = new Room();
export const state: ConnectionState = room.state;
export const make: typeof Drop = Drop;
const element: RoomElement = document.createElement('oriel-room');
element.roomName = 'tea';
element.addEventListener('oriel-left', ({ detail }) => detail.reason.toUpperCase());
export const joining: Promise<void> = element.join({ name: 'Ana' });
export type Told = RoomElementEvents['oriel-status'];
`;

const place = mkdtempSync(join(tmpdir(), 'oriel-packages-'));
try {
  const scope = join(place, 'node_modules/@oriel');
  mkdirSync(scope, { recursive: true });
  for (const folder of PACKAGES) unpack(folder, scope);
  // The one dependency that is not ours, with what it needs itself.
  for (const name of ['lit', 'lit-html', 'lit-element', '@lit', '@types/trusted-types']) link(name);
  checkTypes();
  checkNode();
  await checkBundle();
} finally {
  rmSync(place, { recursive: true, force: true });
}

function unpack(folder, scope) {
  const source = join(HERE, folder);
  rmSync(join(source, 'dist'), { recursive: true, force: true });
  const packed = execFileSync('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', place], { cwd: source, encoding: 'utf8' });
  // What a build script prints stands before it.
  const [{ name, filename, files }] = JSON.parse(packed.slice(packed.indexOf('[\n')));
  const target = join(scope, name.replace('@oriel/', ''));
  mkdirSync(target);
  execFileSync('tar', ['-xzf', join(place, filename), '-C', target, '--strip-components=1']);
  const stray = files.map(({ path }) => path).filter((path) => !/^(dist\/|package\.json$|README\.md$)/.test(path) || /\.test\./.test(path));
  if (stray.length > 0) throw new Error(`${name} has what nobody needs: ${stray.join(', ')}`);
  const { exports } = JSON.parse(readFileSync(join(target, 'package.json'), 'utf8'));
  for (const [entry, conditions] of Object.entries(exports)) {
    for (const condition of ['types', 'default']) {
      const file = typeof conditions === 'string' ? conditions : conditions[condition];
      if (!existsSync(join(target, file))) throw new Error(`${name}: ${entry} has no ${file}`);
    }
  }
  const script = readFileSync(join(target, `dist/${folder}.iife.js`), 'utf8');
  if (!script.includes(`var ${SCRIPTS[folder]}`)) throw new Error(`${name}: the script defines no ${SCRIPTS[folder]}`);
  const worker = /new URL\(`(assets\/worker[^`]*)`,``\+(\w+)\)/.exec(script);
  if (folder !== 'sdk' && (worker?.[2] !== `${SCRIPTS[folder]}Script` || !existsSync(join(target, 'dist', worker[1])))) throw new Error(`${name}: the script does not find its worker`);
  console.log(`${name}: ${files.length} files packed`);
}

function link(name) {
  const target = join(place, 'node_modules', name);
  mkdirSync(join(target, '..'), { recursive: true });
  symlinkSync(join(HERE, 'node_modules', name), target);
}

/** With the settings that most projects have, which do not know our own condition for sources. */
function checkTypes() {
  writeFileSync(join(place, 'consumer.ts'), CONSUMER);
  writeFileSync(join(place, 'package.json'), '{"type": "module"}');
  for (const [module, moduleResolution] of [['ESNext', 'bundler'], ['NodeNext', 'NodeNext']]) {
    const options = { module, moduleResolution, target: 'ES2022', lib: ['ES2023', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'], strict: true, noEmit: true, skipLibCheck: false, types: [] };
    writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['consumer.ts'] }));
    execFileSync(join(HERE, 'node_modules/.bin/tsc'), ['-p', place], { stdio: 'inherit' });
  }
  console.log('types: fine for bundlers and for Node');
}

function checkNode() {
  const script = "const { Room } = await import('@oriel/client'); if (new Room().state !== 'disconnected') process.exit(1);";
  execFileSync(process.execPath, ['--input-type=module', '-e', script], { cwd: place, stdio: 'inherit' });
}

/** What nobody uses must not be in a bundle, and the room only in a part that is loaded when there is one. */
async function checkBundle() {
  const bundle = async (code) => {
    writeFileSync(join(place, 'entry.js'), code);
    const [{ output }] = await build({
      configFile: false,
      logLevel: 'warn',
      root: place,
      build: { write: false, target: 'es2022', lib: { entry: 'entry.js', formats: ['es'] } },
    });
    return output[0].code.length;
  };
  const whole = await bundle("export * from '@oriel/client';");
  const part = await bundle("export { OrielError } from '@oriel/client';");
  const element = await bundle("import '@oriel/elements/room';");
  if (part > whole / 4) throw new Error(`OrielError alone is ${part} of ${whole} bytes: something keeps the rest in`);
  if (element > 24_000) throw new Error(`<oriel-room> alone is ${element} bytes: the room is not loaded later`);
  console.log(`bundles: ${whole} bytes of the client, ${part} of its errors alone, ${element} of <oriel-room> before there is one`);
}
