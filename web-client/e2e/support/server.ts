import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Metrics } from './metrics.ts';
import { start, until } from './process.ts';

const BINARY = process.env.ORIEL_BINARY ?? new URL('../../../target/debug/oriel', import.meta.url).pathname;

/** A server of a test's own, on ports of its own. */
export interface Server {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  /** The one UDP port for media; another one after a restart. */
  readonly mediaPort: number;
  metrics(): Promise<Metrics>;
  /** What `oriel token` prints for these arguments. */
  token(...args: string[]): Promise<string>;
  /** Everything that it has logged. */
  output(): string;
  /** Ends it without a warning, as a fault would, and starts it again at the same address. */
  crash(): Promise<void>;
  /** Asks it to end when nobody is left. */
  drain(): void;
  /** Has it end now; where it drains already, those who are still there are told why. Insists after five seconds. */
  stop(): Promise<void>;
}

/** Starts `oriel` with a state folder of its own, and with `settings` (`ORIEL__…`), and waits until it says that it is ready. */
export async function startServer(settings: Readonly<Record<string, string>> = {}): Promise<Server> {
  const state = mkdtempSync(join(tmpdir(), 'oriel-test-'));
  const internalPort = await freePort();
  const environment = {
    PATH: process.env.PATH,
    HOME: state,
    ORIEL__SERVER__HTTP_PORT: '0',
    ORIEL__SERVER__INTERNAL_PORT: String(internalPort),
    ORIEL__SERVER__STATE_DIR: state,
    ORIEL__SFU__UDP_PORT: '0',
    ORIEL__SFU__TCP_PORT: '0',
    ORIEL__TURN__PORT: '0',
    ORIEL__TURN__TLS_PORT: '0',
    ...settings,
  };
  const run = () => start(BINARY, [], { env: environment, cwd: state });
  let server = run();
  const ready = (): Promise<string> =>
    until(server, 'oriel says that it is ready', () => /^Oriel is ready: (\S+?)\/?$/m.exec(server.output())?.[1]);
  const url = await ready();
  environment.ORIEL__SERVER__HTTP_PORT = new URL(url).port;
  return {
    url,
    get mediaPort() {
      return mediaPort(server.output());
    },
    metrics: async () => {
      const response = await fetch(`http://127.0.0.1:${internalPort}/metrics`);
      if (!response.ok) throw new Error(`/metrics: ${response.status}`);
      return new Metrics(await response.text());
    },
    token: async (...args) => {
      const { stdout } = await promisify(execFile)(BINARY, ['token', ...args], { env: environment, cwd: state });
      return stdout.trim();
    },
    output: () => server.output(),
    crash: async () => {
      const exit = once(server.child, 'exit');
      server.child.kill('SIGKILL');
      await exit;
      server = run();
      await ready();
    },
    drain: () => void server.child.kill('SIGTERM'),
    stop: async () => {
      await server.stop();
      rmSync(state, { recursive: true, force: true });
    },
  };
}

/** A TCP port that nobody listens on. */
async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Where the server says that media comes to. */
function mediaPort(output: string): number {
  const port = /media plane.* advertised=\[[^\]]*?:(\d+)[,\]]/.exec(output)?.[1];
  if (port === undefined) throw new Error(`the server does not tell its media port: ${output}`);
  return Number(port);
}
