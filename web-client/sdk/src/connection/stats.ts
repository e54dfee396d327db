/** The browser's statistics in the room's words: by track, not by stream. */

import type { MediaKind, TrackSource } from '../protocol.gen.ts';
import type { Line } from './slots.ts';

/** A track on an m-line, and whose it is. */
export interface TrackOnLine extends Line {
  participant: string;
  source: TrackSource;
}

export interface TrackStats {
  direction: 'sent' | 'received';
  trackId: string;
  participantId: string;
  source: TrackSource;
  kind: MediaKind;
  /** As in `video/VP8`; undefined before the first packet. */
  codec: string | undefined;
  /** Bits per second since the statistics before these. */
  bitrate: number;
  /** Since the first statistics of this track. */
  packets: number;
  /** Since the first statistics of this track. Of sent ones, what the server reported. */
  packetsLost: number;
  /** Seconds; of sent tracks, what the server reported. */
  jitter: number | undefined;
  width: number | undefined;
  height: number | undefined;
  framesPerSecond: number | undefined;
  /** Seconds of frozen picture since the first statistics of this track. */
  frozen: number | undefined;
}

export interface PathStats {
  /** To the server, by way of a TURN server from there on. */
  protocol: string;
  /** The server's. */
  address: string;
  port: number;
  /** Whether a TURN server is between. */
  relayed: boolean;
  /** How the TURN server is reached. */
  relayProtocol: 'udp' | 'tcp' | 'tls' | undefined;
}

export interface RoomStats {
  /** Milliseconds since 1970 (UTC). */
  at: number;
  /** Seconds to the server and back. */
  roundTripTime: number | undefined;
  /** Bits per second that the browser believes it can send. */
  availableOutgoingBitrate: number | undefined;
  /** How the media goes; undefined before it does. */
  path: PathStats | undefined;
  tracks: TrackStats[];
}

/** What is read of any RTP statistics; every member may be missing in some browser. */
interface RtpStats {
  id: string;
  type: string;
  timestamp: number;
  kind?: MediaKind;
  mid?: string;
  codecId?: string;
  remoteId?: string;
  bytesReceived?: number;
  bytesSent?: number;
  packetsReceived?: number;
  packetsSent?: number;
  packetsLost?: number;
  jitter?: number;
  frameWidth?: number;
  frameHeight?: number;
  framesPerSecond?: number;
  totalFreezesDuration?: number;
}

interface Totals {
  at: number;
  bytes: number;
  packets: number;
  lost: number;
  frozen: number;
}

/** Reads statistics again and again; differences need a memory. */
export class StatsReader {
  readonly #first = new Map<string, Totals>();
  readonly #last = new Map<string, Totals>();

  async read(pc: RTCPeerConnection, lines: readonly TrackOnLine[]): Promise<RoomStats> {
    const report = await pc.getStats();
    const byMid = new Map(lines.map((line) => [line.mid, line]));
    const tracks: TrackStats[] = [];
    for (const stats of report.values() as Iterable<RtpStats>) {
      if (stats.type !== 'inbound-rtp' && stats.type !== 'outbound-rtp') continue;
      const line = stats.mid === undefined ? undefined : byMid.get(stats.mid);
      if (line) tracks.push(this.#track(report, stats, line));
    }
    return { at: Date.now(), ...path(report), tracks };
  }

  #track(report: RTCStatsReport, stats: RtpStats, line: TrackOnLine): TrackStats {
    const received = stats.type === 'inbound-rtp';
    const remote = stats.remoteId === undefined ? undefined : (report.get(stats.remoteId) as RtpStats | undefined);
    const quality = received ? stats : remote;
    const codec = report.get(stats.codecId ?? '') as { mimeType?: string } | undefined;
    const now: Totals = {
      at: stats.timestamp,
      bytes: (received ? stats.bytesReceived : stats.bytesSent) ?? 0,
      packets: (received ? stats.packetsReceived : stats.packetsSent) ?? 0,
      lost: quality?.packetsLost ?? 0,
      frozen: stats.totalFreezesDuration ?? 0,
    };
    const key = `${stats.id}/${line.track}/${line.bind}`;
    const first = this.#first.get(key) ?? now;
    const last = this.#last.get(key) ?? now;
    this.#first.set(key, first);
    this.#last.set(key, now);
    const seconds = (now.at - last.at) / 1000;
    return {
      direction: received ? 'received' : 'sent',
      trackId: line.track,
      participantId: line.participant,
      source: line.source,
      kind: stats.kind ?? 'audio',
      codec: codec?.mimeType,
      bitrate: seconds > 0 ? ((now.bytes - last.bytes) * 8) / seconds : 0,
      packets: now.packets - first.packets,
      packetsLost: now.lost - first.lost,
      jitter: quality?.jitter,
      width: stats.frameWidth,
      height: stats.frameHeight,
      framesPerSecond: stats.framesPerSecond,
      frozen: stats.totalFreezesDuration === undefined ? undefined : now.frozen - first.frozen,
    };
  }
}

type Path = Pick<RoomStats, 'roundTripTime' | 'availableOutgoingBitrate' | 'path'>;

function path(report: RTCStatsReport): Path {
  const pair = selectedPair(report);
  if (!pair) return { roundTripTime: undefined, availableOutgoingBitrate: undefined, path: undefined };
  const local = report.get(pair.localCandidateId) as
    | { candidateType?: string; relayProtocol?: 'udp' | 'tcp' | 'tls' }
    | undefined;
  const remote = report.get(pair.remoteCandidateId) as
    | { address?: string; port?: number; protocol?: string }
    | undefined;
  return {
    roundTripTime: pair.currentRoundTripTime,
    availableOutgoingBitrate: pair.availableOutgoingBitrate,
    path: remote && {
      protocol: remote.protocol ?? '',
      address: remote.address ?? '',
      port: remote.port ?? 0,
      relayed: local?.candidateType === 'relay',
      relayProtocol: local?.relayProtocol,
    },
  };
}

interface PairStats {
  type: string;
  nominated?: boolean;
  state?: string;
  /** Firefox's word for the one in use. */
  selected?: boolean;
  localCandidateId: string;
  remoteCandidateId: string;
  currentRoundTripTime?: number;
  availableOutgoingBitrate?: number;
}

function selectedPair(report: RTCStatsReport): PairStats | undefined {
  let fallback: PairStats | undefined;
  for (const stats of report.values() as Iterable<PairStats & { selectedCandidatePairId?: string }>) {
    if (stats.type === 'transport' && stats.selectedCandidatePairId !== undefined) {
      const pair = report.get(stats.selectedCandidatePairId) as PairStats | undefined;
      if (pair) return pair;
    }
    if (stats.type !== 'candidate-pair') continue;
    if (stats.selected) return stats;
    if (stats.nominated && stats.state === 'succeeded') fallback = stats;
  }
  return fallback;
}
