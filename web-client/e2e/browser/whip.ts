/** A page of somebody else's: publishes and views with the npm package `whip-whep`. */
import { WHEPClient } from 'whip-whep/whep.js';
import { WHIPClient } from 'whip-whep/whip.js';

import type { Signature } from '../support/signature.ts';
import { syntheticStream } from './devices.ts';
import { readPicture, readTone } from './reading.ts';

/** What a viewer's m-lines carry: one entry for each, in order. */
export interface Viewed {
  readonly colours: readonly (readonly number[] | undefined)[];
  readonly tones: readonly (number | undefined)[];
}

/** What a test may call in the page. */
export interface WhipProbe {
  /** Publishes a colour and a tone by WHIP. */
  publish(url: string, token: string, signature: Signature): Promise<void>;
  /** Views by WHEP with that many m-lines of each kind. */
  view(url: string, token: string, lines: { readonly audio: number; readonly video: number }): Promise<void>;
  /** What is decoded now. */
  viewed(): Promise<Viewed>;
  /** Ends what `publish` or `view` began, at the server too. */
  stop(): Promise<void>;
}

declare global {
  interface Window {
    orielWhip: WhipProbe;
  }
}

let client: WHIPClient | WHEPClient | undefined;
const videos: HTMLVideoElement[] = [];
const audios: HTMLAudioElement[] = [];

window.orielWhip = {
  publish: async (url, token, signature) => {
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    for (const track of syntheticStream(signature, { audio: true, video: true }).getTracks()) {
      connection.addTransceiver(track, { direction: 'sendonly' });
    }
    const whip = new WHIPClient();
    client = whip;
    await whip.publish(connection, url, token);
    await connected(connection);
  },
  view: async (url, token, lines) => {
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    for (let line = 0; line < lines.audio; line++) audios.push(player('audio', connection));
    for (let line = 0; line < lines.video; line++) videos.push(player('video', connection));
    const whep = new WHEPClient();
    client = whep;
    await whep.view(connection, url, token);
    await connected(connection);
  },
  viewed: async () => ({
    colours: videos.map((video) => readPicture(video)?.colour),
    tones: await Promise.all(audios.map((audio) => readTone(audio))),
  }),
  stop: async () => {
    await client?.stop();
    client = undefined;
  },
};

function player(kind: 'video', connection: RTCPeerConnection): HTMLVideoElement;
function player(kind: 'audio', connection: RTCPeerConnection): HTMLAudioElement;
function player(kind: 'audio' | 'video', connection: RTCPeerConnection): HTMLMediaElement {
  const { receiver } = connection.addTransceiver(kind, { direction: 'recvonly' });
  const element = document.createElement(kind);
  element.autoplay = true;
  if (kind === 'video') element.muted = true;
  element.srcObject = new MediaStream([receiver.track]);
  document.body.append(element);
  return element;
}

function connected(connection: RTCPeerConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (connection.connectionState === 'connected') resolve();
      if (connection.connectionState === 'failed') reject(new Error('the connection failed'));
    };
    connection.addEventListener('connectionstatechange', look);
    look();
  });
}
