/**
 * The service worker that gives what a page receives to the browser as a download, while it comes. It answers for what
 * it was told of, each once, and for nothing else. It is a script by itself: whoever serves the page serves it, too.
 */
import type { Announcement, Given, Head, Heard } from './messages.ts';

/** What service workers have (Service Workers §4.1), which the types of pages leave out. */
interface Scope {
  onmessage: (event: MessageEvent<Announcement | undefined>) => void;
  onfetch: (event: { readonly request: Request; respondWith(response: Promise<Response>): void }) => void;
}

const announced = new Map<string, MessagePort>();
const scope = self as unknown as Scope;

scope.onmessage = ({ data, ports: [port] }) => {
  // Anything else is said to keep this worker awake.
  if (!data || !port) return;
  announced.set(data.path, port);
  say(port, 'begun');
};

scope.onfetch = (event) => {
  const { pathname } = new URL(event.request.url);
  const port = announced.get(pathname);
  if (!port) return;
  announced.delete(pathname);
  event.respondWith(respond(port));
};

function respond(port: MessagePort): Promise<Response> {
  return new Promise((resolve) => {
    const body = bodyOf(port, ({ name, size }) => {
      const headers = {
        'Content-Type': 'application/octet-stream',
        'Content-Length': String(size),
        'Content-Disposition': `attachment; filename*=UTF-8''${encoded(name)}`,
        'X-Content-Type-Options': 'nosniff',
      };
      resolve(new Response(body, { headers }));
    });
  });
}

function bodyOf(port: MessagePort, begins: (head: Head) => void): ReadableStream<Uint8Array> {
  // Whoever gives has given bytes, and was not told yet that the browser has taken them.
  let isOwed = false;
  return new ReadableStream({
    start(controller) {
      port.onmessage = ({ data }: MessageEvent<Given>) => {
        if (data === 'end') controller.close();
        else if (data === 'failed') controller.error(new Error('The transfer ended early.'));
        else if (data instanceof Uint8Array) {
          isOwed = true;
          controller.enqueue(data);
        } else begins(data);
      };
    },
    pull() {
      if (isOwed) say(port, 'taken');
      isOwed = false;
    },
    cancel() {
      say(port, 'stopped');
    },
  });
}

function say(port: MessagePort, heard: Heard): void {
  port.postMessage(heard);
}

/** RFC 8187 §3.2.1. */
function encoded(name: string): string {
  return encodeURIComponent(name).replace(/['()*]/gu, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
