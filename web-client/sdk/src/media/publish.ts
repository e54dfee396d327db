/** How each source is sent: bit rate, frame rate, and what gives way when there is too little of either. */

import type { MediaKind, TrackSource } from '../protocol.gen.ts';

/** What is to be sent. */
export interface Outgoing {
  /** Null: nothing yet (a camera that rests). */
  media: MediaStreamTrack | null;
  kind: MediaKind;
  source: TrackSource;
  /** Bits per second; undefined for the value by source. */
  maxBitrate: number | undefined;
}

/** Bits per second for one pixel of camera picture at 30 frames a second: 1280x720 gets 1.7 Mbit/s. */
const CAMERA_BITS_PER_PIXEL = 1.85;

/** One layer for now: everybody gets the same. */
export function encodings(outgoing: Outgoing): RTCRtpEncodingParameters[] {
  return [{ maxBitrate: outgoing.maxBitrate ?? defaultBitrate(outgoing) }];
}

function defaultBitrate({ source, media }: Outgoing): number {
  switch (source) {
    case 'microphone':
      return 32_000;
    case 'screen_share_audio':
      return 96_000;
    case 'screen_share':
      return 2_500_000;
    case 'camera': {
      const { width = 1280, height = 720 } = media?.getSettings() ?? {};
      return Math.round(Math.min(Math.max(width * height * CAMERA_BITS_PER_PIXEL, 150_000), 3_000_000));
    }
  }
}

/** Tells the encoder what the picture is of, unless the page has said so itself. */
export function hint(outgoing: Outgoing): void {
  const { media, source } = outgoing;
  if (media && media.contentHint === '' && source === 'screen_share') media.contentHint = 'detail';
}

/** Text of a shared screen must stay sharp; of a face both may suffer a little. */
function degradation(source: TrackSource): RTCDegradationPreference {
  return source === 'screen_share' ? 'maintain-resolution' : 'balanced';
}

/** Sets a sender that exists (again) to what it sends now. */
export async function tune(sender: RTCRtpSender, outgoing: Outgoing): Promise<void> {
  const parameters = sender.getParameters();
  const [wanted] = encodings(outgoing);
  // Without a negotiated encoding (Firefox, before the answer) there is nothing to set.
  if (parameters.encodings.length === 0) return;
  for (const encoding of parameters.encodings) encoding.maxBitrate = wanted!.maxBitrate;
  if (outgoing.kind === 'video') parameters.degradationPreference = degradation(outgoing.source);
  await sender.setParameters(parameters);
}
