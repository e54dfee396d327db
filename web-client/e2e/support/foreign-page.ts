import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { bundle } from './bundle.ts';

/** A web site that is not the server's: its pages are of another origin, so CORS applies. */
export interface ForeignSite {
  readonly url: string;
  stop(): Promise<void>;
}

/** Serves one page that runs a file of `browser/`. */
export async function startForeignSite(script: string): Promise<ForeignSite> {
  const page = `<!doctype html><meta charset="utf-8"><title>Elsewhere</title><body><script>${await bundle(script)}</script>`;
  const site = createServer((_request, response) => response.setHeader('Content-Type', 'text/html').end(page));
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  const { port } = site.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: async () => {
      site.closeAllConnections();
      await new Promise((resolve) => site.close(resolve));
    },
  };
}
