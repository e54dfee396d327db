import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium, type Browser } from '@playwright/test';

import { CHROMIUM } from './chromium.ts';
import { startTool } from './tool.ts';

/** What a client's router does with addresses; `load-tests/src/netns/mod.rs` says more. */
export type Nat = 'routed' | 'plain' | 'symmetric';

/** A place in the network where programs can run. */
export interface Host {
  /** For `ip netns exec`. */
  readonly namespace: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

interface Layout {
  readonly server: Host;
  readonly clients: readonly Host[];
}

/** A network of namespaces: a server's place, and clients' places behind routers, by their index. */
export interface Network {
  readonly server: Host;
  /** Where the clients are now. */
  clients(): readonly Host[];
  /** A client's NAT forgets its mappings. */
  rebind(client: number): Promise<void>;
  /** A client gets other addresses, as when it moves to another network. */
  renumber(client: number): Promise<void>;
  /** Nothing gets to or from a client until `restore`. */
  cut(client: number): Promise<void>;
  restore(client: number): Promise<void>;
  /** A client's router lets out nothing but TCP and UDP to these ports. */
  allow(client: number, ports: { readonly tcp: readonly number[]; readonly udp: readonly number[] }): Promise<void>;
  /** Takes the network down, with whatever still runs in it. */
  stop(): Promise<void>;
}

/** Why there can be no network here, for `test.skip`; `undefined` where there can. */
export const NO_NETWORK = process.getuid?.() === 0 ? undefined : 'network namespaces need root';

/** Makes a network with a client behind each of these. */
export async function buildNetwork(...nats: readonly Nat[]): Promise<Network> {
  const args = ['netns', ...nats.flatMap((nat) => ['--client', nat])];
  const tool = await startTool<Layout, Record<string, unknown>, Layout>(args);
  let { clients } = tool.ready;
  const order = async (name: string, what: unknown) => {
    ({ clients } = await tool.order({ [name]: what }));
  };
  return {
    server: tool.ready.server,
    clients: () => clients,
    rebind: (client) => order('rebind', client),
    renumber: (client) => order('renumber', client),
    cut: (client) => order('cut', client),
    restore: (client) => order('restore', client),
    allow: (client, ports) => order('allow', { client, ...ports }),
    stop: () => tool.stop(),
  };
}

/** The program and its arguments as they are started at a place. */
export function placed(host: Host, program: string, ...args: readonly string[]): [string, string[]] {
  return ['ip', ['netns', 'exec', host.namespace, program, ...args]];
}

/** Starts a Chromium at a place. Pages of `origin` get camera and microphone, though it has no TLS. `home` has its certificates. */
export async function launchChromiumAt(host: Host, origin: string, home?: string): Promise<Browser> {
  const folder = mkdtempSync(join(tmpdir(), 'oriel-chromium-'));
  const script = join(folder, 'chromium');
  const [program, args] = placed(host, CHROMIUM.executablePath ?? 'chromium');
  writeFileSync(script, `#!/bin/sh\nexec ${[program, ...args].join(' ')} "$@"\n`);
  chmodSync(script, 0o755);
  try {
    return await chromium.launch({
      ...CHROMIUM,
      executablePath: script,
      ...(home === undefined ? {} : { env: { ...process.env, HOME: home } }),
      args: [...(CHROMIUM.args ?? []), `--unsafely-treat-insecure-origin-as-secure=${origin}`],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
