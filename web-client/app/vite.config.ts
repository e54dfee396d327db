import { defineConfig } from 'vite';
import { resolve } from '../vite.base.js';
import { preloads } from './vite.preloads.js';

/** Where `oriel` listens while the pages come from Vite. */
const SERVER = process.env['ORIEL_SERVER'] ?? 'http://127.0.0.1:7880';

export default defineConfig({
  resolve,
  plugins: [preloads()],
  // The server gives the same page for `/` and `/r/ROOM`, so everything else has an absolute address.
  base: '/',
  // Workers load parts of themselves later, as pages do.
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    // Small files too stay files: the server's policy allows no data: addresses.
    assetsInlineLimit: 0,
    // The server names what a page needs. In the pages of others the addresses would not be ours.
    modulePreload: false,
    rolldownOptions: {
      input: { index: 'index.html', embed: 'src/embed/loader.ts', downloads: '../drop/src/downloads/service-worker.ts' },
      // Others write the address of one into their pages, and the other is looked for where it was.
      output: {
        entryFileNames: ({ name }) => (name === 'embed' || name === 'downloads' ? '[name].js' : 'assets/[name]-[hash].js'),
        // Else the page for files would load all that sends them before there is anybody, for these few lines.
        codeSplitting: { groups: [{ name: 'bytes', test: /drop\/src\/bytes\.ts$/u }] },
      },
    },
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/v1': { target: SERVER, ws: true } },
  },
});
