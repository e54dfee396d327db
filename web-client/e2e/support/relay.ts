import { startTool } from './tool.ts';

/** What a direction of the path does to datagrams, and delay and rate to connections, too. */
export interface Impairment {
  /** Bits per second; 0 for no limit. */
  rate: number;
  /** Bytes that may wait for the link. */
  queue: number;
  delay_ms: number;
  jitter_ms: number;
  /** Shares of the datagrams, 0 to 1. */
  reorder: number;
  duplicate: number;
  loss: number;
}

/** Which half of the path: up is towards the server. */
export type Direction = 'both' | 'up' | 'down';

/** What became of what was carried in one direction; `load-tests/src/relay/path.rs` says what each counts. */
export interface Half {
  readonly impairment: Impairment;
  readonly received: number;
  readonly duplicated: number;
  readonly delivered: number;
  readonly delivered_bytes: number;
  readonly lost: number;
  readonly overflowed: number;
  readonly blacked_out: number;
  readonly flying: number;
  readonly held_up: number;
  readonly stream_bytes: number;
}

export interface RelayStats {
  readonly clients: number;
  readonly connections: number;
  readonly turned_away: number;
  readonly up: Half;
  readonly down: Half;
}

/** What to carry: `LISTEN=UPSTREAM`, both as `address:port`. */
export interface Forwards {
  readonly udp?: readonly string[];
  readonly tcp?: readonly string[];
}

/** A network between browsers and a server that can be bad. */
export interface Relay {
  /** Where it listens, `address:port` in the order of the forwards. */
  readonly udp: readonly string[];
  readonly tcp: readonly string[];
  set(impairment: Partial<Impairment>, direction?: Direction): Promise<RelayStats>;
  /** Nothing gets through for so many milliseconds; returns when the outage has begun. */
  outage(milliseconds: number, direction?: Direction): Promise<RelayStats>;
  /** Nothing gets through until `restore`. */
  cut(direction?: Direction): Promise<RelayStats>;
  restore(direction?: Direction): Promise<RelayStats>;
  /** Every UDP client has another port at the server, as when a NAT forgets its mappings. */
  rebind(): Promise<RelayStats>;
  /** Resets all TCP connections. */
  cutConnections(): Promise<RelayStats>;
  stats(): Promise<RelayStats>;
  stop(): Promise<void>;
}

/** Starts a relay that does no harm yet. */
export async function startRelay({ udp = [], tcp = [] }: Forwards, seed = 1): Promise<Relay> {
  const forwards = [...udp.flatMap((forward) => ['--udp', forward]), ...tcp.flatMap((forward) => ['--tcp', forward])];
  const tool = await startTool<Pick<Relay, 'udp' | 'tcp'>, object, RelayStats>(['relay', '--seed', String(seed), ...forwards]);
  return {
    ...tool.ready,
    set: (set, direction = 'both') => tool.order({ set, direction }),
    outage: (milliseconds, direction = 'both') => tool.order({ outage_ms: milliseconds, direction }),
    cut: (direction = 'both') => tool.order({ outage: true, direction }),
    restore: (direction = 'both') => tool.order({ outage: false, direction }),
    rebind: () => tool.order({ rebind: true }),
    cutConnections: () => tool.order({ cut_tcp: true }),
    stats: () => tool.order({ stats: true }),
    stop: () => tool.stop(),
  };
}
