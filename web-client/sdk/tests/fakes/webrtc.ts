/** As much of WebRTC as the SDK touches, without media: transceivers, descriptions and their order. */

import { vi } from 'vitest';

export class FakeTrack extends EventTarget {
  enabled = true;
  readyState: 'live' | 'ended' = 'live';
  contentHint = '';
  readonly kind: string;

  constructor(kind: string) {
    super();
    this.kind = kind;
  }

  getSettings(): MediaTrackSettings {
    return { width: 640, height: 360, deviceId: 'default' };
  }

  stop(): void {
    this.readyState = 'ended';
  }

  clone(): FakeTrack {
    return new FakeTrack(this.kind);
  }

  /** The device is gone: what a browser does then. */
  end(): void {
    this.readyState = 'ended';
    this.dispatchEvent(new Event('ended'));
  }
}

export class FakeMediaStream {
  readonly #tracks: FakeTrack[];

  constructor(tracks: FakeTrack[] = []) {
    this.#tracks = tracks;
  }

  getTracks(): FakeTrack[] {
    return this.#tracks;
  }

  getVideoTracks(): FakeTrack[] {
    return this.#tracks.filter(({ kind }) => kind === 'video');
  }

  getAudioTracks(): FakeTrack[] {
    return this.#tracks.filter(({ kind }) => kind === 'audio');
  }
}

class FakeSender {
  track: FakeTrack | null;

  constructor(track: FakeTrack | null) {
    this.track = track;
  }

  replaceTrack(track: FakeTrack | null): Promise<void> {
    this.track = track;
    return Promise.resolve();
  }

  getParameters(): RTCRtpSendParameters {
    return { encodings: [{}] } as unknown as RTCRtpSendParameters;
  }

  setParameters(): Promise<void> {
    return Promise.resolve();
  }
}

export class FakeTransceiver {
  mid: string | null = null;
  currentDirection: string | null = null;
  codecs: RTCRtpCodec[] = [];
  readonly kind: string;
  readonly direction: string;
  readonly sender: FakeSender;
  readonly receiver: { track: FakeTrack; getSynchronizationSources(): [] };

  constructor(trackOrKind: FakeTrack | string, direction: string) {
    const track = typeof trackOrKind === 'string' ? null : trackOrKind;
    this.kind = track?.kind ?? (trackOrKind as string);
    this.direction = direction;
    this.sender = new FakeSender(track);
    this.receiver = { track: new FakeTrack(this.kind), getSynchronizationSources: () => [] };
  }

  setCodecPreferences(codecs: RTCRtpCodec[]): void {
    this.codecs = codecs;
  }
}

export class FakeChannel {
  readyState = 'connecting';
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  binaryType = 'blob';
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: (() => void) | null = null;
  onbufferedamountlow: (() => void) | null = null;
  readonly sent: Uint8Array[] = [];
  readonly label: string;
  readonly options: RTCDataChannelInit;

  constructor(label: string, options: RTCDataChannelInit) {
    this.label = label;
    this.options = options;
  }

  send(bytes: Uint8Array): void {
    if (this.readyState !== 'open') throw new DOMException('not open', 'InvalidStateError');
    this.sent.push(bytes);
    this.bufferedAmount += bytes.length;
  }

  /** The network has taken everything but `rest` bytes. */
  flow(rest = 0): void {
    this.bufferedAmount = rest;
    this.onbufferedamountlow?.();
  }

  receive(bytes: Uint8Array<ArrayBuffer>): void {
    this.onmessage?.({ data: bytes.slice().buffer });
  }

  close(): void {
    this.readyState = 'closed';
    this.onclose?.();
  }
}

export class FakePeerConnection {
  /** Every one that was made, oldest first. */
  static made: FakePeerConnection[] = [];

  signalingState = 'stable';
  connectionState = 'new';
  onconnectionstatechange: (() => void) | null = null;
  onicecandidate: ((event: { candidate: { candidate: string } | null }) => void) | null = null;
  readonly transceivers: FakeTransceiver[] = [];
  /** What was called, in order. */
  readonly calls: string[] = [];
  readonly channels: FakeChannel[] = [];
  offers = 0;
  #configuration: RTCConfiguration;

  constructor(configuration: RTCConfiguration = {}) {
    this.#configuration = configuration;
    FakePeerConnection.made.push(this);
  }

  getConfiguration(): RTCConfiguration {
    return this.#configuration;
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.#configuration = configuration;
  }

  createDataChannel(label: string, options: RTCDataChannelInit): FakeChannel {
    const channel = new FakeChannel(label, options);
    this.channels.push(channel);
    return channel;
  }

  static get newest(): FakePeerConnection {
    return FakePeerConnection.made.at(-1)!;
  }

  addTransceiver(trackOrKind: FakeTrack | string, init: { direction: string }): FakeTransceiver {
    const transceiver = new FakeTransceiver(trackOrKind, init.direction);
    this.transceivers.push(transceiver);
    return transceiver;
  }

  /** An "SDP" that names the m-lines: `0 recvonly audio,1 recvonly video,…`, behind the offer's number. */
  async createOffer(options: { iceRestart?: boolean }): Promise<{ type: string; sdp: string }> {
    this.calls.push(options.iceRestart ? 'createOffer restart' : 'createOffer');
    await Promise.resolve();
    this.offers += 1;
    const lines = this.transceivers.map(({ direction, kind }, index) => `${index} ${direction} ${kind}`);
    return { type: 'offer', sdp: `#${this.offers} ${lines.join(',')}` };
  }

  async setLocalDescription(description: { type: string }): Promise<void> {
    this.calls.push(`setLocalDescription ${description.type}`);
    await Promise.resolve();
    if (description.type === 'rollback') {
      this.signalingState = 'stable';
      return;
    }
    this.signalingState = 'have-local-offer';
    this.transceivers.forEach((transceiver, index) => (transceiver.mid ??= String(index)));
  }

  async setRemoteDescription(): Promise<void> {
    this.calls.push('setRemoteDescription');
    await Promise.resolve();
    this.signalingState = 'stable';
    for (const transceiver of this.transceivers) {
      if (transceiver.mid !== null) transceiver.currentDirection = transceiver.direction;
    }
  }

  getStats(): Promise<Map<string, unknown>> {
    return Promise.resolve(new Map<string, unknown>());
  }

  close(): void {
    this.signalingState = 'closed';
    this.connectionState = 'closed';
  }

  /** What the browser reports about the path. */
  become(state: string): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

/** What Chromium offers for receiving, shortened. */
export const CAPABILITIES: Record<string, RTCRtpCodec[]> = {
  audio: [
    { mimeType: 'audio/opus', clockRate: 48_000, channels: 2, sdpFmtpLine: 'minptime=10;useinbandfec=1' },
    { mimeType: 'audio/red', clockRate: 48_000, channels: 2, sdpFmtpLine: '111/111' },
    { mimeType: 'audio/PCMU', clockRate: 8_000 },
  ],
  video: [
    { mimeType: 'video/VP8', clockRate: 90_000 },
    { mimeType: 'video/rtx', clockRate: 90_000 },
    { mimeType: 'video/VP9', clockRate: 90_000, sdpFmtpLine: 'profile-id=0' },
    { mimeType: 'video/VP9', clockRate: 90_000, sdpFmtpLine: 'profile-id=2' },
    {
      mimeType: 'video/H264',
      clockRate: 90_000,
      sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f',
    },
    {
      mimeType: 'video/H264',
      clockRate: 90_000,
      sdpFmtpLine: 'level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f',
    },
    { mimeType: 'video/AV1', clockRate: 90_000, sdpFmtpLine: 'level-idx=5;profile=0;tier=0' },
    { mimeType: 'video/AV1', clockRate: 90_000, sdpFmtpLine: 'level-idx=5;profile=1;tier=0' },
    { mimeType: 'video/red', clockRate: 90_000 },
    { mimeType: 'video/ulpfec', clockRate: 90_000 },
  ],
};

/** Puts the fakes where a browser has the real ones; `vi.unstubAllGlobals` takes them away. */
export function stubWebRtc(): void {
  FakePeerConnection.made = [];
  vi.stubGlobal('RTCPeerConnection', FakePeerConnection);
  vi.stubGlobal('RTCRtpReceiver', { getCapabilities: (kind: string) => ({ codecs: CAPABILITIES[kind] }) });
  vi.stubGlobal('MediaStream', FakeMediaStream);
  vi.stubGlobal('AudioContext', FakeAudioContext);
}

class FakeAudioContext {
  createAnalyser(): unknown {
    return { fftSize: 1024, getFloatTimeDomainData: () => {} };
  }

  createMediaStreamSource(): unknown {
    return { connect: () => {} };
  }

  resume(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
