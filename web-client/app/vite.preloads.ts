/**
 * Writes down what each page needs, so that the server can name it before the browser has read anything: a line for
 * each page in `preloads.txt`, with the files of its script. `signaling/build.rs` reads it.
 */
import type { Plugin } from 'vite';

const PAGE = /\/src\/([\w-]+)\/main\.ts$/;

export function preloads(): Plugin {
  return {
    name: 'preloads',
    generateBundle(_, bundle) {
      const chunks = Object.values(bundle).filter((one) => one.type === 'chunk');
      const withImports = (name: string, found: Set<string>): Set<string> => {
        const chunk = bundle[name];
        if (found.has(name) || chunk?.type !== 'chunk') return found;
        found.add(name);
        for (const imported of chunk.imports) withImports(imported, found);
        return found;
      };
      const entry = chunks.find((one) => one.isEntry && one.facadeModuleId?.endsWith('index.html'));
      const lines = chunks.flatMap((one) => {
        const page = PAGE.exec(one.facadeModuleId ?? '')?.[1];
        const files = withImports(one.fileName, withImports(entry?.fileName ?? '', new Set()));
        return page === undefined ? [] : [`${[page, ...files].join(' ')}\n`];
      });
      this.emitFile({ type: 'asset', fileName: 'preloads.txt', source: lines.sort().join('') });
    },
  };
}
