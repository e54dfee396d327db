import { build, defaultClientConditions, type Rolldown } from 'vite';

import type { PreloadSettings } from '../browser/preload.ts';

const bundles = new Map<string, Promise<string>>();

/** One file of `browser/` with all that it imports, as the text of a classic script. */
export function bundle(entry: string): Promise<string> {
  let text = bundles.get(entry);
  if (text === undefined) {
    text = bundleOnce(entry);
    bundles.set(entry, text);
  }
  return text;
}

async function bundleOnce(entry: string): Promise<string> {
  const result = (await build({
    configFile: false,
    logLevel: 'warn',
    // As in vite.base.ts.
    resolve: { conditions: ['@oriel/source', ...defaultClientConditions] },
    build: {
      write: false,
      minify: false,
      lib: { entry: new URL(`../browser/${entry}`, import.meta.url).pathname, formats: ['iife'], name: 'orielTestBundle' },
    },
  })) as Rolldown.RolldownOutput[];
  const [output] = result;
  if (output === undefined) throw new Error(`bundling ${entry} gave nothing`);
  return output.output[0].code;
}

/** The script that makes a page testable; see `browser/preload.ts`. */
export async function preload(settings: PreloadSettings): Promise<string> {
  const code = await bundle('preload.ts');
  return `(() => { const orielTestSettings = ${JSON.stringify(settings)};\n${code}\n})();`;
}
