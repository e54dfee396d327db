import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One page of a site that embeds rooms. */
export interface HostPage {
  /** What stands in `<body>`. */
  readonly body: string;
  /** Its style sheet, a file of the site's own. */
  readonly style?: string;
  /** Its headers; `ORIEL` in them stands for the server's origin, and `SOCKET` for that of its WebSocket. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A web site of another origin and another site than the server, whose pages are put in by tests. */
export interface HostSite {
  /** `http://localhost:PORT`. */
  readonly origin: string;
  /** Adds a page, or another one in its place; gives its address. */
  add(path: string, page: HostPage): string;
  stop(): Promise<void>;
}

/** As little as a page can allow that embeds a room: nothing but Oriel's origin for what Oriel loads, and no inline anything. */
export const STRICT =
  "default-src 'none'; style-src 'self'; img-src 'self'; script-src ORIEL; connect-src ORIEL SOCKET; frame-src ORIEL; media-src ORIEL; base-uri 'none'; form-action 'none'";

/** Starts it for rooms of the server at `oriel`. */
export async function startHostSite(oriel: string): Promise<HostSite> {
  const pages = new Map<string, HostPage>();
  const site = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const style = pathname.endsWith('.css');
    const page = pages.get(style ? pathname.slice(0, -4) : pathname);
    if (page === undefined) {
      response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end();
      return;
    }
    if (style) {
      response.setHeader('Content-Type', 'text/css').end(page.style);
      return;
    }
    for (const [name, value] of Object.entries(page.headers ?? {})) {
      response.setHeader(name, value.replaceAll('ORIEL', oriel).replaceAll('SOCKET', oriel.replace(/^http/u, 'ws')));
    }
    const head = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>A shop</title><link rel="stylesheet" href="${pathname}.css"><script type="module" src="${oriel}/embed.js"></script>`;
    response.setHeader('Content-Type', 'text/html').end(`${head}<body><main><h1>A shop</h1>${page.body}</main>`);
  });
  await new Promise<void>((resolve) => site.listen(0, 'localhost', resolve));
  const { port } = site.address() as AddressInfo;
  const origin = `http://localhost:${port}`;
  return {
    origin,
    add: (path, page) => {
      pages.set(path, page);
      return origin + path;
    },
    stop: async () => {
      site.closeAllConnections();
      await new Promise((resolve) => site.close(resolve));
    },
  };
}
