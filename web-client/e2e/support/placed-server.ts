import { mkdtempSync, rmSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { placed, type Host } from './netns.ts';
import { start, until } from './process.ts';
import { startRelay, type Relay } from './relay.ts';

const BINARY = process.env.ORIEL_BINARY ?? new URL('../../../target/debug/oriel', import.meta.url).pathname;

/** A server that is reached over a network of the test's making. */
export interface PlacedServer {
  /** Where browsers find it, without a slash at the end. */
  readonly url: string;
  output(): string;
  stop(): Promise<void>;
}

/** Variables that configure a server. */
export type Settings = Readonly<Record<string, string>>;

/** Starts `oriel` on loopback with these settings. */
export function startServerWith(settings: Settings): Promise<PlacedServer> {
  return run([BINARY, []], { ORIEL__SFU__UDP_PORT: '0', ORIEL__SFU__TCP_PORT: '0', ...settings });
}

/** Starts `oriel` at a place of a network of namespaces, on one of the place's addresses. */
export function startServerAt(host: Host, address = host.ipv4, more: Settings = {}): Promise<PlacedServer> {
  const settings = {
    ORIEL__SERVER__BIND: JSON.stringify([address]),
    ORIEL__SERVER__DEV_PUBLIC: 'true',
    ORIEL__SFU__BIND: JSON.stringify([address]),
    ORIEL__SFU__UDP_PORT: '0',
    ...more,
  };
  return run(placed(host, BINARY), settings);
}

/** Starts `oriel` behind a relay that carries all that browsers and server say, media and signaling. */
export async function startServerBehindRelay(seed = 1): Promise<PlacedServer & { readonly relay: Relay }> {
  const port = String(await freeUdpPort());
  const server = await run([BINARY, []], {
    ORIEL__SFU__UDP_PORT: port,
    // They would lead past the relay.
    ORIEL__SFU__TCP: 'false',
    ORIEL__ICE__TURN: 'false',
    ORIEL__SFU__ADVERTISED: '["127.0.0.2"]',
    // Its own checks would find the browsers past the relay.
    ORIEL__SFU__ICE_LITE: 'true',
  });
  const { host } = new URL(server.url);
  const relay = await startRelay({ udp: [`127.0.0.2:${port}=127.0.0.1:${port}`], tcp: [`127.0.0.1:0=${host}`] }, seed);
  return {
    ...server,
    url: `http://${relay.tcp[0]}`,
    relay,
    stop: async () => {
      await relay.stop();
      await server.stop();
    },
  };
}

async function run([program, args]: [string, string[]], settings: Settings): Promise<PlacedServer> {
  const state = mkdtempSync(join(tmpdir(), 'oriel-test-'));
  const environment = {
    PATH: process.env.PATH,
    HOME: state,
    ORIEL__SERVER__HTTP_PORT: '0',
    ORIEL__SERVER__INTERNAL_PORT: '0',
    ORIEL__SERVER__STATE_DIR: state,
    ORIEL__TURN__PORT: '0',
    ORIEL__TURN__TLS_PORT: '0',
    ...settings,
  };
  const server = start(program, args, { env: environment, cwd: state });
  const url = await until(server, 'oriel says that it is ready', () => /^Oriel is ready: (\S+?)\/?$/m.exec(server.output())?.[1]);
  return {
    url,
    output: () => server.output(),
    stop: async () => {
      await server.stop();
      rmSync(state, { recursive: true, force: true });
    },
  };
}

/** A UDP port that nobody has. */
async function freeUdpPort(): Promise<number> {
  const probe = createSocket('udp4');
  await new Promise<void>((resolve) => probe.bind(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise<void>((resolve) => probe.close(resolve));
  return port;
}
