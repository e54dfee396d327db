/** Begins a download of the browser, whose bytes come from this page. */
import type { Announcement, Heard } from './messages.ts';

/** Beside the script of the service worker: what is asked for there is a download. */
const SCOPE = 'downloads/';
/** Milliseconds that the service worker gets to start. */
const START = 10_000;
/** Milliseconds between two words that keep it awake: browsers end one that hears nothing for 30 seconds. */
const AWAKE = 10_000;

export interface Download {
  /** Takes what is downloaded: `messages.ts`. */
  readonly port: MessagePort;
  /** Nothing more is given: the service worker may rest. */
  release(): void;
}

/** Begins one by the service worker at that address. Rejects where the browser has none for this page. */
export async function beginDownload(script: string): Promise<Download> {
  const place = new URL(SCOPE, new URL(script, location.href));
  const registration = await navigator.serviceWorker.register(script, { scope: place.pathname });
  const worker = await activated(registration);
  const { port1: port, port2: theirs } = new MessageChannel();
  const path = `${place.pathname}${crypto.randomUUID()}`;
  worker.postMessage({ path } satisfies Announcement, [theirs]);
  await heard(port, 'begun');
  // A link would be asked for past the service worker.
  const frame = document.createElement('iframe');
  frame.hidden = true;
  frame.src = path;
  document.body.append(frame);
  const timer = setInterval(() => worker.postMessage(undefined), AWAKE);
  return {
    port,
    release: () => {
      clearInterval(timer);
      frame.remove();
    },
  };
}

function activated(registration: ServiceWorkerRegistration): Promise<ServiceWorker> {
  const worker = registration.active ?? registration.waiting ?? registration.installing;
  if (!worker) return Promise.reject(new Error('The service worker for downloads did not start.'));
  if (worker.state === 'activated') return Promise.resolve(worker);
  return within((resolve) => {
    worker.onstatechange = () => {
      if (worker.state === 'activated') resolve(worker);
    };
  });
}

function heard(port: MessagePort, expected: Heard): Promise<void> {
  return within((resolve) => {
    port.onmessage = ({ data }) => {
      if (data === expected) resolve();
    };
  });
}

function within<T>(wait: (resolve: (value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The service worker for downloads does not answer.')), START);
    wait((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
