/** Keeps the page's peer connections, so that a test can read what the browser says of them. */

/** What has been received, by kind. */
export interface Received {
  /** Packets, retransmissions included. */
  readonly audio: number;
  readonly video: number;
}

/** The path that ICE chose. */
export interface SelectedPath {
  readonly protocol: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** `relay` where it leads by way of a TURN server. */
  readonly type: string;
  /** How the TURN server is reached. */
  readonly relayProtocol: string | undefined;
}

/** A way to a TURN server. */
export type TurnBy = 'udp' | 'tcp' | 'tls';

const connections: RTCPeerConnection[] = [];

/** Records every peer connection that the page makes from now on. Of the ways to TURN servers it has but one, if one is named. */
export function recordConnections(turnBy?: TurnBy): void {
  const by = (url: string) => (url.startsWith('turns:') ? 'tls' : url.includes('transport=tcp') ? 'tcp' : 'udp');
  const filtered = ({ urls, ...server }: RTCIceServer) => ({ ...server, urls: [urls].flat().filter((url) => by(url) === turnBy) });
  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor({ iceServers = [], ...configuration }: RTCConfiguration = {}) {
      super({ ...configuration, iceServers: turnBy === undefined ? iceServers : iceServers.map(filtered) });
      connections.push(this);
    }
  };
}

/** Sums `packetsReceived` over the incoming streams of all open connections. */
export async function received(): Promise<Received> {
  const sums = { audio: 0, video: 0 };
  for (const report of await reports()) {
    report.forEach((entry: { type: string; kind?: string; packetsReceived?: number }) => {
      if (entry.type !== 'inbound-rtp') return;
      if (entry.kind === 'audio' || entry.kind === 'video') sums[entry.kind] += entry.packetsReceived ?? 0;
    });
  }
  return sums;
}

interface Pair extends RTCIceCandidatePairStats {
  /** Firefox marks the pair itself; others name it in the transport's entry. */
  readonly selected?: boolean;
}

/** The selected candidate pair of every open connection. */
export async function selectedPaths(): Promise<SelectedPath[]> {
  const paths: SelectedPath[] = [];
  for (const report of await reports()) {
    const entries = new Map<string, object>();
    report.forEach((entry: { id: string }) => entries.set(entry.id, entry));
    const all = [...entries.values()] as (RTCStats & Partial<Pair & RTCTransportStats>)[];
    const named = new Set(all.map((entry) => entry.selectedCandidatePairId));
    const pair = all.find((entry) => entry.type === 'candidate-pair' && (named.has(entry.id) || entry.selected === true));
    const remote = entries.get(pair?.remoteCandidateId ?? '') as { protocol: string; address?: string; port: number } | undefined;
    const local = entries.get(pair?.localCandidateId ?? '') as { candidateType: string; relayProtocol?: string } | undefined;
    if (remote === undefined || local === undefined) continue;
    paths.push({
      protocol: remote.protocol,
      remoteAddress: remote.address ?? '',
      remotePort: remote.port,
      type: local.candidateType,
      relayProtocol: local.relayProtocol,
    });
  }
  return paths;
}

function reports(): Promise<RTCStatsReport[]> {
  const open = connections.filter((connection) => connection.connectionState === 'connected');
  return Promise.all(open.map((connection) => connection.getStats()));
}
